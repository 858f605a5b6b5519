"""The leftovers of one pod in the Engine and in the registry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from runner.core.labels import DOCKER_TYPE, MANAGED, OWNER, POD_NAME, POD_NAMESPACE, POD_UID, TYPE_DEBUG
from runner.core.model import Object
from runner.core.text.times import parse_time
from runner.engine.protocol import ContainerSummary, VolumeDetails
from runner.registry.contract import name_of
from runner.registry.ownership import owner_is_alive


@dataclass(slots=True)
class Leftover:
    """Everything that is left of one pod."""

    uid: str
    containers: list[ContainerSummary] = field(default_factory=list)
    volumes: list[VolumeDetails] = field(default_factory=list)
    record: Object | None = None
    holder: str = ""
    owners: set[str] = field(default_factory=set)
    """The owner labels of its containers and volumes in the Engine."""
    pod: tuple[str, str] = ("", "")

    def know(self, record: Object) -> None:
        """Add its record in the registry."""
        self.record, self.pod = record, name_of(record)

    def find(self, thing: ContainerSummary | VolumeDetails) -> None:
        """Add a container or volume of it in the Engine."""
        labels = thing.labels
        self.owners.add(labels.get(OWNER, ""))
        if self.uid or POD_UID not in labels:
            self.pod = (labels.get(POD_NAMESPACE, ""), labels.get(POD_NAME, ""))
        if isinstance(thing, ContainerSummary):
            self.containers.append(thing)
        else:
            self.volumes.append(thing)

    def judge(self, holder: str) -> str:
        """Note its holder while it is judged: if another one has taken it by then, it is not swept. Returns the holder."""
        self.holder = holder
        return holder

    def is_dead(self, *, unknown: bool) -> bool:
        """Whether all owners are dead; ``unknown`` is the answer for owners of unknown state."""
        answers = [owner_is_alive(owner) for owner in self.owners]
        return True not in answers and (unknown or None not in answers)

    @property
    def key(self) -> str:
        """Its key: its UID, or the name of the one thing that has no UID."""
        return self.uid or "/".join([one.id for one in self.containers] + [one.name for one in self.volumes])

    def look_again(
        self,
        list_containers: Callable[[Mapping[str, str]], Iterable[ContainerSummary]],
        list_volumes: Callable[[Mapping[str, str]], Iterable[VolumeDetails]],
    ) -> bool:
        """Drop what the Engine no longer lists. Returns whether anything is left. Raises EngineError."""
        wanted = {POD_UID: self.uid} if self.uid else {MANAGED: ""}
        if self.containers:
            ids = {one.id for one in self.containers}
            self.containers = [one for one in list_containers(wanted) if one.id in ids]
        if self.volumes:
            names = {one.name for one in self.volumes}
            self.volumes = [one for one in list_volumes(wanted) if one.name in names]
        return bool(self.containers or self.volumes)

    def created_at(self) -> datetime | None:
        times = [container.created_at for container in self.containers if container.created_at]
        if self.record is not None:
            recorded = parse_time(self.record["metadata"].get("creationTimestamp"))
            times += [recorded] if recorded else []
        return min(times, default=None)


def leftover_of(found: dict[str, Leftover], labels: Mapping[str, str], key: str) -> Leftover:
    """What something belongs to: to its pod; a copy for ``debug`` whose maker is dead is a leftover of its own."""
    uid = labels.get(POD_UID, "")
    if labels.get(DOCKER_TYPE) == TYPE_DEBUG and owner_is_alive(labels.get(OWNER, "")) is False:
        uid = ""
    return found.setdefault(uid or f"/{key}", Leftover(uid))
