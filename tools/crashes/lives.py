"""One life of a scene, with faults: until everything is at rest, then until everything is deleted."""

from __future__ import annotations

import re
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from msgspec.structs import replace

from runner.core.labels import (
    CONTAINER_NAME,
    DOCKER_TYPE,
    OWNER,
    POD_NAME,
    POD_UID,
    PREPARED,
    TYPE_SANDBOX,
    attempt_of,
    is_kept,
)
from runner.core.model import Json
from runner.core.narration import EventRecorded, Narration, Notice, StatusChanged
from runner.core.reasons import EventReason
from runner.core.status.podstatus import PodStatus
from runner.core.text.times import later
from runner.core.workloads import WORKLOAD_KINDS
from runner.engine.protocol import ContainerSummary, Engine, EngineEvent, VolumeDetails
from runner.errors import StoreError
from runner.janitor.gc import sweep
from runner.lab.crashes import Crashed, Fault, Hazard, Point, Strike
from runner.lab.steps import Step, delete
from runner.lab.virtual import Cluster
from runner.registry.contract import name_of
from runner.registry.deletionrequests import request_deletion_of
from runner.registry.home import Home
from runner.registry.ownership import home_id, host_id
from tools.crashes.scenes import Scene

REST_SECONDS: Final = 400.0
"""After so long a life is at rest; what fails for ever has failed for so long then."""
DELETION_SECONDS: Final = 200.0
VOLUMES: Final = "volumes/"
"""Where a sandbox mounts them. What else is there, its zone, comes when it is known."""
LAST_LOOKS: Final = 3
"""When nothing else happens the network looks once more, each time."""
MOST_POINTS: Final = 20_000
"""A life with more calls turns in circles."""
Status = tuple[Any, ...]
State = tuple[object, ...]


class Endless(BaseException):
    """A life turns in circles."""


@dataclass(frozen=True)
class Failing:
    """The statuses while something fails for ever, what fails, and how many seconds ago each was tried last."""

    statuses: list[Status]
    refused: dict[Point, float]


@dataclass
class Facts:
    """What has come of a life. Pods go by their names; those that a workload makes by the workload's."""

    struck: list[Strike] = field(default_factory=list)
    points: Sequence[Point] = ()
    lists: int = 0
    events: int = 0
    crashes: int = 0
    away: float = 0.0
    """How many seconds in all no node was there."""
    has_given_up: bool = False
    """Whether a node let go of a pod because nothing could be written; then another one began."""
    broken: list[str] = field(default_factory=list)
    """What our own code was broken by."""
    failing: list[Failing] = field(default_factory=list)
    """How everything looked each time that something failed for ever."""
    shown: dict[tuple[str, str], set[State]] = field(default_factory=lambda: defaultdict(set))
    """The states in which containers were shown at any time; looked at where nothing is disturbed."""
    settled: list[Status] = field(default_factory=list)
    """The statuses when everything was at rest."""
    objects: list[str] = field(default_factory=list)
    """What was in the registry then."""
    left: list[str] = field(default_factory=list)
    """What was left of it, and in the Engine, when everything was deleted."""
    swept: list[str] = field(default_factory=list)
    """What was left when the node was dead, and a sweep had been there."""
    told: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """Events: of whom, type, reason, container."""
    created: Counter[tuple[str, str]] = field(default_factory=Counter)
    ahead: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many of these were created before their turn."""
    pulled: Counter[str] = field(default_factory=Counter)
    """How often the Engine has pulled for which container."""
    instances: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    """The attempts of containers that were made, those that were made ahead and thrown away included."""
    started: Counter[tuple[str, str]] = field(default_factory=Counter)
    ended_well: Counter[tuple[str, str]] = field(default_factory=Counter)
    dying: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often a node died while a container ran of which it had told that it stops it."""
    pods: set[str] = field(default_factory=set)
    twice: list[str] = field(default_factory=list)
    """What ran two times at once."""
    unasked: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often a process was killed that had not been asked to end before."""
    standing: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many containers of a name stood there when everything was at rest, without those that are kept for debug."""
    ended: dict[tuple[str, str], float] = field(default_factory=dict)
    """When a container ended last, in seconds."""
    gone: float = 0.0
    """When the last container had gone, in seconds."""
    files: dict[tuple[str, str], set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))
    """What containers found in their volumes when they started."""
    took: float = 0.0

    def tries(self, base: Facts, verb: str, name: str) -> int:
        """How many more calls of a verb there were for a container than in another life."""
        point = Point(name=verb, target=name)
        return max(0, self.points.count(point) - base.points.count(point))

    def again(self, base: Facts, pod: str, name: str) -> int:
        """How many more attempts of a container were made than in another life."""
        return len(self.instances[pod, name]) - len(base.instances[pod, name])


_FIELD = re.compile(r"\{(.*)\}")


@dataclass
class _Recorder:
    facts: Facts
    is_curious: bool = False
    """Whether to look at every status that is shown."""
    cluster: Cluster | None = None
    _heard: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    _stopping: set[tuple[str, str]] = field(default_factory=set)
    """Of what was told that it is being stopped, by the pod's uid."""
    _asked: set[str] = field(default_factory=set)
    """The containers whose processes have had a signal to end."""
    _keys: dict[str, str] = field(default_factory=dict)
    _live: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def hear(self, narration: Narration) -> None:
        if isinstance(narration, Notice) and "broke" in narration.text and "injected" not in narration.text:
            self.facts.broken.append(narration.text)
        if isinstance(narration, EventRecorded):
            key = self._event(narration.record.to_json())
            self._heard[key] += 1
            if key[2] == EventReason.KILLING:
                self._stopping.add((narration.ref.uid, key[3]))
        if self.is_curious and isinstance(narration, StatusChanged) and narration.status is not None:
            self._note_shown(narration.ref.uid, narration.ref.name, narration.status)

    def _note_shown(self, uid: str, name: str, status: PodStatus) -> None:
        value, pod = status.to_json(), self.key(uid, name)
        for group in ("initContainerStatuses", "containerStatuses"):
            for one in value.get(group) or ():
                self.facts.shown[pod, one["name"]].add(_state(one))

    def node_died(self) -> None:
        """What it was about to stop another one stops, and says so again."""
        for (uid, name), live in self._live.items():
            if live and (uid, name) in self._stopping:
                self.facts.dying[self.key(uid, ""), name] += 1

    def key(self, uid: str, name: str) -> str:
        """What a pod is called in the facts."""
        if uid not in self._keys:
            assert self.cluster is not None
            found = self.cluster.store.get_by_uid(uid) or {"metadata": {}}
            owners = found["metadata"].get("ownerReferences") or ()
            self._keys[uid] = str(owners[0]["name"]) if owners else name
        return self._keys[uid]

    def count_events(self) -> None:
        """How often each event was told: what was dropped as spam was told, what was stored without a reply too."""
        assert self.cluster is not None
        for event in self.cluster.store.list("Event").items:
            self.facts.told[self._event(event)] += event["count"]
        self.facts.told |= self._heard

    def _event(self, event: Json) -> tuple[str, str, str, str]:
        about = event["involvedObject"]
        field_path = _FIELD.search(about.get("fieldPath") or "")
        who = self.key(about["uid"], about["name"]) if about["kind"] == "Pod" else f"{about['kind']}/{about['name']}"
        return who, event["type"], event["reason"], field_path[1] if field_path else ""

    def see(self, event: EngineEvent) -> None:
        labels, facts = event.labels, self.facts
        if CONTAINER_NAME not in labels or POD_UID not in labels:
            return
        name = labels[CONTAINER_NAME]
        pod = self.key(labels[POD_UID], labels.get(POD_NAME, ""))
        facts.pods.add(labels[POD_UID])
        live = self._live[labels[POD_UID], name]
        match event.action:
            case "create":
                facts.created[pod, name] += 1
                facts.ahead[pod, name] += PREPARED in labels
                facts.instances[pod, name].add((labels[POD_UID], str(attempt_of(labels))))
            case "start":
                facts.started[pod, name] += 1
                self._stopping.discard((labels[POD_UID], name))
                live.add(event.container_id)
                if len(live) > 1:
                    facts.twice.append(f"{name} of {pod} runs {len(live)} times")
                if labels.get(DOCKER_TYPE) != TYPE_SANDBOX:
                    self._look_into_volumes(pod, labels[POD_UID], name)
            case "kill" if event.attributes.get("signal") not in ("", "9"):
                self._asked.add(event.container_id)
            case "destroy":
                assert self.cluster is not None
                facts.gone = self.cluster.clock.steady()
            case "die":
                live.discard(event.container_id)
                assert self.cluster is not None
                facts.ended[pod, name] = self.cluster.clock.steady()
                was_killed = event.attributes.get("exitCode") == "137"
                facts.unasked[pod, name] += was_killed and event.container_id not in self._asked
                facts.ended_well[pod, name] += event.attributes.get("exitCode") == "0"
            case _:
                pass

    def _look_into_volumes(self, key: str, uid: str, name: str) -> None:
        """Content of volumes comes through the sandbox, and lies in its files in a simulated Engine."""
        assert self.cluster is not None
        found: set[str] = set()
        for sandbox in self.cluster.engine.list_containers({POD_UID: uid, DOCKER_TYPE: TYPE_SANDBOX}):
            found.update(one for one in self.cluster.engine.files(sandbox.id) if one.startswith(VOLUMES))
        self.facts.files[key, name].add(tuple(sorted(one for one in found if "/.." not in one)))


def live(scene: Scene, faults: Sequence[Fault] = (), *, down: float = 1.0, is_curious: bool = False) -> Facts:
    """Let a scene live; after a crash another node begins ``down`` seconds later. ``is_curious``: note what is shown."""
    facts = Facts()
    recorder = _Recorder(facts, is_curious)
    hazard = Hazard(faults, most=MOST_POINTS, endless=Endless)
    cluster = Cluster(scene.objects, scene.script, scene.options, listener=recorder.hear, mends=True, between=hazard)
    recorder.cluster = cluster
    cluster.engine.subscribe({}, recorder.see)
    hazard.begin()
    life = _Life(cluster, hazard, recorder, down)
    try:
        life.go_on(REST_SECONDS)
        life.lift()
        facts.settled = statuses(cluster, recorder.key)
        facts.objects = objects(cluster)
        facts.standing = standing(cluster, recorder.key)
        life.delete_everything()
        life.lift()
    except Exception as error:
        where = " < ".join(
            f"{one.name} {one.lineno}" for one in reversed(traceback.extract_tb(error.__traceback__)[-6:])
        )
        facts.broken.append(f"{error!r}: {where}")
    except Endless:
        facts.broken.append("it turns in circles: " + ", ".join(map(str, hazard.points[-12:])))
    _end(cluster, facts, recorder, hazard)
    return facts


def _end(cluster: Cluster, facts: Facts, recorder: _Recorder, hazard: Hazard) -> None:
    """Note what is left at the end, and what all that has happened comes to."""
    facts.left = facts.swept = left(cluster)
    if any(one.startswith("container") for one in facts.left):
        sweep_up(cluster)
        facts.swept = left(cluster)
    recorder.count_events()
    for point, count in hazard.done.items():
        if point.name == "pull_image":
            facts.pulled[point.target] += count
    facts.struck, facts.points = hazard.struck, hazard.points
    facts.lists, facts.events = len(hazard.lists), len(hazard.events)


@dataclass
class _Life:
    cluster: Cluster
    hazard: Hazard
    recorder: _Recorder
    down: float
    has_refused: bool = False
    """Whether a node has given up because nothing could be written."""

    @property
    def facts(self) -> Facts:
        return self.recorder.facts

    def go_on(self, seconds: float) -> None:
        """Until nothing more happens, at most so many seconds."""
        clock = self.cluster.clock
        end = clock.steady() + seconds
        while True:
            try:
                self.cluster.advance(end)
                self.facts.took = clock.steady()
                return
            except StoreError:
                if not self.hazard.is_failing:
                    raise
                self.has_refused = self.facts.has_given_up = True
                clock.advance(later(clock.now(), end - clock.steady()))
                return
            except Crashed:
                self.facts.crashes += 1
                self.facts.away += self.down
                self.recorder.node_died()
                clock.advance(later(clock.now(), self.down))
                self.cluster.restart()

    def lift(self) -> None:
        """If something fails for ever note how that looks, and let it fail no more.

        Where the registry let a node do nothing another one begins: its user was told.
        """
        while self.hazard.is_failing:
            now = self.cluster.clock.steady()
            refused = {point: now - at for point, at in self.hazard.refused.items()}
            self.facts.failing.append(Failing(statuses(self.cluster, self.recorder.key), refused))
            self.hazard.lift()
            if self.has_refused:
                self.has_refused = False
                self.cluster.restart()
            self.go_on(REST_SECONDS)

    def delete_everything(self) -> None:
        cluster = self.cluster
        for kind in WORKLOAD_KINDS:
            for value in cluster.store.list(kind).items:
                request_deletion_of(cluster.store, value, None)
        if not cluster.controllers:
            cluster.do(Step(at=0, action=delete()))
        self.go_on(DELETION_SECONDS)
        for service in cluster.store.list("Service").items:
            cluster.store.delete("Service", *name_of(service))
            cluster.network.wake()
        for _ in range(LAST_LOOKS):
            self.go_on(DELETION_SECONDS)


def sweep_up(cluster: Cluster) -> None:
    """The node is dead for good: a sweep removes what it has left. Raises what a sweep raises."""
    with TemporaryDirectory(prefix="crashes") as folder:
        home = Home(Path(folder))
        sweep(Orphaned(cluster.engine, home), cluster.store, home, cluster.clock)


class Orphaned:
    """An Engine that shows a sweep a process' things, which does not live any more."""

    def __init__(self, engine: Engine, home: Home) -> None:
        self._owner = f"{host_id()}:1:dead@{home_id(home)}"
        self._engine = engine

    def remove_container(self, container_id: str) -> None:
        # In a thread of the sweep, which goes down with its process.
        with suppress(Crashed):
            self._engine.remove_container(container_id)

    def remove_volume(self, name: str) -> None:
        with suppress(Crashed):
            self._engine.remove_volume(name)

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerSummary]:
        return [replace(one, labels=self._owned(one.labels)) for one in self._engine.list_containers(labels)]

    def list_volumes(self, labels: Mapping[str, str]) -> list[VolumeDetails]:
        return [replace(one, labels=self._owned(one.labels)) for one in self._engine.list_volumes(labels)]

    def _owned(self, labels: Mapping[str, str]) -> Mapping[str, str]:
        return {**labels, OWNER: self._owner} if OWNER in labels else labels


# --- what is looked at -------------------------------------------------------------------------------------------------

Key = Callable[[str, str], str]


def statuses(cluster: Cluster, key: Key) -> list[Status]:
    """How every pod is shown, without what depends on the time, and without ids."""
    found: list[Status] = []
    for value in cluster.store.list("Pod").items:
        metadata, status = value["metadata"], value.get("status") or {}
        containers = [
            (group[0], one["name"], _state(one), one["restartCount"], one["ready"])
            for group in ("initContainerStatuses", "containerStatuses")
            for one in status.get(group) or ()
        ]
        conditions = sorted((one["type"], one["status"]) for one in status.get("conditions") or ())
        is_deleted = bool(metadata.get("deletionTimestamp"))
        name = key(metadata["uid"], metadata["name"])
        found.append((name, status.get("phase"), is_deleted, tuple(containers), tuple(conditions)))
    for kind in ("Job",):
        for value in cluster.store.list(kind).items:
            status = value.get("status") or {}
            counts = tuple((one, status.get(one)) for one in ("active", "succeeded", "failed"))
            found.append((value["metadata"]["name"], kind, False, counts, ()))
    return sorted(found, key=str)


def _state(one: dict[str, Any]) -> State:
    ((kind, state),) = one["state"].items()
    return kind, state.get("reason"), state.get("exitCode")


def objects(cluster: Cluster) -> list[str]:
    """What there is in the registry."""
    kinds = (
        "Pod",
        "ConfigMap",
        "Secret",
        "Service",
        "PersistentVolumeClaim",
        "DeletionRequest",
        *sorted(WORKLOAD_KINDS),
    )
    found = []
    for kind in kinds:
        for value in cluster.store.list(kind).items:
            owners = value["metadata"].get("ownerReferences") or ()
            name = owners[0]["name"] if kind == "Pod" and owners else name_of(value)[1]
            found.append(f"{kind}/{name}")
    return sorted(found)


def standing(cluster: Cluster, key: Key) -> Counter[tuple[str, str]]:
    """How many containers there are of each name of each pod."""
    found: Counter[tuple[str, str]] = Counter()
    for one in cluster.engine.list_containers({POD_UID: ""}):
        if not is_kept(one.name):
            found[key(one.labels[POD_UID], one.labels.get(POD_NAME, "")), one.labels.get(CONTAINER_NAME, "")] += 1
    return found


def left(cluster: Cluster) -> list[str]:
    """What there is in the registry and in the Engine."""
    engine = cluster.engine
    containers = [f"container {one.name}" for one in engine.list_containers({})]
    volumes = [f"volume {one.name}" for one in engine.list_volumes({})]
    held = [f"ledger {uid}" for uid in cluster.store.ledger.holders()]
    return [*objects(cluster), *sorted(containers), *sorted(volumes), *sorted(held)]
