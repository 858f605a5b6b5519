"""`python -m tools.engines [RELEASE…]`: run the tests on the real Engine with the Engines of newer Debians.

Each release is a root directory in the state directory, made once with debootstrap, with its own Python and Engine.
Prints a line for each: what it ran, on which Engine, and how it ended. `--command` runs something else in the beds.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from tools import bed
from tools.place import SetupError, say, state_directory

TOP = Path(__file__).resolve().parents[1]
RELEASES = ("trixie", "testing")
TESTS = "not slow_conformance and docker"
SUITE = f"""
python3 -m tools.install || exit
address=$(python3 -m tools.images --export) || exit
eval "$address"
export PODRUNNER_REQUIRE_ENGINE=1
.venv/bin/python -c '
import docker, platform
version = docker.from_env().version()
print("Python", platform.python_version() + ", Docker", version["Version"] + ", API", version["ApiVersion"])
' > /src/.told
.venv/bin/pytest -q -n 4 --dist loadgroup -p no:hypothesispytest -m '{TESTS}' "$@" 2>&1 | tee /src/.printed
code=${{PIPESTATUS[0]}}
tail -n 1 /src/.printed >> /src/.told
python3 -m tools.engine stop
exit $code
"""


def _told(root: Path) -> str:
    path = root / "src/.told"
    return ": ".join(path.read_text().splitlines()) if path.exists() else "the set-up failed"


def main(arguments: list[str]) -> int:
    """Run the releases one after the other; return 1 when one of them failed, 3 where none can be had."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.engines", description="the tests on Engines of newer Debians"
    )
    parser.add_argument(
        "release", nargs="*", default=RELEASES, help=f"releases of Debian (default {' '.join(RELEASES)})"
    )
    parser.add_argument("--command", help="run this in a shell in each bed instead of the tests")
    parser.add_argument("--pytest", action="append", default=[], help="one more argument for pytest")
    options = parser.parse_args(arguments)
    failed = False
    for release in options.release:
        root = state_directory(os.environ) / "beds" / release
        begin = time.monotonic()
        try:
            bed.make(root, release)
            bed.put_checkout(TOP, root)
            script = (
                ["bash", "-c", options.command] if options.command else ["bash", "-c", SUITE, "suite", *options.pytest]
            )
            code = bed.run(root, script)
        except SetupError as problem:
            say(str(problem))
            return problem.exit_code
        failed = failed or code != 0
        print(
            f"{release}: {options.command or _told(root)}: exit code {code}, {time.monotonic() - begin:.0f} s",
            flush=True,
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
