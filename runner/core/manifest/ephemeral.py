"""Ephemeral containers: what ``kubectl debug`` adds to a pod that runs, and whether an API server lets it in.

Mirrors kubectl's pkg/cmd/debug (debug.go, profiles.go) and pkg/apis/core/validation/validation.go
(ValidatePodEphemeralContainersUpdate).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from msgspec import Struct

from runner.core.model import EMPTY, Json, Object
from runner.errors import UsageError

PROFILES: Final = ("general", "baseline", "restricted", "netadmin", "sysadmin")
PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
MIRROR: Final = "kubernetes.io/config.mirror"
_LISTS: Final = ("containers", "initContainers", "ephemeralContainers")
_SECURITY: Final[Mapping[str, Json]] = {
    "general": {"capabilities": {"add": ["SYS_PTRACE"]}},
    "restricted": {
        "runAsNonRoot": True,
        "capabilities": {"drop": ["ALL"]},
        "allowPrivilegeEscalation": False,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    "netadmin": {"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}},
    "sysadmin": {"privileged": True},
}


class Debugger(Struct, frozen=True, kw_only=True):
    """What is asked for. ``name`` "": one is drawn; ``target``: whose processes it sees, "" for nobody's.

    ``with_args``: the command's words are the arguments of the image's own entry point.
    """

    image: str
    name: str = ""
    target: str = ""
    command: Sequence[str] = ()
    with_args: bool = False
    env: Mapping[str, str] = EMPTY
    stdin: bool = False
    tty: bool = False
    pull_policy: str = ""
    profile: str = "general"


def debugger_name(pod: Json, suffix: Callable[[], str]) -> str:
    """A name that no container of the pod has: ``debugger-`` and what ``suffix`` draws."""
    taken = {one.get("name") for field in _LISTS for one in (pod.get("spec") or {}).get(field) or ()}
    while (name := f"debugger-{suffix()}") in taken:
        pass
    return name


def ephemeral_container(asked: Debugger, name: str) -> Object:
    """The v1 EphemeralContainer."""
    made: dict[str, Any] = {"name": name, "image": asked.image}
    if asked.command:
        made["args" if asked.with_args else "command"] = list(asked.command)
    if asked.env:
        made["env"] = [{"name": key, "value": value} for key, value in asked.env.items()]
    if asked.pull_policy:
        made["imagePullPolicy"] = asked.pull_policy
    made["resources"] = {}
    made["terminationMessagePolicy"] = "File"
    if asked.profile in _SECURITY:
        made["securityContext"] = _SECURITY[asked.profile]
    # Without a terminal the end of standard input is the process' too, so that a pipe's reader comes to its end.
    flags = {"stdin": asked.stdin, "stdinOnce": asked.stdin and not asked.tty, "tty": asked.tty}
    made |= {key: True for key, is_set in flags.items() if is_set}
    if asked.target:
        made["targetContainerName"] = asked.target
    return made


def with_ephemeral(pod: Json, container: Json) -> Object:
    """The pod with one more ephemeral container, its defaults filled in. Raises UsageError with all that is wrong with it."""
    from copy import deepcopy

    from runner.core.manifest.defaults import default_container

    made = deepcopy(dict(container))
    default_container(made)
    spec = pod.get("spec") or {}
    changed = {**pod, "spec": {**spec, "ephemeralContainers": [*(spec.get("ephemeralContainers") or ()), made]}}
    problems = ephemeral_problems(changed, pod)
    if problems:
        name = (pod.get("metadata") or {}).get("name")
        text = problems[0] if len(problems) == 1 else "".join(f"\n* {one}" for one in problems)
        raise UsageError(f'The Pod "{name}" is invalid: {text}')
    return changed


def ephemeral_problems(new: Json, old: Json) -> list[str]:
    """What an API server has against an update of a pod's ephemeral containers, as its texts; nothing else has changed."""
    from copy import deepcopy

    from runner.core.manifest.paths import FieldPath
    from runner.core.manifest.validation.errors import Errors
    from runner.core.manifest.validation.pod import validate_pod_spec

    metadata = old.get("metadata") or {}
    if MIRROR in (metadata.get("annotations") or {}):
        return ["Forbidden: static pods do not support ephemeral containers"]
    errors, path = Errors(), FieldPath().child("spec")
    validate_pod_spec(errors, deepcopy(dict(new["spec"])), path, metadata=metadata)
    known = {one["name"]: one for one in new["spec"].get("ephemeralContainers") or ()}
    at = path.child("ephemeralContainers")
    for one in (old.get("spec") or {}).get("ephemeralContainers") or ():
        if one["name"] not in known:
            errors.forbidden(at, f'existing ephemeral containers "{one["name"]}" may not be removed\n')
        elif known[one["name"]] != one:
            errors.forbidden(at, f'existing ephemeral containers "{one["name"]}" may not be changed\n')
    return [f"{one.path.text}: {one.body}" for one in errors.items]
