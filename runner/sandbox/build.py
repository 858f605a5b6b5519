"""Cross-compiles the pause program: ``python -m runner.sandbox.build [--check]``.

Without an option both shipped binaries are built again and written beside the source. With ``--check`` they are built
into a temporary folder and compared; a difference is exit code 1. The compiler is the ``ziglang`` package, which
carries musl for both architectures, so one machine builds both; its pinned version is what makes the bytes repeatable.
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Final

from runner.sandbox.image import ARCHITECTURES, program_file_name

ZIGLANG_VERSION: Final = "0.15.2"
"""The one version of the PyPI package ``ziglang`` whose output the shipped binaries are."""

TARGETS: Final = {"amd64": "x86_64-linux-musl", "arm64": "aarch64-linux-musl"}

FLAGS: Final = (
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-Os",
    "-static",
    # Only what is used, nothing that names the machine or the moment of the build.
    "-s",
    "-ffunction-sections",
    "-fdata-sections",
    "-fno-stack-protector",
    "-fno-asynchronous-unwind-tables",
    "-Wl,--gc-sections",
    "-Wl,--build-id=none",
)

SOURCE: Final = Path(__file__).with_name("pause.c")
PARSERS: Final = ("text.c", "table.c", "dns.c", "zone.c", "faults.c", "stream.c", "resolvconf.c", "endpoints.c")
"""What reads bytes of others and needs no network: each can be called by itself."""
SOURCES: Final = ("pause.c", "relay.c", "standin.c", "network.c", *PARSERS, "resolver.c", "proxy.c")
"""What is compiled, in this order, in the folder of the first one."""


class BuildError(Exception):
    """The program cannot be built here; the text says what to do."""


def require_compiler() -> None:
    """Raises BuildError unless exactly the pinned compiler is installed for this Python."""
    try:
        found = metadata.version("ziglang")
    except metadata.PackageNotFoundError:
        found = "none"
    if found != ZIGLANG_VERSION:
        raise BuildError(
            f"ziglang {ZIGLANG_VERSION} is needed, found {found}: "
            f"{sys.executable} -m pip install ziglang=={ZIGLANG_VERSION}"
        )


def compile_program(architecture: str, output: Path) -> None:
    """Builds the program for one of ``ARCHITECTURES`` into ``output``; raises BuildError with the compiler's words."""
    command = [sys.executable, "-m", "ziglang", "cc", "-target", TARGETS[architecture], *FLAGS]
    done = subprocess.run(
        [*command, *SOURCES, "-o", str(output.resolve())],
        cwd=SOURCE.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BuildError(f"compiling for {architecture} failed:\n{done.stderr.strip()}")


def describe_program(program: Path) -> str:
    """Size in bytes and SHA-256, as the two commands print them."""
    content = program.read_bytes()
    return f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}"


def rebuild() -> None:
    """Writes both shipped binaries anew."""
    for architecture in ARCHITECTURES:
        output = SOURCE.with_name(program_file_name(architecture))
        compile_program(architecture, output)
        print(f"{output.name}: {describe_program(output)}")


def compare() -> bool:
    """Builds both binaries aside and says for each whether it equals the shipped one; True when both do."""
    same = True
    with tempfile.TemporaryDirectory() as folder:
        for architecture in ARCHITECTURES:
            built = Path(folder, program_file_name(architecture))
            compile_program(architecture, built)
            shipped = SOURCE.with_name(built.name)
            if shipped.is_file() and shipped.read_bytes() == built.read_bytes():
                print(f"{built.name}: equals its source ({describe_program(shipped)})")
                continue
            same = False
            had = describe_program(shipped) if shipped.is_file() else "missing"
            print(
                f"{built.name}: shipped is {had}, but its source builds to {describe_program(built)}",
                file=sys.stderr,
            )
    if not same:
        print("run `python -m runner.sandbox.build` and commit the binaries with the source", file=sys.stderr)
    return same


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0: built, or equal; 1: different, or no compiler; 2: usage."""
    parser = argparse.ArgumentParser(prog="python -m runner.sandbox.build", description="Build the pause program.")
    parser.add_argument("--check", action="store_true", help="compare with the shipped binaries, write nothing")
    options = parser.parse_args(arguments)
    try:
        require_compiler()
        if options.check:
            return 0 if compare() else 1
        rebuild()
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
