"""`python -m tools.bench_plugin`: what the pytest plugin costs who does not use it, and who does.

Pairs, one after the other. First `pytest --collect-only` in an empty project with the plugin and without it; then a test that
runs the fixture to Ready and deletes it, beside the whole process `podrunner run --until ready`, which does the same.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from tools.bench import PODRUNNER, compile_package, seconds

ROOT = Path(__file__).parents[1]
MANIFEST = ROOT / "fixtures" / "init-container.yaml"
TEST = f"""
import pytest

@pytest.mark.pod({str(MANIFEST)!r})
def test_ready(pod):
    assert pod.status.is_ready
"""


def pytest_command(*arguments: str) -> list[str]:
    """A session with the plugin and few others."""
    # Other plugins of this environment would only add noise to both sides.
    quiet = [
        word
        for name in ("cacheprovider", "hypothesispytest", "inline_snapshot", "xdist", "cov")
        for word in ("-p", f"no:{name}")
    ]
    return [sys.executable, "-m", "pytest", "-q", *quiet, *arguments]


def _collecting(folder: Path, pairs: int) -> None:
    (folder / "empty").mkdir()
    command = pytest_command("--collect-only", "--rootdir", str(folder / "empty"), str(folder / "empty"))
    note = folder / "collect.log"
    found: list[tuple[float, float]] = []
    for number in range(pairs + 1):
        pair = (
            seconds(command, dict(os.environ), note, allowed=(5,)),
            seconds([*command, "-p", "no:podrunner"], dict(os.environ), note, allowed=(5,)),
        )
        found += [pair] if number else []
    ours, bare = (statistics.median(column) for column in zip(*found, strict=True))
    print(
        f"collecting an empty project: {ours * 1000:.0f} ms with the plugin, {bare * 1000:.0f} ms without, "
        f"ratio {ours / bare:.3f}"
    )


def _running(folder: Path, pairs: int) -> None:
    (folder / "project").mkdir()
    (folder / "project" / "test_ready.py").write_text(TEST)
    environment = {**os.environ, "PODRUNNER_HOME": str(folder / "state")}
    report, note = folder / "report.xml", folder / "run.log"
    test = pytest_command("--rootdir", str(folder / "project"), f"--junitxml={report}", str(folder / "project"))
    run = [PODRUNNER, "run", str(MANIFEST), "--until", "ready", "--progress", "plain"]
    found: list[tuple[float, float, float]] = []
    for number in range(pairs + 1):
        whole = seconds(test, environment, note)
        (case,) = ElementTree.parse(report).iter("testcase")
        triple = (float(case.attrib["time"]), whole, seconds(run, environment, note))
        found += [triple] if number else []
    case_time, whole, process = (statistics.median(column) for column in zip(*found, strict=True))
    print(
        f"the fixture to Ready and away again: {case_time:.3f} s as a test, {process:.3f} s by podrunner run, "
        f"ratio {case_time / process:.2f} ({whole:.3f} s with the whole of pytest)"
    )


def main() -> int:
    """Measure and print the medians."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench_plugin", description="what the pytest plugin costs")
    parser.add_argument("--pairs", type=int, default=10, help="how many pairs of runs (default 10)")
    options = parser.parse_args()
    compile_package()
    with tempfile.TemporaryDirectory(prefix="podrunner-bench-") as folder:
        _collecting(Path(folder), options.pairs)
        _running(Path(folder), options.pairs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
