"""The sandbox's C programs with AddressSanitizer and UndefinedBehaviorSanitizer, and fuzzers of their parsers."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from runner.sandbox.build import PARSERS, SOURCE, SOURCES
from tools import debian
from tools.place import SetupError

TOP: Final = Path(__file__).resolve().parent.parent
SEEDS: Final = TOP / "fixtures/sandbox"
"""For each parser a folder of inputs: messages of real clients and servers, zones, tables and files as they are written."""
FOUND: Final = TOP / "artifacts/fuzz-sandbox"
"""Where inputs that break something are kept."""
FUZZ: Final = TOP / "tests/sandbox/fuzz"
TARGETS: Final = ("answer", "endpoints", "faults", "number", "question", "resolvconf", "stream", "text", "zone")
LIMITS: Final = {"faults": 1024, "number": 64, "stream": 1024, "zone": 2048}
"""Bytes that an input may have; 4096 for the others."""

_SANITIZERS: Final = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
_FLAGS: Final = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-g", "-O1", f"-I{SOURCE.parent}", f"-I{FUZZ}")
_RANDOM_BITS: Final = Path("/proc/sys/vm/mmap_rnd_bits")
_MOST_RANDOM_BITS: Final = 28
"""The sanitizers of older compilers find no room for themselves where addresses are more random than this."""


@dataclass(frozen=True)
class Outcome:
    """What became of many inputs to one parser. ``broken``: the input that broke it, kept in a file."""

    executions: int
    kept: int
    broken: Path | None = None
    report: str = ""


def steady(*command: str) -> list[str]:
    """The command so that a sanitized program can run: without random addresses where they are too random."""
    bits = int(_RANDOM_BITS.read_text()) if _RANDOM_BITS.exists() else 0
    return ["setarch", "-R", *command] if bits > _MOST_RANDOM_BITS and shutil.which("setarch") else list(command)


def _compile(folder: Path, *arguments: str, compiler: str = "gcc") -> None:
    done = subprocess.run([compiler, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SetupError(f"{compiler} cannot compile the sandbox's programs with sanitizers:\n{done.stderr.strip()}", 1)


def need_gcc() -> None:
    """Have gcc; SetupError where there is none and none may be installed."""
    if shutil.which("gcc") and Path("/usr/include/stdlib.h").exists():
        return
    if not debian.usable():
        raise SetupError("gcc and the headers of libc are needed: apt-get install gcc libc6-dev", 1)
    debian.install("gcc", "libc6-dev")


def build_program(folder: Path, reports: Path) -> Path:
    """The whole program, not the shipped one but the same source; what the sanitizers say goes to ``reports``.<pid>."""
    options = folder / "options.c"
    options.write_text(
        "const char *__asan_default_options(void);\n"
        f'const char *__asan_default_options(void) {{ return "detect_leaks=0:log_path={reports}"; }}\n'
    )
    sources = (str(SOURCE.parent / name) for name in SOURCES)
    _compile(folder, *_FLAGS, *_SANITIZERS, *sources, str(options), "-o", "pause")
    return folder / "pause"


def build_driver(folder: Path) -> Path:
    """The fuzzer of our own (tests/sandbox/fuzz/driver.c), with all parsers."""
    sources = (str(SOURCE.parent / name) for name in PARSERS)
    _compile(folder, *_FLAGS, *_SANITIZERS, "-fsanitize-coverage=trace-pc", "-c", *sources)
    objects = (f"{Path(name).stem}.o" for name in PARSERS)
    _compile(
        folder, *_FLAGS, *_SANITIZERS, str(FUZZ / "targets.c"), str(FUZZ / "driver.c"), *objects, "-o", "driver"
    )  # fmt: skip
    return folder / "driver"


def seeds(target: str) -> list[str]:
    """The paths of a parser's first inputs."""
    return [str(path) for path in sorted((SEEDS / target).iterdir())]


def keep(target: str, data: bytes) -> Path:
    """Write an input that breaks a parser where it stays."""
    FOUND.mkdir(parents=True, exist_ok=True)
    place = FOUND / f"{target}-{hashlib.sha256(data).hexdigest()[:12]}"
    place.write_bytes(data)
    return place


def replaying(target: str, path: Path) -> str:
    """The command that tries an input again."""
    shown = path.relative_to(TOP) if path.is_relative_to(TOP) else path
    return f"python3 -m tools.fuzz_sandbox replay {target} {shown}"


def drive(driver: Path, target: str, runs: int, seed: int, current: Path) -> Outcome:
    """Let our own fuzzer try ``runs`` inputs; ``current`` is a file of its own."""
    given = [str(runs), str(seed), str(LIMITS.get(target, 4096)), *seeds(target)]
    done = subprocess.run(
        steady(str(driver), target, str(current), *given), capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode == 0:
        executions, kept = re.findall(r"\d+", done.stdout)
        return Outcome(int(executions), int(kept))
    content = current.read_bytes()
    size = int.from_bytes(content[:8], "little")
    return Outcome(0, 0, keep(target, content[8 : 8 + size]), f"{done.stderr}\nexit code {done.returncode}")


def replay(driver: Path, target: str, current: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    """Try inputs as they are; exit code 0 when all are well."""
    command = steady(str(driver), target, str(current), "replay", *map(str, paths))
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def need_clang() -> bool:
    """Whether there is a clang with libFuzzer, installed where that is allowed."""
    if not shutil.which("clang") and debian.usable():
        debian.try_install("clang")
    if not shutil.which("clang"):
        return False
    shown = subprocess.run(["clang", "--version"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"version (\d+)", shown)
    if not _has_libfuzzer() and version and debian.usable():
        debian.try_install(f"libclang-rt-{version.group(1)}-dev")
    return _has_libfuzzer()


def _has_libfuzzer() -> bool:
    command = ["clang", "-fsanitize=fuzzer", "-###", "-x", "c", os.devnull]
    shown = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    found = re.search(r'"([^"]*clang_rt\.fuzzer[^"]*\.a)"', shown)
    return found is not None and Path(found.group(1)).exists()


def build_libfuzzer(folder: Path, target: str) -> Path:
    """One parser with libFuzzer."""
    sources = (str(SOURCE.parent / name) for name in PARSERS)
    sanitizers = ("-fsanitize=fuzzer,address,undefined", *_SANITIZERS[1:], f"-DONE={target}")
    _compile(folder, *_FLAGS, *sanitizers, *sources, str(FUZZ / "targets.c"), "-o", target, compiler="clang")
    return folder / target


def drive_libfuzzer(program: Path, target: str, seconds: int) -> Outcome:
    """Let libFuzzer try inputs for so long; those that reach something new stay for the next time."""
    corpus = FOUND / "corpus" / target
    corpus.mkdir(parents=True, exist_ok=True)
    options = (
        f"-max_total_time={seconds}",
        f"-max_len={LIMITS.get(target, 4096)}",
        "-timeout=10",
        "-print_final_stats=1",
    )
    more = (f"-artifact_prefix={FOUND}/{target}-", "-detect_leaks=0", "-verbosity=0")
    command = steady(str(program), *options, *more, str(corpus), str(SEEDS / target))
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", done.stderr)
    written = re.search(r"Test unit written to (\S+)", done.stderr)
    count = int(executions.group(1)) if executions else 0
    broken = Path(written.group(1)) if written else None
    if done.returncode != 0 and broken is None:
        raise SetupError(f"libFuzzer ended with exit code {done.returncode}:\n{done.stderr[-2000:]}", 1)
    return Outcome(count, len(list(corpus.iterdir())), broken, done.stderr if broken else "")
