"""``gc``: remove what crashed processes left behind."""

from __future__ import annotations

from runner.cli.app import app_of
from runner.cli.options import DURATION, command, option
from runner.errors import ExitCode, UsageError


@command("gc", "podrunner gc --dry-run", short_help="Remove what crashed processes left behind.")
@option(
    "--all", "everything", is_flag=True, help="Also kept pods, volumes of claims, and what other hosts or nobody owns."
)
@option("--other-homes", is_flag=True, help="With --all: what other state directories keep, too.")
@option("--older-than", type=DURATION, help="Only what is older than this.")
@option("--dry-run", is_flag=True, help="Only say what would be removed.")
def gc(everything: bool, other_homes: bool, older_than: float | None, dry_run: bool) -> int:
    """Remove containers, volumes and records of pods that no living process owns.

    Only what carries podrunner's labels is touched, and never what a living process owns. What other state directories
    (PODRUNNER_HOME) keep on purpose is theirs.
    """
    if other_homes and not everything:
        raise UsageError("--other-homes goes with --all", hint="without --all nothing that is kept is removed")
    app = app_of()
    report = app.runner.gc(everything=everything, older_than=older_than, dry_run=dry_run, other_homes=other_homes)
    if report.damage:
        app.say(report.damage)
    word = "would remove" if dry_run else "removed"
    kinds = {
        "pod": report.pods,
        "container": report.containers,
        "volume": report.volumes,
        "image": report.images,
        "network": report.networks,
        "logs": report.logs,
        "record of run": report.records,
    }
    for kind, names in kinds.items():
        for name in names:
            app.out.line(f"{word} {kind} {name}")
    for problem in report.problems:
        app.say(f"error: {problem}")
    if report.is_empty:
        app.say("nothing to remove")
    return ExitCode.POD_FAILED if report.problems else ExitCode.OK
