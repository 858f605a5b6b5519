"""``debug``: into a copy of a failed attempt, or beside a container that runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from runner.cli.app import App, app_of, pod_name
from runner.cli.into.copies import Place, beside, in_copy, run_again
from runner.cli.options import command, complete_containers, complete_pods, namespace_option, option
from runner.core.manifest.ephemeral import PROFILES, PULL_POLICIES, Debugger
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.core.model import Object

_OF_COPIES = ("attempt", "rerun")
_OF_DEBUGGERS = ("target", "env", "image_pull_policy", "profile", "arguments_only", "attach")


@command(
    "debug",
    "podrunner debug web -c init-1 --attempt 1",
    short_help="Look into a failed attempt, or beside a container.",
)
@click.argument("pod", metavar="POD", shell_complete=complete_pods)
@click.argument("argv", nargs=-1, metavar="[-- CMD [ARG]...]")
@option(
    "-c",
    "--container",
    default="",
    shell_complete=complete_containers,
    help="Whose attempt (default: the container that failed last); with --target the new container's name.",
)
@option("--attempt", type=click.IntRange(min=0), help="Which attempt, counted from 0 (default: the last that failed).")
@option("--rerun", is_flag=True, help="Run the attempt's own command again in the copy, and say how it ends.")
@option(
    "--image",
    default="",
    help="Tools from this image: beside the copy, whose files are at /proc/1/root, or the target.",
)
@option(
    "--target",
    default="",
    shell_complete=complete_containers,
    help="Add an ephemeral container to the pod, as kubectl debug does; it sees this container's processes.",
)
@option("-i", "--stdin", "stdin", is_flag=True, help="Pass standard input on (always, unless --attach=false).")
@option("-t", "--tty", "tty", is_flag=True, help="A terminal (default: if there is one).")
@option("-q", "--quiet", is_flag=True, help="Say nothing beside what the command says.")
@option(
    "--attach/--no-attach", default=True, help="With --target or --image alone: go into the container when it runs."
)
@option("--env", multiple=True, metavar="NAME=VALUE", help="With --target: variables of the new container.")
@option("--image-pull-policy", default="", help="With --target: Always, IfNotPresent or Never.")
@option("--profile", type=click.Choice(PROFILES), default="general", help="With --target: what it may do.")
@option("--arguments-only", is_flag=True, help="With --target: CMD are arguments of the image's entry point.")
@namespace_option
def debug(pod: str, argv: Sequence[str], namespace: str, **flags: Any) -> int:
    """Open a shell in a copy of a failed attempt: its image, files, variables, volumes, user and network.

    The copy is gone when you leave. With --target a container is added to the pod that runs, as kubectl debug does.
    """
    app = app_of()
    name = pod_name(pod)
    value = find(app, namespace, name)
    place = Place(app, namespace, name, quiet=flags["quiet"], tty=flags["tty"])
    if flags["target"] or _is_new(value, flags):
        return _beside(place, argv, flags)
    _refuse(flags, [one for one in _OF_DEBUGGERS if one not in ("attach", "profile")], "goes with --target")
    if flags["rerun"]:
        if argv or flags["image"]:
            raise UsageError(
                "--rerun runs the attempt's own command in its own image",
                hint=f"without --rerun: podrunner debug {name} -c {flags['container'] or 'CONTAINER'} -- CMD",
            )
        return run_again(place, flags["container"], flags["attempt"])
    return in_copy(place, flags["container"], flags["attempt"], flags["image"], argv)


def find(app: App, namespace: str, name: str) -> Object:
    """The pod. Raises NoSuchObject, with what may be done when a run of it is over."""
    from runner.core.kindwords import PODS
    from runner.errors import NoSuchObject, RunnerError

    try:
        return app.runner.client.get(PODS.kind, namespace, name)
    except NoSuchObject as error:
        try:
            known = app.runner.records.names(namespace)
        except RunnerError:
            known = []
        if name.partition("@")[0] in known or name == "last":
            raise NoSuchObject(
                error.message,
                hint="its run is over, and its containers are removed: podrunner run --keep failed keeps them\n"
                f"what it did is known still: podrunner attempts {name}, podrunner logs {name} --attempt all",
            ) from error
        raise


def _is_new(value: Object, flags: dict[str, Any]) -> bool:
    """Whether an ephemeral container is asked for, without a target: an image, and no attempt of a container that there is."""
    if not flags["image"] or any(flags[one] not in (None, False) for one in _OF_COPIES):
        return False
    spec = value["spec"]
    names = {one["name"] for key in ("initContainers", "containers") for one in spec.get(key) or ()}
    return flags["container"] not in names


def _refuse(flags: dict[str, Any], names: Sequence[str], why: str) -> None:
    for one in names:
        if flags[one] not in (None, False, "", ()):
            raise UsageError(f"--{one.replace('_', '-')} {why}", hint="podrunner debug --help")


def _beside(place: Place, argv: Sequence[str], flags: dict[str, Any]) -> int:
    _refuse(flags, _OF_COPIES, "is about a copy: it does not go with --target")
    if not flags["image"]:
        raise UsageError(
            "you must specify --image", hint=f"podrunner debug {place.name} --target {flags['target']} --image busybox"
        )
    policy = flags["image_pull_policy"]
    if policy not in ("", *PULL_POLICIES):
        raise UsageError(f"invalid image pull policy: {policy}")
    env = dict(_variable(one) for one in flags["env"])
    asked = Debugger(
        image=flags["image"],
        name=flags["container"],
        target=flags["target"],
        command=argv,
        with_args=flags["arguments_only"],
        env=env,
        stdin=flags["attach"] or flags["stdin"],
        tty=place.has_tty,
        pull_policy=policy,
        profile=flags["profile"],
    )
    return beside(place, asked, attach=flags["attach"])


def _variable(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f'"{text}" is no NAME=VALUE')
    return name, value
