"""Sweeps up after dead processes: removes everything that carries our labels and has no living owner.

A sweep needs no memory of what was created. Labels on containers and volumes name the owner; the ledger names the holder of a
recorded pod, and for whom it runs (``runner.core.fates``). Before a sweep touches such a pod it takes the pod from its dead
holder by compare-and-swap, so that one of several sweeps removes it; a lock does the same for leftovers without a record. A
sweep that dies is a dead holder itself. The pods' records, their saved logs and stale lock files are removed too. Pods that
were kept on purpose, volumes of claims and what other hosts own stay, unless everything is asked for; what other state
directories may have kept stays, unless they are asked for too; what has a living owner always stays. Several sweeps may run
at once, and things may vanish meanwhile.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from runner.clock import Clock
from runner.core.fates import Fate, Lease
from runner.core.labels import (
    ACCESS,
    DOCKER_TYPE,
    HOME,
    MANAGED,
    OWNER,
    POD_UID,
    TYPE_SANDBOX,
    VOLUME_KIND,
    home_of,
    pvc_volume_name,
)
from runner.core.network.proxyconfig import SERVICE
from runner.core.text.times import span
from runner.engine.protocol import ContainerSummary, VolumeDetails
from runner.errors import EngineConflict, EngineRefusal, NotFound
from runner.janitor.leftovers import Leftover, leftover_of
from runner.registry.contract import Registry, name_of
from runner.registry.deletion import forget_pod, pod_of
from runner.registry.fates import Fates
from runner.registry.holders import NodeInstance, forget_dead_nodes, holder_is_alive, take, take_over
from runner.registry.home import Home
from runner.registry.namespaces import ownerless_namespaces, remove_namespace
from runner.registry.objects import is_in_use, remove_claims, remove_orphans
from runner.registry.ownership import home_id, may_be_kept
from runner.registry.pulllocks import SUFFIX as PULL_LOCK
from runner.registry.pulllocks import forget_lock, held_alone

LOG_LIFETIME = 3600.0
"""Seconds that saved logs outlive their pod, as events do."""

_CONFLICT_ATTEMPTS = 20
_CONFLICT_PAUSE = 0.1
_LOCKS = (PULL_LOCK, ".lock")
"""Of lock files; earlier versions had one for each pod."""
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
"""Anybody may write labels; only text of this form becomes part of a path."""


class SweptEngine(Protocol):
    """The verbs of an Engine that a sweep needs."""

    def list_containers(self, labels: Mapping[str, str]) -> list[ContainerSummary]: ...

    def list_volumes(self, labels: Mapping[str, str]) -> list[VolumeDetails]: ...

    def remove_container(self, container_id: str) -> None: ...

    def remove_volume(self, name: str) -> None: ...


class GcReport(Struct, frozen=True, kw_only=True):
    """What was removed, or would be: names of containers and volumes, pods as ``namespace/name``, directories of logs, and
    the runs whose records go, which only happens when everything is asked for: else a run that ends sees to it.

    ``images`` are what was made to copy failed attempts.
    ``networks`` stays empty: pods join the Engine's own network, none is made for them. ``problems`` holds the texts of
    what could not be removed; ``damage`` is a sentence about a database that had to be set aside.
    """

    containers: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    pods: tuple[str, ...] = ()
    logs: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    damage: str = ""

    @property
    def is_empty(self) -> bool:
        things = (self.containers, self.volumes, self.images, self.networks)
        return not any((*things, self.pods, self.logs, self.records, self.problems))


def sweep(
    engine: SweptEngine,
    store: Registry,
    home: Home,
    clock: Clock,
    *,
    everything: bool = False,
    older_than: float | None = None,
    dry_run: bool = False,
    strangers: bool = True,
    other_homes: bool = False,
) -> GcReport:
    """Remove what pods of dead owners left behind.

    ``everything``: also kept pods, volumes of claims, and what belongs to other hosts or to nobody. ``older_than``: only
    pods created more than so many seconds ago; what has no known age stays. ``strangers``: also pods of other state
    directories, whose processes died without leave, except those that were to be kept: only their own directory can tell.
    ``other_homes``: everything means everything of other state directories too.
    Raises StoreError, and EngineError when the containers cannot be listed; other errors become ``problems`` of the report.
    """
    return _Sweep(
        engine=engine,
        store=store,
        home=home,
        clock=clock,
        everything=everything,
        older_than=older_than,
        dry_run=dry_run,
        strangers=strangers,
        other_homes=other_homes,
    ).run()


def remove_pod(engine: SweptEngine, store: Registry, home: Home, clock: Clock, uid: str) -> None:
    """Remove what is there of one pod, kept or not, without asking its processes to end.

    Raises PodIsOwned when a node runs it, EngineError when something of it could not be removed: the rest is gone then,
    and the pod is known on.
    """
    sweep = _Sweep(
        engine=engine,
        store=store,
        home=home,
        clock=clock,
        everything=False,
        older_than=None,
        dry_run=False,
        strangers=False,
        other_homes=False,
    )
    record = pod_of(store, uid)
    pod = ("", "") if record is None else name_of(record)
    try:
        take_over(store, uid, sweep.instance.id, sweep.is_alive)
        containers, volumes = engine.list_containers({POD_UID: uid}), engine.list_volumes({POD_UID: uid})
        sweep.sweep_pod(Leftover(uid, containers, volumes, record, pod=pod))
    finally:
        sweep.close()
    sweep.sweep_access(engine.list_volumes({VOLUME_KIND: ACCESS}))
    if sweep.problems:
        raise EngineRefusal("\n".join(sweep.problems))


@dataclass(slots=True, kw_only=True)
class _Sweep:
    engine: SweptEngine
    store: Registry
    home: Home
    clock: Clock
    everything: bool
    older_than: float | None
    dry_run: bool
    strangers: bool
    other_homes: bool
    containers: list[str] = field(default_factory=list)
    volumes: list[str] = field(default_factory=list)
    pods: list[str] = field(default_factory=list)
    logs: list[str] = field(default_factory=list)
    records: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    access: list[VolumeDetails] = field(default_factory=list)
    """Service accounts' folders that the sweep has seen, with their makers."""
    _instance: NodeInstance | None = None

    @property
    def instance(self) -> NodeInstance:
        """The node instance that holds the pods being removed; made with the first one."""
        if self._instance is None:
            self._instance = NodeInstance(self.home)
        return self._instance

    def close(self) -> None:
        """Let go of the pods that could not be removed."""
        if self._instance is not None:
            self._instance.close()

    def is_alive(self, holder: str) -> bool:
        """Whether a holder lives; when everything is asked for, only if that is certain."""
        return holder_is_alive(self.home, holder, doubt=not self.everything)

    def run(self) -> GcReport:
        try:
            return self._run()
        finally:
            self.close()

    def _run(self) -> GcReport:
        for leftover in self._dead():
            with ExitStack() as until_done:
                if self._take(leftover, until_done):
                    self.sweep_pod(leftover)
        self._sweep_namespaces()
        if self.older_than is None:
            self.sweep_access(self.access)
        if not self.dry_run and self.older_than is None:
            remove_orphans(self.store, self.is_alive)
        if self.everything and self.older_than is None:
            self._sweep_claims()
        if not self.dry_run:
            # With it come the workloads' controllers, which the removal of one pod does not need.
            from runner.registry.standing import forget_dead

            forget_dead(self.store, self.is_alive, self.clock.now())
        self._sweep_files()
        if self.everything and self.older_than is None:
            from runner.registry.history import prune

            self.records += [path.name for path in prune(self.home, most=0, dry_run=self.dry_run)]
        return GcReport(
            containers=tuple(self.containers),
            volumes=tuple(self.volumes),
            pods=tuple(self.pods),
            logs=tuple(self.logs),
            records=tuple(self.records),
            problems=tuple(self.problems),
        )

    def _dead(self) -> list[Leftover]:
        found = list(self._leftovers())
        if not found:
            return found
        # Only now: a process that is dead by now has recorded before which pods are to stay.
        fates = Fates(self.store, self.is_alive, is_doubt_dead=self.everything)
        if not (self.dry_run or self.everything) and (ending := fates.ending()):
            from runner.registry.ending import ask_holders

            ask_holders(self.store, ending, self.clock.now())
        return [
            leftover
            for leftover in found
            if leftover.is_dead(unknown=self._goes_anyway(leftover))
            and (self._is_unwanted(leftover, fates) if leftover.record is not None else self._is_ours(leftover))
            and self._is_old(leftover)
            and not self._is_proxy_in_use(leftover)
        ]

    def _is_unwanted(self, leftover: Leftover, fates: Fates) -> bool:
        """Whether a recorded pod goes: unless a node runs it, or a living process has left it there."""
        assert leftover.record is not None
        leftover.judge(fates.holder(leftover.uid))
        fate = fates.of(leftover.record)
        if self.everything and fates.lease(leftover.record) is not Lease.ALIVE:
            return fate in (Fate.WAITS, Fate.STAYS, Fate.GOES)
        return fate is Fate.GOES

    def _is_proxy_in_use(self, leftover: Leftover) -> bool:
        """Whether it is a Service's proxy that a node has taken over, or will take over because pods use it."""
        if not any(SERVICE in one.labels for one in leftover.containers):
            return False
        holder = leftover.judge(self.store.ledger.holder(leftover.uid))
        return self.is_alive(holder) or is_in_use(self.store, leftover.uid, self.is_alive)

    def _goes_anyway(self, leftover: Leftover) -> bool:
        """Whether everything of this kind was asked for: kept or not, of any maker."""
        if not self.everything or self.other_homes or leftover.record is not None:
            return self.everything
        return not any(self._is_foreign(home_of(owner)) for owner in leftover.owners)

    def _is_foreign(self, home: str) -> bool:
        """Whether a label names another state directory than this one."""
        return home not in ("", home_id(self.home))

    def _is_ours(self, leftover: Leftover) -> bool:
        """Whether this state directory answers for a pod that it does not know."""
        if self._goes_anyway(leftover) or {home_of(owner) for owner in leftover.owners} == {home_id(self.home)}:
            return True
        return self.strangers and not any(map(may_be_kept, leftover.owners))

    def _leftovers(self) -> Iterable[Leftover]:
        """Everything that exists, grouped by pod; what has no pod is a leftover of its own."""
        found: dict[str, Leftover] = {}
        # Records first: a pod that another sweep forgets meanwhile has left the Engine before.
        records = self.store.list("Pod").items
        for container in self.engine.list_containers({MANAGED: ""}):
            leftover_of(found, container.labels, container.id).find(container)
        for volume in self._list_volumes({MANAGED: ""}):
            kind = volume.labels.get(VOLUME_KIND)
            if kind == ACCESS:
                self.access.append(volume)
            elif kind != "pvc":
                leftover_of(found, volume.labels, volume.name).find(volume)
        for record in records:
            uid = str(record["metadata"]["uid"])
            found.setdefault(uid, Leftover(uid)).know(record)
        return found.values()

    def _list_volumes(self, labels: Mapping[str, str]) -> list[VolumeDetails]:
        try:
            return self.engine.list_volumes(labels)
        except EngineRefusal as error:
            self.problems.append(error.message)
            return []

    def _is_old(self, leftover: Leftover) -> bool:
        if self.older_than is None:
            return True
        created = leftover.created_at()
        return created is not None and self.clock.now() - created >= span(self.older_than)

    def _take(self, leftover: Leftover, until_done: ExitStack) -> bool:
        """Become the one who removes it. Returns False when another process was quicker."""
        if self.dry_run:
            return True
        if leftover.record is not None or (leftover.uid and self.store.get_by_uid(leftover.uid) is not None):
            return take(self.store, leftover.uid, leftover.holder, self.instance.id)
        # Nothing in the registry can be taken: a lock keeps other sweeps of this state directory away.
        name = hashlib.blake2b(leftover.key.encode(), digest_size=8).hexdigest()
        path = self.home.ensure(self.home.locks) / f"sweep-{name}.lock"
        is_ours = until_done.enter_context(held_alone(path))
        return is_ours and leftover.look_again(self.engine.list_containers, self.engine.list_volumes)

    def sweep_pod(self, leftover: Leftover) -> None:
        """Remove one pod, which no other process can own meanwhile."""
        # All at the same time, the sandbox too: nothing of the pod may go on, and each is killed and waited for.
        ordered = sorted(leftover.containers, key=lambda container: container.labels.get(DOCKER_TYPE) == TYPE_SANDBOX)
        if not self._remove_each(
            self.engine.remove_container, [(item.id, item.name) for item in ordered], self.containers
        ):
            return
        if not self._remove_each(self.engine.remove_volume, [(v.name, v.name) for v in leftover.volumes], self.volumes):
            return
        if any(leftover.pod):
            self.pods.append("/".join(leftover.pod))
        if all(map(_SAFE_NAME.fullmatch, (*leftover.pod, leftover.uid))):
            self._remove_logs(self.home.pod_logs(*leftover.pod, leftover.uid))
        if not self.dry_run and _SAFE_NAME.fullmatch(leftover.uid):
            remove_claims(self.store, leftover.pod[0], leftover.uid)
            forget_pod(self.store, leftover.uid)

    def _sweep_namespaces(self) -> None:
        """Namespaces that a dead process had for itself; one in which a pod was kept stays."""
        used = {str(pod["metadata"].get("namespace")) for pod in self.store.list("Pod").items}
        for name in ownerless_namespaces(self.store, self.is_alive):
            if name in used or self.dry_run:
                continue
            try:
                self.volumes.extend(remove_namespace(self.engine, self.store, name))
            except EngineRefusal as error:
                self.problems.append(f"namespace {name}: {error.message}")

    def _sweep_claims(self) -> None:
        claims = self.store.list("PersistentVolumeClaim").items
        known = {pvc_volume_name(*name_of(claim)) for claim in claims}
        for volume in self._list_volumes({VOLUME_KIND: "pvc"}):
            foreign = self._is_foreign(volume.labels.get(HOME, "")) and volume.name not in known
            if foreign and not self.other_homes:
                continue
            self._remove_unused(volume.name)

    def sweep_access(self, folders: Iterable[VolumeDetails]) -> None:
        """Folders of service accounts whose makers are dead and that no pod mounts."""
        for volume in folders:
            leftover = Leftover("", owners={volume.labels.get(OWNER, "")})
            anyway = self._goes_anyway(leftover)
            if leftover.is_dead(unknown=anyway) and (anyway or self._is_ours(leftover)):
                self._remove_unused(volume.name)

    def _remove_unused(self, volume: str) -> None:
        """Remove a volume that pods share, unless a living one uses it."""
        if self.dry_run:
            self.volumes.append(volume)
            return
        try:
            self.engine.remove_volume(volume)
            self.volumes.append(volume)
        except (EngineConflict, NotFound):
            return
        except EngineRefusal as error:
            self.problems.append(f"{volume}: {error.message}")

    def _remove_each(self, verb: Callable[[str], None], items: Sequence[tuple[str, str]], removed: list[str]) -> bool:
        """Remove things by key, all at the same time. Returns whether they are gone (or would be)."""
        errors: list[Exception | None] = [None] * len(items)

        def work(index: int) -> None:
            try:
                self._insist(verb, items[index][0])
            except Exception as error:
                errors[index] = error

        if not self.dry_run:
            threads = [threading.Thread(target=work, args=(index,), daemon=True) for index in range(len(items))]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for (_, name), error in zip(items, errors, strict=True):
            if error is None:
                removed.append(name)
            elif isinstance(error, EngineRefusal):
                self.problems.append(f"{name}: {error.message}")
            else:
                raise error
        return not any(errors)

    def _insist(self, verb: Callable[[str], None], key: str) -> None:
        """Repeat while something else is removing it, or what uses it."""
        for attempt in range(_CONFLICT_ATTEMPTS):
            try:
                verb(key)
            except NotFound:
                return
            except EngineConflict:
                if attempt == _CONFLICT_ATTEMPTS - 1:
                    raise
                self.clock.sleep(_CONFLICT_PAUSE)
            else:
                return

    def _sweep_files(self) -> None:
        """Logs of pods that the registry has forgotten, and locks that no process holds."""
        directories, locks = _entries(self.home.logs), _entries(self.home.locks)
        if not directories and not locks:
            return
        known = {str(record["metadata"]["uid"]) for record in self.store.list("Pod").items}
        for directory in directories:
            uid = directory.name.rpartition("_")[2]
            if uid not in known and self._is_stale(directory):
                self._remove_logs(directory)
        if not self.dry_run:
            for lock in locks:
                if lock.suffix in _LOCKS:
                    forget_lock(lock)
            forget_dead_nodes(self.home)

    def _is_stale(self, directory: Path) -> bool:
        limit = self.older_than
        if limit is None:
            limit = 0.0 if self.everything else LOG_LIFETIME
        return self.clock.now().timestamp() - _written(directory) >= limit

    def _remove_logs(self, directory: Path) -> None:
        if directory.is_dir():
            if not self.dry_run:
                import shutil  # With it come bz2 and lzma, and few pods have logs left.

                shutil.rmtree(directory, ignore_errors=True)
            self.logs.append(str(directory))


def _entries(directory: Path) -> Sequence[Path]:
    try:
        return sorted(directory.iterdir())
    except OSError:
        return ()


def _written(directory: Path) -> float:
    """When something below a directory was written last; what another sweep is removing meanwhile does not count."""
    places = [Path(folder, name) for folder, _, files in os.walk(directory) for name in ("", *files)]
    return max(map(_modified, places), default=0.0)


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
