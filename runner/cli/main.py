"""The group of commands, and the one place where errors become messages and exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from keyword import iskeyword

import click

from runner.cli.app import App, app_of
from runner.cli.failures import SeveralErrors
from runner.cli.options import Command, EnvironmentOption
from runner.cli.spelling import did_you_mean
from runner.errors import ExitCode, ManifestError, Refusal, RunnerError, UsageError
from runner.render.streams import OutputClosed

BROKEN_PIPE = 141
"""What a shell shows for a program that SIGPIPE ended."""

COMMANDS = (
    "run", "repeat", "get", "describe", "explain", "events", "logs", "exec", "shell", "attach", "cp", "port-forward",
    "create", "apply", "delete", "wait", "continue", "retry", "validate", "plan",
    "debug", "simulate", "capture", "import", "history", "attempts", "trace", "diff", "timeline", "gc",
    "doctor", "version", "completion",
)  # fmt: skip
"""Each is a function of the same name, ``_`` behind it where Python has that word, in its module in ``runner.cli.commands``."""
TOGETHER = {
    "shell": "exec", "attach": "exec", "attempts": "history", "trace": "history", "diff": "history", "retry": "continue_",
}  # fmt: skip
"""Those that stand in the module of another one."""


_MEANT = {
    "rm": "delete", "remove": "delete", "stop": "delete", "down": "delete", "ps": "get po", "ls": "get po", "list": "get",
    "up": "run", "start": "run", "play": "run", "lint": "validate", "check": "validate", "prune": "gc", "clean": "gc",
    "info": "doctor", "help": "--help", "log": "logs", "watch": "get po -w", "inspect": "describe",
    "copy": "cp", "resume": "continue", "sh": "shell", "bash": "shell", "enter": "shell", "ssh": "shell",
    "why": "explain", "diagnose": "explain",
}  # fmt: skip
"""What other tools call it."""


class LazyGroup(click.Group):
    """Imports a command's module when the command is asked for."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name.replace("-", "_")
        found = getattr(import_module(f"runner.cli.commands.{TOGETHER.get(name, name)}"), name)
        assert isinstance(found, Command)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        word = args[0] if args else ""
        if word and not word.startswith("-") and word not in COMMANDS:
            meant = _MEANT.get(word)
            question = f"did you mean {meant}?" if meant else did_you_mean(word, COMMANDS)
            raise UsageError(f'unknown command "{word}"', hint=question or "podrunner --help")
        return super().resolve_command(ctx, args)


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    context_settings={
        "auto_envvar_prefix": "PODRUNNER",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 110,
    },
    epilog=(
        "Every option can be set by an environment variable, PODRUNNER_<COMMAND>_<OPTION>, such as "
        "PODRUNNER_RUN_RETRY=container; a flag beats a variable. Durations are Go's (1m30s) or plain seconds."
        "\n\n\b\nExample:\n  podrunner run pod.yaml"
    ),
)
@click.option("--home", cls=EnvironmentOption, help="Where state lives (default: the XDG state directory).")
@click.version_option(package_name="podrunner", prog_name="podrunner", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context, home: str | None) -> None:
    """The kubelet without the cluster: run a Kubernetes Pod manifest, unmodified, on a plain Docker Engine."""
    app_of(context).use_home(home)
    if context.invoked_subcommand is None:
        app_of(context).out.line(context.get_help())


def main(argv: Sequence[str], app: App | None = None) -> int:
    """Run one command; returns the exit code and raises nothing."""
    app = app or App()
    stdout = sys.stdout
    try:
        code = int(cli.main(args=list(argv), prog_name="podrunner", standalone_mode=False, obj=app) or 0)
    except OutputClosed:
        code = BROKEN_PIPE
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
    except SystemExit as end:  # click, after completing a word, or (having replaced stdout) when nobody reads its help
        code = BROKEN_PIPE if sys.stdout is not stdout else end.code if isinstance(end.code, int) else 0
    except Exception as error:
        code = _complain(app, error)
    with suppress(RunnerError, OSError):  # The end of the process closes what is left.
        app.close()
    return _finish(app, code)


def _complain(app: App, error: Exception) -> int:
    """Say what went wrong and what may help; returns the exit code."""
    match error:
        case SeveralErrors():
            for one in error.errors:
                _complain(app, one)
            return error.exit_code
        case Refusal():
            paint = app.paint(app.err)
            app.say(f"{paint.red(f'Error from server ({error.reason}):')} {error.message}")
            _hint(app, error.hint)
            return error.exit_code
        case ManifestError():
            for line in error.problems:
                app.say(line)
            count = len(error.problems)
            message = f"{count} {'problem' if count == 1 else 'problems'} in the manifest, nothing was touched"
            return _say(app, message, error.hint, error.exit_code)
        case RunnerError():
            return _say(app, error.message, error.hint, error.exit_code)
        case click.UsageError():
            return _say(app, error.format_message(), _usage_hint(error), ExitCode.USAGE)
        case click.ClickException():
            return _say(app, error.format_message(), "", ExitCode.USAGE)
        case click.Abort():
            return ExitCode.INTERRUPTED
        case _:
            return _bug(app, error)


def _say(app: App, message: str, hint: str, code: int) -> int:
    if app.speaks_json:
        app.tell_error(message, hint, code)
        return code
    paint = app.paint(app.err)
    app.say(f"{paint.red('error:')} {message}", hanging=len("error: "))
    _hint(app, hint)
    return code


def _hint(app: App, hint: str) -> None:
    paint = app.paint(app.err)
    for number, line in enumerate(hint.splitlines()):
        indent = len(line) - len(line.lstrip())
        app.say(f"{paint.dim('hint:')} {line}" if number == 0 else f"      {line}", hanging=len("hint: ") + indent + 2)


def _usage_hint(error: click.UsageError) -> str:
    return f"{error.ctx.command_path} --help" if error.ctx is not None else "podrunner --help"


def _bug(app: App, error: Exception) -> int:
    if app.environ.get("PODRUNNER_DEBUG"):
        import traceback

        app.err.write("".join(traceback.format_exception(error)))
    message = f"this is a mistake in podrunner: {type(error).__name__}: {error}"
    return _say(app, message, "PODRUNNER_DEBUG=1 shows where it happened", ExitCode.POD_FAILED)


def _finish(app: App, code: int) -> int:
    """Flush the streams; one whose reader is gone is pointed at nothing, so that the interpreter's exit stays silent."""
    for stream in (app.stdout, app.stderr):
        try:
            stream.flush()
        except (BrokenPipeError, ValueError):
            try:
                descriptor = stream.fileno()
            except (OSError, ValueError):
                continue
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, descriptor)
            os.close(nothing)
    return code
