"""``port-forward``: local ports that lead into a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from runner.cli.app import POD_WORDS, App, app_of, pod_name
from runner.cli.lookup import find_pod, pods_of
from runner.cli.options import command, complete_pods, namespace_option, option
from runner.cli.resources import asked
from runner.core.changes import ChangeType
from runner.core.kindwords import PODS, WORKLOADS
from runner.core.network.forwards import addresses, forwards
from runner.errors import RunnerError, UsageError

if TYPE_CHECKING:
    from runner.core.model import Json, Object

_TERMINAL = ("Succeeded", "Failed")
_LOOK_SECONDS = 1.0


class LostConnection(RunnerError):
    """The pod that ports led to has gone."""


@command(
    "port-forward",
    "podrunner port-forward init-container-pod 8080:80",
    short_help="Open local ports that lead into a pod.",
)
@click.argument("pod", required=False, metavar="POD|KIND/NAME", shell_complete=complete_pods)
@click.argument("ports", nargs=-1, metavar="[LOCAL:]REMOTE...")
@option("--address", default="localhost", show_default=True, help="Addresses to listen on, with commas between.")
@namespace_option
def port_forward(pod: str | None, ports: tuple[str, ...], address: str, namespace: str) -> int:
    """Forward local ports to a pod, or to one of a Service or workload, until Ctrl-C. :REMOTE takes any free local port.

    As on a node the other end is localhost in the pod's network. It goes on when a connection fails, or the pod's sandbox is
    replaced, and works with Engines that are far away.
    """
    app = app_of()
    if pod is None or not ports:
        raise UsageError(
            "TYPE/NAME and list of ports are required for port-forward", hint="podrunner port-forward --help"
        )
    listening = addresses(address)
    value, service = _target(app, namespace, pod)
    wanted = forwards(ports, value, service)
    name, uid = str(value["metadata"]["name"]), str(value["metadata"]["uid"])
    client = app.runner.client
    try:
        with client.port_forward(namespace, name, wanted, listening, tell=app.out.line, complain=app.say):
            _wait_for_end(app, namespace, name, uid)
    except KeyboardInterrupt:
        return 0  # As kubectl: that is how it ends.
    raise LostConnection("lost connection to pod", hint=f"pod {name} has ended or was deleted")


def _wait_for_end(app: App, namespace: str, name: str, uid: str) -> None:
    with app.runner.client.watch(PODS.kind, namespace, name=name) as watch:
        while True:
            for change in watch.next(_LOOK_SECONDS):
                is_over = change.type is ChangeType.DELETED or change.uid != uid
                if is_over or (change.value.get("status") or {}).get("phase") in _TERMINAL:
                    return


def _target(app: App, namespace: str, word: str) -> tuple[Object, Json | None]:
    """The pod, and the Service if that was named. Raises UsageError."""
    if "/" not in word or word.partition("/")[0] in POD_WORDS:
        return find_pod(app, namespace, pod_name(word)), None
    (one,) = asked([word])
    (value,) = one.resource.read(app, namespace, one.names)
    kind = one.resource.words.kind
    if kind == "Service":
        selector = (value.get("spec") or {}).get("selector") or {}
        if not selector:
            raise UsageError(f"invalid service '{one.names[0]}': Service is defined without a selector")
        found = [
            pod
            for pod in app.runner.client.list(PODS.kind, namespace).items
            if selector.items() <= (pod["metadata"].get("labels") or {}).items()
        ]
        return _best(word, found), value
    if kind not in WORKLOADS:
        raise UsageError(f"cannot attach to {word}", hint="POD, svc/NAME or a workload such as deploy/NAME")
    return _best(word, pods_of(app, value)), None


def _best(word: str, pods: list[Object]) -> Object:
    """A pod that runs before others, then the oldest."""
    if not pods:
        raise UsageError(f"{word} has no pods")
    return min(pods, key=lambda p: (p["status"].get("phase") != "Running", p["metadata"].get("creationTimestamp")))
