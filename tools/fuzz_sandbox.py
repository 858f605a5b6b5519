"""`python3 -m tools.fuzz_sandbox [SECONDS]`: fuzz the parsers of the sandbox's programs, each on its own.

SECONDS: in all, 600 without it. With clang it is libFuzzer that looks for inputs, without it our own driver. An input
that breaks a parser stays in `artifacts/fuzz-sandbox`; the message names it, and the command that tries it again:
`python3 -m tools.fuzz_sandbox replay PARSER FILE...`. Exit code 1: something is broken; 2: usage.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tools import sanitized
from tools.place import SetupError, say
from tools.sanitized import TARGETS, Outcome

SECONDS = 600
_RUNS = 50_000
"""Inputs that our own driver tries at a time."""


def _with_our_driver(driver: Path, target: str, seconds: int) -> Outcome:
    end, done, most = time.monotonic() + seconds, 0, 0
    for seed in range(1, 1_000_000):
        outcome = sanitized.drive(driver, target, _RUNS, seed, driver.with_name("current"))
        if outcome.broken:
            return outcome
        done, most = done + outcome.executions, max(most, outcome.kept)
        if time.monotonic() >= end:
            break
    return Outcome(done, most)


def fuzz(seconds: int) -> int:
    """Fuzz all parsers; return the exit code."""
    sanitized.need_gcc()
    each, broken = max(1, seconds // len(TARGETS)), 0
    with tempfile.TemporaryDirectory() as folder:
        with_clang = sanitized.need_clang()
        driver = sanitized.build_driver(Path(folder))
        say(f"Fuzzing {len(TARGETS)} parsers with {'libFuzzer' if with_clang else 'our driver'}, {each} s each")
        print(f"{'PARSER':<12}{'EXECUTIONS':>12}{'INPUTS':>8}  RESULT", flush=True)
        for target in TARGETS:
            if with_clang:
                program = sanitized.build_libfuzzer(Path(folder), target)
                outcome = sanitized.drive_libfuzzer(program, target, each)
            else:
                outcome = _with_our_driver(driver, target, each)
            result = f"broken by {outcome.broken}" if outcome.broken else "sound"
            print(f"{target:<12}{outcome.executions:>12}{outcome.kept:>8}  {result}", flush=True)
            if outcome.broken:
                broken += 1
                say(f"{outcome.report[-4000:]}\nAgain: {sanitized.replaying(target, outcome.broken)}")
    return 1 if broken else 0


def replay(target: str, paths: list[Path]) -> int:
    """Try inputs again; return the exit code."""
    sanitized.need_gcc()
    with tempfile.TemporaryDirectory() as folder:
        driver = sanitized.build_driver(Path(folder))
        done = sanitized.replay(driver, target, Path(folder, "current"), *paths)
    say(f"{done.stdout}{done.stderr}".strip())
    say("sound" if done.returncode == 0 else f"broken, exit code {done.returncode}")
    return 0 if done.returncode == 0 else 1


def main(arguments: list[str]) -> int:
    """Carry out one command; return the exit code."""
    try:
        match arguments:
            case ["replay", target, _, *_] if target in TARGETS:
                return replay(target, [Path(path) for path in arguments[2:]])
            case []:
                return fuzz(SECONDS)
            case [seconds] if seconds.isdecimal() and int(seconds):
                return fuzz(int(seconds))
            case _:
                say(f"usage: python3 -m tools.fuzz_sandbox [SECONDS | replay {{{','.join(TARGETS)}}} FILE...]")
                return 2
    except SetupError as problem:
        say(str(problem))
        return problem.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
