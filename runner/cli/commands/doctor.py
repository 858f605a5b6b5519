"""``doctor``: what podrunner sees of this machine."""

from __future__ import annotations

from runner.cli.app import app_of
from runner.cli.options import command
from runner.render.layout import Layout


@command("doctor", "podrunner doctor", short_help="Show what podrunner sees of this machine.")
def doctor() -> int:
    """Show the Engine's address and where it came from, versions, what works from here, and leftovers."""
    app = app_of()
    layout = Layout()
    for label, value in app.runner.doctor():
        first, *rest = value.split("\n")
        layout.line(0, f"{label}:\t{first}" if label else f"\t{first}")
        for line in rest:
            layout.line(0, f"\t{line}")
    app.out.write(layout.text())
    return 0
