"""``doctor``: what podrunner sees of this machine."""

from __future__ import annotations

from runner.cli.app import app_of
from runner.cli.options import command
from runner.errors import ExitCode
from runner.render.layout import Layout

PROBLEM = "Problem"
"""The row that says why no Engine can be used."""


@command("doctor", "podrunner doctor", short_help="Show what podrunner sees of this machine.")
def doctor() -> int:
    """Show the Engine's address and where it came from, versions, what works from here, and leftovers.

    Exit code 3 when no Engine answers.
    """
    app = app_of()
    layout = Layout()
    rows = app.runner.doctor()
    for label, value in rows:
        first, *rest = value.split("\n")
        layout.line(0, f"{label}:\t{first}" if label else f"\t{first}")
        for line in rest:
            layout.line(0, f"\t{line}")
    app.out.write(layout.text())
    return ExitCode.NO_ENGINE if any(label == PROBLEM for label, _ in rows) else ExitCode.OK
