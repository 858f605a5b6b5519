"""What the examples, and a few scenes of failures, come to in virtual time: pinned to the last byte.

``PODRUNNER_GOLDEN=1 pytest tests/lab/test_golden.py`` writes what there is now; say why it changed when you do that.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.cli.support import CommandLine

FIXTURES = Path(__file__).parents[2] / "fixtures"
GOLDEN = FIXTURES / "golden"
EXAMPLES = sorted((FIXTURES / "examples").glob("*.yaml"))
SCENES = sorted((FIXTURES / "scenes").glob("*.yaml"))
OUTPUTS = ("table", "timeline", "json")
ALL = [(path, ()) for path in EXAMPLES] + [(path, ("--script", str(path.with_suffix(".script")))) for path in SCENES]


def told(path: Path, how: tuple[str, ...]) -> str:
    """The table, the drawing, what was said at the end, and the digest of the trace."""
    done = [CommandLine()("simulate", str(path), *how, "--for", "10m", "-o", output) for output in OUTPUTS]
    assert [one.code for one in done] == [0, 0, 0], done[0].err
    parts, trace = [done[0].out, done[1].out, done[1].err], done[2].out
    parts.append(f"{len(trace.splitlines())} lines of the trace, sha256 {hashlib.sha256(trace.encode()).hexdigest()}\n")
    return "\n".join(parts)


@pytest.mark.parametrize(("path", "how"), ALL, ids=[path.stem for path, _ in ALL])
def test_a_simulation_tells_the_same_to_the_last_byte(path: Path, how: tuple[str, ...]) -> None:
    golden, found = GOLDEN / f"{path.stem}.txt", told(path, how)
    if os.environ.get("PODRUNNER_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8")
