"""``completion``: a script that makes the shell complete commands, flags, pods and containers."""

from __future__ import annotations

import click

from runner.cli.app import app_of
from runner.cli.options import command

VARIABLE = "_PODRUNNER_COMPLETE"


@command("completion", 'eval "$(podrunner completion bash)"', short_help="Print a completion script for a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> int:
    """Print a completion script for a shell. Pods and containers are completed from the store, without the Engine."""
    from click.shell_completion import get_completion_class

    from runner.cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None
    completer = kind(cli, {}, "podrunner", VARIABLE)
    app_of().out.exact(completer.source_template % completer.source_vars() + "\n")
    return 0
