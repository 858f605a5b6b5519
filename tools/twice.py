"""`python -m tools.twice MOST PYTEST-ARGUMENT…`: run tests; the few that failed are run once more, alone.

Beside others on a busy machine a test may miss what it waits for. What passes alone is named at the end, with both
outcomes, and does not fail the run; more than MOST failures, or one that fails again, do. The exit code is pytest's.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

TESTS_FAILED = 1


def _pytest(cache: Path, *arguments: str) -> int:
    command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}", *arguments]
    return subprocess.run(command, check=False).returncode


def _failed(cache: Path) -> list[str]:
    """Which tests failed, as pytest remembers them; none when they could not even be loaded."""
    found = cache / "v" / "cache" / "lastfailed"
    return sorted(name for name in json.loads(found.read_text()) if "::" in name) if found.exists() else []


def _say(text: str) -> None:
    print(text, flush=True)


def main(arguments: list[str]) -> int:
    """Run the tests, and those that failed once more; return the exit code."""
    most, *rest = arguments
    with tempfile.TemporaryDirectory(prefix="podrunner-twice-") as name:
        cache = Path(name)
        code = _pytest(cache, *rest)
        failed = _failed(cache)
        if code != TESTS_FAILED or not 0 < len(failed) <= int(most):
            return code
        _say(f"Once more, alone: {len(failed)} that failed beside others")
        again = _pytest(Path(name) / "again", "-q", *failed)
        for test in failed if again == 0 else ():
            _say(f"FLAKY {test}: failed beside others (above), passed alone")
        return again


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
