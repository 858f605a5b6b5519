"""``exec``, ``shell`` and ``attach``: into a container that runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from runner.api.types import Wishes
from runner.cli.app import App, app_of
from runner.cli.into.choosing import pod_for
from runner.cli.into.conversation import converse
from runner.cli.options import Command, command, complete_containers, complete_pods, namespace_option, option
from runner.errors import CommandNotStarted, UsageError

if TYPE_CHECKING:
    from runner.core.model import Object

_NO_TERMINAL = "Unable to use a TTY - input is not a terminal or the right kind of file"
_SHELLS = "for s in bash ash; do command -v $s >/dev/null 2>&1 && exec $s; done; exec sh"
_RECORDED = (
    "All commands and output from this session will be recorded in container logs, including credentials and sensitive "
    "information passed through the command prompt."
)
_PROMPT = "If you don't see a command prompt, try pressing enter."


class _Dashed(Command):
    """Keeps what stands behind ``--`` apart: it is the command, whatever it looks like."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        place = args.index("--") if "--" in args else None
        kept = ctx.meta
        kept["command"] = None if place is None else args[place + 1 :]
        return super().parse_args(ctx, args if place is None else args[:place])


_container = option(
    "-c", "--container", default="", shell_complete=complete_containers, help="Container (default: the first)."
)
_stdin = option("-i", "--stdin", "stdin", is_flag=True, help="Pass standard input on.")
_tty = option("-t", "--tty", "tty", is_flag=True, help="Standard input is a terminal, and the process has one.")
_quiet = option("-q", "--quiet", is_flag=True, help="Say nothing beside what comes from the container.")


@click.command(
    "exec",
    cls=_Dashed,
    short_help="Run a command in a container.",
    epilog="\b\nExample:\n  podrunner exec -it init-container-pod -- sh",
)
@click.argument("pod", required=False, metavar="POD|KIND/NAME", shell_complete=complete_pods)
@click.argument("rest", nargs=-1, metavar="-- CMD [ARG]...")
@_container
@_stdin
@_tty
@_quiet
@namespace_option
def exec(pod: str | None, rest: Sequence[str], namespace: str, **flags: Any) -> int:  # noqa: A001
    """Run a command in a container that runs: an init container, a sidecar and an ephemeral one too.

    The exit code is the command's; 126 and 127 are a command that cannot be started. KIND/NAME is a pod of a workload or Service.
    """
    argv: Sequence[str] | None = click.get_current_context().meta["command"]
    if argv is None and rest:
        text = "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead"
        raise UsageError(text, hint=f"podrunner exec {pod} -- {' '.join(rest)}")
    if rest:
        raise UsageError(f"one pod at a time, not {pod} and {' '.join(rest)}")
    if not pod:
        raise UsageError("pod, type/name or --filename must be specified", hint="podrunner exec POD -- COMMAND")
    if not argv:
        raise UsageError(
            "you must specify at least one command for the container", hint=f"podrunner exec {pod} -- COMMAND"
        )
    return _talk(app_of(), pod_for(app_of(), namespace, pod), argv, flags)


@command("shell", "podrunner shell init-container-pod", short_help="Open a shell in a container.")
@click.argument("pod", metavar="POD|KIND/NAME", shell_complete=complete_pods)
@_container
@_quiet
@namespace_option
def shell(pod: str, namespace: str, **flags: Any) -> int:
    """Open the best shell that a container has: bash, ash or sh. Piped standard input is what it does."""
    app = app_of()
    value = pod_for(app, namespace, pod)
    flags |= {"stdin": True, "tty": app.stdin.isatty()}
    try:
        return _run(app, value, ("sh", "-c", _SHELLS), flags)
    except CommandNotStarted as problem:
        name = value["metadata"]["name"]
        target = flags["container"] or value["spec"]["containers"][0]["name"]
        raise UsageError(
            f'there is no shell in the image of container "{target}"',
            hint=f"podrunner debug {name} --target {target} --image busybox brings one",
        ) from problem


@command("attach", "podrunner attach -it init-container-pod", short_help="Be there for a container's own process.")
@click.argument("pod", metavar="POD|KIND/NAME", shell_complete=complete_pods)
@_container
@_stdin
@_tty
@_quiet
@namespace_option
def attach(pod: str, namespace: str, **flags: Any) -> int:
    """See what a container's process writes from now on, and with -i be its standard input. Ctrl-C leaves it alone without -t."""
    app = app_of()
    value = pod_for(app, namespace, pod)
    name = flags["container"] or _annotated(value)
    found = _container_of(value, name)
    has_tty = bool(found.get("tty"))
    if flags["tty"] and not has_tty:
        _say(app, flags, f"error: Unable to use a TTY - container {found.get('name')} did not allocate one")
    flags["tty"] = has_tty and flags["stdin"]
    raw = _wants_terminal(app, flags)
    client, note = app.runner.client, _noting(app, flags)
    where = (str(value["metadata"]["namespace"]), str(value["metadata"]["name"]))
    wishes = Wishes(stdin=flags["stdin"])
    session = client.exec(*where, flags["container"], None, note, tty=has_tty, wishes=wishes)
    _say(app, flags, f"{_RECORDED}\n{_PROMPT}")
    converse(app, session, tty=raw, redraws=True, listens=flags["stdin"])
    return 0


def _talk(app: App, value: Object, argv: Sequence[str], flags: dict[str, Any]) -> int:
    """Run a command; one that cannot be started is told as kubectl does, with a shell's exit code."""
    try:
        return _run(app, value, argv, flags)
    except CommandNotStarted as problem:
        app.say(f"error: Internal error occurred: error executing command in container: {problem.message}")
        return problem.code


def _run(app: App, value: Object, argv: Sequence[str], flags: dict[str, Any]) -> int:
    raw = _wants_terminal(app, flags)
    where = (str(value["metadata"]["namespace"]), str(value["metadata"]["name"]))
    term = app.environ.get("TERM")
    wishes = Wishes(stdin=flags["stdin"], env=(f"TERM={term}",) if raw and term else ())
    note = _noting(app, flags)
    session = app.runner.client.exec(*where, flags["container"], argv, note, tty=raw, wishes=wishes)
    return converse(app, session, tty=raw, listens=flags["stdin"])


def _wants_terminal(app: App, flags: dict[str, Any]) -> bool:
    """Whether the process shall have a terminal: only with standard input, and only when that is one."""
    if not (flags["stdin"] and flags["tty"]):
        return False
    if app.stdin.isatty():
        return True
    _say(app, flags, _NO_TERMINAL)
    return False


def _say(app: App, flags: dict[str, Any], text: str) -> None:
    if not flags["quiet"]:
        app.say(text)


def _noting(app: App, flags: dict[str, Any]) -> Any:
    return lambda text: _say(app, flags, text)


def _annotated(value: Object) -> str:
    from runner.core.container.defaultcontainer import ANNOTATION

    return str((value["metadata"].get("annotations") or {}).get(ANNOTATION) or "")


def _container_of(value: Object, name: str) -> dict[str, Any]:
    """The container as the pod's spec has it; empty when there is none of that name."""
    spec = value["spec"]
    found = [one for key in ("containers", "initContainers", "ephemeralContainers") for one in spec.get(key) or ()]
    return next((one for one in found if one["name"] == name or not name), {})
