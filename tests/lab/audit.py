"""Looks at a node in virtual time from outside, through the Engine's events and the registry's changes, and notes what is wrong.

What holds for every pod whatever happens to it: the rules of a kubelet (pkg/kubelet/kuberuntime, pkg/kubelet/status) and
those of the registry. Nothing here asks the node.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from runner.core.labels import (
    CONTAINER_NAME,
    DOCKER_TYPE,
    POD_UID,
    PREPARED,
    RESTART_COUNT,
    SANDBOX_ID,
    TYPE_SANDBOX,
    attempt_of,
)
from runner.core.model import Json, Pod
from runner.core.narration import EventRecorded, Narration, Notice, PodRef
from runner.core.status.podstatus import ConditionType
from runner.core.sync.backoff import CAP_SECONDS, INITIAL_SECONDS, RESET_SECONDS
from runner.core.text.times import parse_time
from runner.core.workloads import WORKLOAD_KINDS
from runner.engine.protocol import ContainerSummary, EngineEvent, EngineState
from runner.lab.virtual import Cluster
from runner.registry.contract import Change, ChangeType, Watch

ALIVE = (EngineState.RUNNING, EngineState.PAUSED)
FINAL = ("Succeeded", "Failed")
LONGEST_STOP_SECONDS = 30.0
"""No container takes longer to stop: its grace period, twice the least one, and what it takes to see an Engine again."""
Container = tuple[str, str]
"""Uid of the pod and name of the container."""


@dataclass
class Crashes:
    """How often a container was begun again in a row, as a kubelet counts it."""

    count: int = 0
    began: float = 0.0
    """When it was begun again last, in steady seconds."""

    def wait_after(self, ended: float) -> float:
        """How long it must wait at least after its end."""
        if self.count and ended - self.began > RESET_SECONDS:
            self.count = 0
        return min(INITIAL_SECONDS * 2 ** (self.count - 1), CAP_SECONDS) if self.count else 0.0

    def begin_again(self, now: float) -> None:
        """It is begun once more."""
        self.count, self.began = self.count + 1, now


@dataclass
class Ended:
    """An instance that has ended and is still there."""

    at: float
    """In steady seconds."""
    was_stopped: bool
    """Whether the node stopped it: what starts in the same sync does not wait for its end (kuberuntime SyncPod, doBackOff)."""
    is_excused: bool = False
    """Whether something has happened after which nobody knows how long the wait is."""


@dataclass
class Audit:
    """``problems`` are sentences. Of what is asked of pods the machine tells: ``deleted``, ``excuse``."""

    cluster: Cluster
    probed: Set[tuple[str, str]]
    """Ids of sandboxes and names of containers whose startup probe has succeeded in them."""
    is_narrow: bool = True
    """Whether only what has failed runs again, and not the whole pod."""
    problems: list[str] = field(default_factory=list)
    pods: dict[str, Pod] = field(default_factory=dict)
    there: set[str] = field(default_factory=set)
    """The uids of all objects."""
    crashes: int = 0
    """How often the node has died."""
    running: dict[Container, set[str]] = field(default_factory=lambda: defaultdict(set))
    started: Counter[Container] = field(default_factory=Counter)
    created: Counter[Container] = field(default_factory=Counter)
    told: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    done: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """The init containers that are through, by sandbox."""
    backoffs: dict[tuple[str, str, str], Crashes] = field(default_factory=lambda: defaultdict(Crashes))
    ended: dict[Container, dict[str, Ended]] = field(default_factory=lambda: defaultdict(dict))
    """What is there of a container and has ended, by id; the newest is the last."""
    sandboxes: dict[Container, str] = field(default_factory=dict)
    """The sandbox in which a container was begun last."""
    stopping: dict[Container, float] = field(default_factory=dict)
    """What the node has begun to stop, and when, in steady seconds."""
    phases: dict[str, str] = field(default_factory=dict)
    counts: dict[Container, int] = field(default_factory=dict)
    versions: dict[tuple[str, str, str], int] = field(default_factory=dict)
    version: int = 0
    most: dict[str, int] = field(default_factory=dict)
    """How many pods of a workload there may be at once, by its uid."""
    made: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    may_run_again: Counter[str] = field(default_factory=Counter)
    """How often a container of a pod was given another image, or removed by hand: it starts again then, whatever the policy."""
    changes: Watch | None = None

    def begin(self) -> None:
        self.cluster.engine.subscribe({}, self.see)
        self.changes = self.cluster.store.watch(wake=self._read)
        self.there.update(
            value["metadata"]["uid"] for kind in WORKLOAD_KINDS for value in self.cluster.store.list(kind).items
        )
        self._read()

    # --- the Engine -------------------------------------------------------------------------------------------------

    def see(self, event: EngineEvent) -> None:
        labels = event.labels
        if CONTAINER_NAME not in labels or POD_UID not in labels:
            return
        key = (labels[POD_UID], labels[CONTAINER_NAME])
        match event.action:
            case "create":
                self.created[key] += 1
            case "start":
                self._starts(key, event)
            case "die":
                self.running[key].discard(event.container_id)
                self._ends(key, event)
            case "destroy":
                self.ended[key].pop(event.container_id, None)  # Of what is gone no kubelet knows when it ended.
            case _:
                pass

    def _starts(self, key: Container, event: EngineEvent) -> None:
        (uid, name), alive = key, self.running[key]
        alive.add(event.container_id)
        self.started[key] += 1
        if len(alive) > 1:
            self.problems.append(f"{name} runs {len(alive)} times")
        pod = self.pods.get(uid)
        if event.labels.get(DOCKER_TYPE) == TYPE_SANDBOX:
            return
        if pod is None:
            self.problems.append(f"{name} was started for a pod that is not there")
            return
        self._comes_in_order(pod, name, event)
        self._has_waited(pod, name, event)
        container = pod.container(name)
        is_always = container is not None and container.is_sidecar
        if pod.restart_policy == "Never" and not is_always and not self.may_run_again[uid] and self.started[key] > 1:
            self.problems.append(f"{name} of a pod that is never restarted has started {self.started[key]} times")
        if self.phases.get(uid) in FINAL:
            self.problems.append(f"{name} has started in a pod that is {self.phases[uid]}")

    def _comes_in_order(self, pod: Pod, name: str, event: EngineEvent) -> None:
        """No container before the init containers before it are through, in its sandbox."""
        sandbox = event.labels.get(SANDBOX_ID, "")
        done = self.done[sandbox]
        missing = []
        for container in pod.init_containers:
            if container.name == name:
                break
            if container.name not in done or not self._has_started(container, sandbox):
                missing.append(container.name)
        if missing:
            self.problems.append(f"{name} has started before {', '.join(missing)}")
        own = pod.container(name)
        if own is not None and own.is_sidecar:
            done.add(name)
        elif own is not None and own.is_regular_init and name in done and self.is_narrow:
            self.problems.append(f"{name} is through and has started again")

    def _has_started(self, container: Any, sandbox: str) -> bool:
        """Whether a sidecar that is begun counts as started; other containers are through."""
        return not container.is_sidecar or container.startup is None or (sandbox, container.name) in self.probed

    def _ends(self, key: Container, event: EngineEvent) -> None:
        uid, name = key
        pod = self.pods.get(uid)
        container = None if pod is None else pod.container(name)
        if container is not None and container.is_regular_init and event.attributes.get("exitCode") == "0":
            self.done[event.labels.get(SANDBOX_ID, "")].add(name)
        stopped = self.stopping.pop(key, None) is not None
        if container is not None:
            self.ended[key][event.container_id] = Ended(self.cluster.clock.steady(), stopped)

    def _has_waited(self, pod: Pod, name: str, event: EngineEvent) -> None:
        """A restart waits for the time since the newest instance that has ended, if there is one (doBackOff)."""
        now, key = self.cluster.clock.steady(), (pod.uid, name)
        sandbox = event.labels.get(SANDBOX_ID, "")
        is_new_sandbox = self.sandboxes.get(key, sandbox) != sandbox
        self.sandboxes[key] = sandbox
        left = list(self.ended[key].values())
        if is_new_sandbox or not left or (left[-1].was_stopped and len(left) == 1):
            self._forgive(key)
            return  # What was stopped because its sandbox was gone has not failed, nor has what is stopped in this sync.
        crashes, last = self.backoffs[pod.uid, name, event.attributes.get("image", "")], left[-1]
        wait = crashes.wait_after(last.at)
        if not last.was_stopped and not last.is_excused and now - last.at < wait - 0.001:
            self.problems.append(f"{name} has started {now - last.at:g} s after its end instead of {wait:g} s")
        crashes.begin_again(now)
        self._forgive(key)

    def _forgive(self, key: Container) -> None:
        """What was stopped before this start has ended like any other for the next one."""
        for one in self.ended[key].values():
            one.was_stopped = False

    def excuse(self, uid: str = "") -> None:
        """Nobody knows any more how long what has ended waits: a kubelet keeps that in memory, by the wall clock."""
        for (of, _), ended in self.ended.items():
            if uid in ("", of):
                for one in ended.values():
                    one.is_excused = True
        for (of, _, _), crashes in self.backoffs.items():
            if uid in ("", of):
                crashes.count = 0

    def node_died(self) -> None:
        """The node's process has died: what it knew it knows no more, what it had begun to stop it may let run."""
        self.crashes += 1
        self.excuse()
        self.stopping.clear()

    # --- the registry -----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        for change in self.changes.next(0) if self.changes is not None else ():
            self._has_a_new_version(change)
            if change.type is ChangeType.DELETED:
                self.there.discard(change.uid)
            else:
                self.there.add(change.uid)
            if change.kind == "Pod":
                self._pod_changes(change)

    def _has_a_new_version(self, change: Change) -> None:
        key = (change.kind, change.namespace, change.name)
        if change.revision < self.version or change.revision <= self.versions.get(key, 0):
            self.problems.append(f"{change!r} comes after {self.versions.get(key)}, {self.version}")
        self.version, self.versions[key] = change.revision, change.revision

    def _pod_changes(self, change: Change) -> None:
        value, uid = change.value, change.uid
        if change.type is ChangeType.DELETED:
            self.phases.pop(uid, None)
            for made in self.made.values():
                made.discard(uid)
            self._leaves_nothing(uid)
            self._is_forgotten(uid)
            self.pods.pop(uid, None)
            return
        self.pods[uid] = Pod.from_json({key: part for key, part in value.items() if key != "status"})
        self._workload_has_so_many(value, uid)
        status = value.get("status") or {}
        phase, before = status.get("phase", "Pending"), self.phases.get(uid, "Pending")
        if before in FINAL and phase != before:
            self.problems.append(f"the phase went from {before} to {phase}")
        self.phases[uid] = phase
        for one in _statuses(status):
            count = one["restartCount"]
            if count < self.counts.get((uid, one["name"]), 0):
                self.problems.append(
                    f"{one['name']} was restarted {count} times, {self.counts[uid, one['name']]} before"
                )
            self.counts[uid, one["name"]] = count
        self._makes_sense(value["metadata"]["name"], status)

    def _leaves_nothing(self, uid: str) -> None:
        engine = self.cluster.engine
        is_down, engine.is_down = engine.is_down, False
        containers, volumes = engine.list_containers({POD_UID: uid}), engine.list_volumes({POD_UID: uid})
        engine.is_down = is_down
        if containers or volumes:
            self.problems.append(f"a pod has gone and left {[one.name for one in containers]}, {volumes}")

    def _is_forgotten(self, uid: str) -> None:
        """What is remembered of an object goes with it."""
        ledger = self.cluster.store.ledger
        left = [ledger.holder(uid), ledger.run_spec(uid), ledger.lease(uid), ledger.attempts(uid), ledger.notes(uid)]
        if any(left) or uid in ledger.kept():
            self.problems.append(f"a pod has gone, and of it is remembered {left}")

    def _workload_has_so_many(self, value: Json, uid: str) -> None:
        metadata = value["metadata"]
        for owner in metadata.get("ownerReferences") or ():
            made = self.made[owner["uid"]]
            if metadata.get("deletionTimestamp") or (value.get("status") or {}).get("phase") in FINAL:
                made.discard(uid)
            else:
                made.add(uid)
            if len(made) > self.most.get(owner["uid"], 1000):
                self.problems.append(f"{owner['name']} has {len(made)} pods at once")

    def _makes_sense(self, name: str, status: Json) -> None:
        """What the parts of a status say fits together (pkg/kubelet/status/generate.go)."""
        conditions = {one["type"]: one["status"] == "True" for one in status.get("conditions") or ()}
        statuses = list(_statuses(status))
        apps = status.get("containerStatuses") or ()
        if conditions.get(ConditionType.CONTAINERS_READY) and not all(one["ready"] for one in apps):
            self.problems.append(f"{name} has ready containers, and not all are: {apps}")
        if conditions.get(ConditionType.READY) and not conditions.get(ConditionType.CONTAINERS_READY):
            self.problems.append(f"{name} is ready without its containers")
        for one in statuses:
            if one.get("ready") and "running" not in one["state"] and one in apps:
                self.problems.append(f"{one['name']} of {name} is ready and does not run")
            if len(one["state"]) != 1:
                self.problems.append(f"{one['name']} of {name} has {len(one['state'])} states")
        if status.get("phase") == "Succeeded" and any(_exit_code(one) != 0 for one in apps):
            self.problems.append(f"{name} has succeeded with {apps}")
        if status.get("phase") == "Running" and not any(
            {"running", "terminated"} & {*one["state"], *one.get("lastState", {})} for one in apps
        ):
            self.problems.append(f"{name} runs with {apps}")

    # --- what is told -----------------------------------------------------------------------------------------------

    def hear(self, narration: Narration) -> None:
        if isinstance(narration, Notice):
            self._notices(narration)
        if not isinstance(narration, EventRecorded):
            return
        event = narration.record.to_json()
        field_path = event["involvedObject"].get("fieldPath") or ""
        name = field_path.partition("{")[2].rstrip("}")
        self.told[narration.ref.uid, event["reason"], name] += 1
        self._is_about_what_exists(narration.ref, event, name)
        if event["reason"] == "Killing" and self.running[narration.ref.uid, name]:
            self.stopping[narration.ref.uid, name] = self.cluster.clock.steady()
        happened = {"Started": self.started, "Created": self.created}.get(event["reason"])
        if happened is None or not name:
            return
        key = (narration.ref.uid, name)
        if self.told[narration.ref.uid, event["reason"], name] > happened[key] + self.crashes:
            self.problems.append(f"{event['reason']} of {name} is told more often than it has happened")

    def _notices(self, notice: Notice) -> None:
        is_broken = "broke" in notice.text
        if is_broken and "injected" not in notice.text:
            self.problems.append(notice.text)
        if is_broken or "cannot be kept" in notice.text:
            self.excuse(notice.ref.uid)  # Another worker goes on, without what this one knew.

    def _is_about_what_exists(self, ref: PodRef, event: Json, name: str) -> None:
        if ref.uid not in self.there:
            self.problems.append(f"{event['reason']} is told of {ref.name}, which is not there")
        pod = self.pods.get(ref.uid)
        if pod is not None and name and pod.container(name) is None:
            self.problems.append(f"{event['reason']} is told of {name}, which {ref.name} has not")

    # --- when nothing is going on -------------------------------------------------------------------------------------

    def check_rest(self) -> None:
        """The registry says what the Engine has, everybody has one holder, and every start was told."""
        store = self.cluster.store
        holders = store.ledger.holders()
        if strangers := set(holders) - self.there:
            self.problems.append(f"{strangers} are not there, and are held")
        values = store.list("Pod").items
        if {value["metadata"]["uid"] for value in values} != {one.pod.uid for one in self.cluster.node.running}:
            self.problems.append("the node does not run what there is")
        for value in values:
            uid, status = value["metadata"]["uid"], value.get("status") or {}
            if holders.get(uid) != self.cluster.node.holder:
                self.problems.append(f"{value['metadata']['name']} is held by {holders.get(uid)!r}")
            since = self._is_stopping_something_since(uid)
            if since is not None and self.cluster.clock.steady() - since > LONGEST_STOP_SECONDS:
                self.problems.append(f"{value['metadata']['name']} stops something since {since:g}")
            # While a kubelet stops a pod, or a container in the midst of a sync, it tells nothing of what else happens to it.
            if since is None and not value["metadata"].get("deletionTimestamp"):
                self._is_true(value["metadata"]["name"], status, self._seen(uid))
                self._is_as_asked_for(value)
            for (of, name), count in self.started.items():
                told = self.told[uid, "Started", name]
                if of == uid and name != "POD" and told + self.crashes < count:
                    self.problems.append(f"{name} has started {count} times, which was told {told} times")

    def _is_as_asked_for(self, value: Json) -> None:
        """What runs is of the image that is asked for."""
        wanted = {one["name"]: one["image"] for one in value["spec"]["containers"]}
        for one in self._seen(value["metadata"]["uid"]):
            name = one.labels[CONTAINER_NAME]
            image = self.cluster.engine.inspect_container(one.id).image
            if name in wanted and one.state in ALIVE and image != wanted[name]:
                self.problems.append(f"{name} of {value['metadata']['name']} runs {image} instead of {wanted[name]}")

    def _is_stopping_something_since(self, uid: str) -> float | None:
        """The earliest instant since when the node stops a container of a pod, in steady seconds; None: it stops none."""
        return min((at for (of, _), at in self.stopping.items() if of == uid), default=None)

    def _seen(self, uid: str) -> list[ContainerSummary]:
        found = self.cluster.engine.list_containers({POD_UID: uid})
        return [one for one in found if PREPARED not in one.labels or one.state is not EngineState.CREATED]

    def _is_true(self, name: str, status: Json, found: list[ContainerSummary]) -> None:
        by_id = {one.id: one for one in found}
        sandboxes = [one for one in found if one.labels.get(DOCKER_TYPE) == TYPE_SANDBOX]
        if sum(one.state is EngineState.RUNNING for one in sandboxes) > 1:
            self.problems.append(f"{name} has two sandboxes that run")
        alive = {one.labels[CONTAINER_NAME]: one for one in found if one.state in ALIVE and one not in sandboxes}
        shown: dict[str, Mapping[str, Any]] = {one["name"]: one for one in _statuses(status)}
        for container, summary in alive.items():
            state = shown.get(container, {}).get("state", {})
            if "running" not in state:
                self.problems.append(f"{container} of {name} runs, and is shown as {state}")
                continue
            if shown[container]["containerID"] != f"docker://{summary.id}":
                self.problems.append(f"{container} of {name} runs, and another one is shown")
            if shown[container]["restartCount"] != attempt_of(summary.labels):
                self.problems.append(
                    f"{container} of {name} was restarted {summary.labels.get(RESTART_COUNT)} times,"
                    f" and {shown[container]['restartCount']} is shown"
                )
        for container, one in shown.items():
            if "running" in one["state"] and container not in alive:
                self.problems.append(f"{container} of {name} is shown as running, and does not")
            ended = by_id.get(one.get("containerID", "").removeprefix("docker://"))
            code = _exit_code(one)
            is_known = code is not None and one["state"]["terminated"]["reason"] != "ContainerStatusUnknown"
            if is_known and ended is not None:
                real = self.cluster.engine.inspect_container(ended.id)
                if ended.state not in (EngineState.EXITED, EngineState.CREATED) or (
                    ended.state is EngineState.EXITED and real.exit_code != code
                ):
                    self.problems.append(f"{container} of {name} is shown with {code}, it has {real.exit_code}")

    def check_events(self) -> None:
        """Events are in the order in which they were seen, and tell of a time that has passed. Only while no clock is set."""
        now, last = self.cluster.clock.now(), None
        for event in self.cluster.store.list("Event").items:
            first, latest = parse_time(event["firstTimestamp"]), parse_time(event["lastTimestamp"])
            assert first is not None
            assert latest is not None
            if not first <= latest <= now or (last is not None and latest < last) or event["count"] < 1:
                self.problems.append(f"event {event['reason']} is out of order: {first}, {latest}, after {last}")
            last = latest


def _statuses(status: Json) -> Iterator[Any]:
    for group in ("initContainerStatuses", "containerStatuses"):
        yield from status.get(group) or ()


def _exit_code(one: Mapping[str, Any]) -> int | None:
    ended = one["state"].get("terminated")
    return None if ended is None else int(ended["exitCode"])
