"""Whether faults can concern anything of what was loaded: what is misspelled is told before anything starts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from runner.core.cast import Cast
from runner.core.faults.grammar import FaultError, Subject, read_parts
from runner.core.faults.images import names_image
from runner.core.faults.kinds import Aim
from runner.core.faults.model import Fault
from runner.core.faults.objects import KIND_OF, names_of_objects
from runner.core.faults.sandbox import why_no_names, why_no_net, why_not_changed
from runner.core.manifest.decode import nearest
from runner.core.manifest.types import LoadedObject
from runner.core.model import Pod, ProbeKind, PullPolicy


def check_faults(faults: Iterable[Fault], cast: Cast, objects: Sequence[LoadedObject] = ()) -> None:
    """See that each fault concerns something. Raises FaultError, with the nearest name that there is.

    ``objects`` are what was loaded with the pods.
    """
    for fault in faults:
        text = str(fault)
        _check(text, fault, read_parts(text).subject, cast, objects)


def _check(text: str, fault: Fault, subject: Subject, cast: Cast, objects: Sequence[LoadedObject]) -> None:
    pods = [pod for _, pod in cast.pods]
    if fault.pod:
        pods = cast.called(fault.pod)
        if not pods:
            names = [name for name, _ in cast.pods]
            raise FaultError(text, subject.pod_column, f'there is no pod "{fault.pod}"{tip(fault.pod, names)}')
    containers = [container.name for pod in pods for container in pod.all_containers()]
    known = {
        Aim.CONTAINER: (containers, "a container"),
        Aim.VOLUME: (_volumes(pods), "a mounted volume"),
        Aim.PROBE: (_probes(pods), "a probe"),
    }.get(fault.aim)
    if fault.aim in KIND_OF:
        known = names_of_objects(fault.aim, pods, objects), f"a {KIND_OF[fault.aim]}, or a key of one,"
    if known is not None and fault.name not in known[0]:
        problem = f'no pod has {known[1]} "{fault.name}"{tip(fault.name, known[0])}'
        raise FaultError(text, subject.name_column, problem)
    if fault.at is not None and fault.at.container not in containers:
        problem = f'no pod has a container "{fault.at.container}"{tip(fault.at.container, containers)}'
        raise FaultError(text, subject.at_column, problem)
    if fault.aim is Aim.IMAGE:
        _check_image(text, fault, subject, pods)
    elif fault.aim is Aim.VOLUME:
        _refuse_unless_one_can(text, subject.name_column, [why_not_changed(fault, pod) for pod in pods])
    elif fault.aim is Aim.DNS:
        _refuse_unless_one_can(text, subject.name_column, [why_no_names(pod) for pod in pods])
    elif fault.aim is Aim.NET:
        _refuse_unless_one_can(text, subject.name_column, [why_no_net(pod) for pod in pods])


def _refuse_unless_one_can(text: str, column: int, reasons: Sequence[str | None]) -> None:
    """Refuse with the first reason when no pod can have a fault. ``reasons``: None for a pod that can, "" for none of its own."""
    if reasons and None not in reasons:
        raise FaultError(text, column, next((reason for reason in reasons if reason), "no pod can have it"))


def _check_image(text: str, fault: Fault, subject: Subject, pods: Sequence[Pod]) -> None:
    every = [container for pod in pods for container in pod.all_containers()]
    found = [one for one in every if names_image(fault.name, one.image)]
    if not found:
        problem = f'no container has an image "{fault.name}"{tip(fault.name, [one.image for one in every])}'
        raise FaultError(text, subject.name_column, problem)
    if all(one.pull_policy is PullPolicy.NEVER for one in found):
        problem = f"{found[0].image} is never pulled: its imagePullPolicy is Never"
        raise FaultError(text, subject.name_column, problem)


def _volumes(pods: Sequence[Pod]) -> list[str]:
    return [mount.name for pod in pods for container in pod.all_containers() for mount in container.volume_mounts]


def _probes(pods: Sequence[Pod]) -> list[str]:
    return [
        f"{container.name}.{str(kind).lower()}"
        for pod in pods
        for container in pod.all_containers()
        for kind in ProbeKind
        if container.probe(kind) is not None
    ]


def tip(word: str, known: Sequence[str]) -> str:
    """The nearest name that there is, or all of them, for the end of a sentence."""
    names = list(dict.fromkeys(known))
    near = nearest(word, names, cutoff=0.6) or next((name for name in names if fnmatchcase(name, f"*{word}*")), "")
    return f', did you mean "{near}"?' if near else f"; there are {', '.join(names) or 'none'}"
