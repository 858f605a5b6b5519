"""One life of a scene, with faults: until everything is at rest, then until everything is deleted."""

from __future__ import annotations

import io
import re
import tarfile
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from runner.core.labels import CONTAINER_NAME, DOCKER_TYPE, POD_NAME, POD_UID, TYPE_SANDBOX, attempt_of
from runner.core.model import Json
from runner.core.narration import EventRecorded, Narration, Notice
from runner.core.text.times import later
from runner.core.workloads import WORKLOAD_KINDS
from runner.engine.protocol import EngineEvent
from runner.errors import StoreError
from runner.lab.crashes import Crashed, Fault, Hazard, Point
from runner.lab.steps import Step, delete
from runner.lab.virtual import Cluster
from runner.registry.contract import name_of
from runner.registry.deletionrequests import request_deletion_of
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


class Endless(BaseException):
    """A life turns in circles."""


@dataclass
class Facts:
    """What has come of a life. Pods go by their names; those that a workload makes by the workload's."""

    struck: list[str] = field(default_factory=list)
    points: Sequence[Point] = ()
    lists: int = 0
    events: int = 0
    crashes: int = 0
    broken: list[str] = field(default_factory=list)
    """What our own code was broken by."""
    failing: list[Status] | None = None
    """The statuses while something failed for ever."""
    settled: list[Status] = field(default_factory=list)
    """The statuses when everything was at rest."""
    objects: list[str] = field(default_factory=list)
    """What was in the registry then."""
    left: list[str] = field(default_factory=list)
    """What was left of it, and in the Engine, when everything was deleted."""
    told: Counter[tuple[str, str, str, str]] = field(default_factory=Counter)
    """Events: of whom, type, reason, container."""
    created: Counter[tuple[str, str]] = field(default_factory=Counter)
    instances: dict[tuple[str, str], set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    """The attempts of containers that were made, those that were made ahead and thrown away included."""
    started: Counter[tuple[str, str]] = field(default_factory=Counter)
    ended_well: Counter[tuple[str, str]] = field(default_factory=Counter)
    killed: Counter[tuple[str, str]] = field(default_factory=Counter)
    pods: set[str] = field(default_factory=set)
    twice: list[str] = field(default_factory=list)
    """What ran two times at once."""
    files: dict[tuple[str, str], set[tuple[str, ...]]] = field(default_factory=lambda: defaultdict(set))
    """What containers found in their volumes when they started."""
    took: float = 0.0


_FIELD = re.compile(r"\{(.*)\}")


@dataclass
class _Recorder:
    facts: Facts
    cluster: Cluster | None = None
    _keys: dict[str, str] = field(default_factory=dict)
    _live: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def hear(self, narration: Narration) -> None:
        if isinstance(narration, Notice) and "broke" in narration.text and "injected" not in narration.text:
            self.facts.broken.append(narration.text)
        if isinstance(narration, EventRecorded) and not narration.is_stored:
            self.facts.told[self._event(narration.record.to_json())] += 1  # Spam is dropped, which says nothing here.

    def key(self, uid: str, name: str) -> str:
        """What a pod is called in the facts."""
        if uid not in self._keys:
            assert self.cluster is not None
            found = self.cluster.store.get_by_uid(uid) or {"metadata": {}}
            owners = found["metadata"].get("ownerReferences") or ()
            self._keys[uid] = str(owners[0]["name"]) if owners else name
        return self._keys[uid]

    def count_events(self) -> None:
        """How often each event was told."""
        assert self.cluster is not None
        for event in self.cluster.store.list("Event").items:
            self.facts.told[self._event(event)] += event["count"]

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
                facts.instances[pod, name].add((labels[POD_UID], str(attempt_of(labels))))
            case "start":
                facts.started[pod, name] += 1
                live.add(event.container_id)
                if len(live) > 1:
                    facts.twice.append(f"{name} of {pod} runs {len(live)} times")
                if labels.get(DOCKER_TYPE) != TYPE_SANDBOX:
                    self._look_into_volumes(pod, labels[POD_UID], name)
            case "kill":
                facts.killed[pod, name] += 1
            case "die":
                live.discard(event.container_id)
                facts.ended_well[pod, name] += event.attributes.get("exitCode") == "0"
            case _:
                pass

    def _look_into_volumes(self, key: str, uid: str, name: str) -> None:
        """Content of volumes comes through the sandbox, and lies in its files in a simulated Engine."""
        assert self.cluster is not None
        found: set[str] = set()
        for sandbox in self.cluster.engine.list_containers({POD_UID: uid, DOCKER_TYPE: TYPE_SANDBOX}):
            with tarfile.open(fileobj=io.BytesIO(self.cluster.engine.download(sandbox.id, "/"))) as tar:
                found.update(one.name for one in tar if one.name.startswith(VOLUMES) and not one.isdir())
        self.facts.files[key, name].add(tuple(sorted(one for one in found if "/.." not in one)))


def live(scene: Scene, faults: Sequence[Fault] = (), *, down: float = 1.0) -> Facts:
    """Let a scene live; after a crash another node begins ``down`` seconds later."""
    facts = Facts()
    recorder = _Recorder(facts)
    hazard = Hazard(faults, most=MOST_POINTS, endless=Endless)
    cluster = Cluster(scene.objects, scene.script, scene.options, listener=recorder.hear, mends=True, between=hazard)
    recorder.cluster = cluster
    cluster.engine.subscribe({}, recorder.see)
    hazard.begin()
    life = _Life(cluster, hazard, facts, down)
    try:
        life.go_on(REST_SECONDS)
        if hazard.is_failing:
            facts.failing = statuses(cluster, recorder.key)
            life.lift()
        facts.settled = statuses(cluster, recorder.key)
        facts.objects = objects(cluster)
        life.delete_everything()
        if hazard.is_failing:
            facts.failing = statuses(cluster, recorder.key)
            life.lift()
    except Exception as error:
        where = " < ".join(
            f"{one.name} {one.lineno}" for one in reversed(traceback.extract_tb(error.__traceback__)[-6:])
        )
        facts.broken.append(f"{error!r}: {where}")
    except Endless:
        facts.broken.append("it turns in circles: " + ", ".join(map(str, hazard.points[-12:])))
    facts.left = left(cluster)
    recorder.count_events()
    facts.struck, facts.points = hazard.struck, hazard.points
    facts.lists, facts.events = len(hazard.lists), len(hazard.events)
    return facts


@dataclass
class _Life:
    cluster: Cluster
    hazard: Hazard
    facts: Facts
    down: float
    has_refused: bool = False
    """Whether a node has given up because nothing could be written."""

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
                self.has_refused = True
                clock.advance(later(clock.now(), end - clock.steady()))
                return
            except Crashed:
                self.facts.crashes += 1
                clock.advance(later(clock.now(), self.down))
                self.cluster.restart()

    def lift(self) -> None:
        """Nothing fails any more. Where the registry let a node do nothing another one begins: its user was told."""
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


def _state(one: dict[str, Any]) -> tuple[object, ...]:
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


def left(cluster: Cluster) -> list[str]:
    """What there is in the registry and in the Engine."""
    engine = cluster.engine
    containers = [f"container {one.name}" for one in engine.list_containers({})]
    volumes = [f"volume {one.name}" for one in engine.list_volumes({})]
    held = [f"ledger {uid}" for uid in cluster.store.ledger.holders()]
    return [*objects(cluster), *sorted(containers), *sorted(volumes), *sorted(held)]
