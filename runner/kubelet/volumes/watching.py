"""What attempts changed in the volumes that containers share: looked at before a container starts, and after one has failed.

Where volumes are directories of this machine each look is a matter of milliseconds, and every attempt is compared with what
was there when it started. Elsewhere a look costs the Engine a whole archive of the volume: it is taken for attempts that have
failed, and what they changed is told by the files' times, until there is a look to compare with.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import datetime

from runner.core.container.secrecy import Redaction
from runner.core.history.record import Key, VolumeChange
from runner.core.history.snapshots import Hide, Snapshot, changed_since, compared
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Container, Json
from runner.core.narration import VolumesChanged
from runner.core.observed import ContainerRecord, RuntimeState
from runner.core.volumes.plan import SANDBOX_ROOT, VolumePlan
from runner.engine.localvolumes import local_volume
from runner.engine.protocol import Engine
from runner.errors import EngineError
from runner.kubelet.loop.podcache import PodCache
from runner.kubelet.loop.reporter import Reporter
from runner.kubelet.loop.secrecy import Secrets
from runner.kubelet.options import Snapshots
from runner.kubelet.volumes.snapshots import TooMuch, read_archive, read_directory

QUICK = 2_000
"""Paths of a volume that are looked at before a start, when nothing has failed yet."""
_KEPT_BASES = 64
_TELLING = 8
"""Characters from which on one line of a Secret's file is secret by itself."""
_log = logging.getLogger("runner.volumes")


class VolumeWatch:
    """Looks at the shared volumes of one pod. Used by the worker's thread."""

    def __init__(
        self,
        cache: PodCache,
        engine: Engine,
        reporter: Reporter,
        plans: Callable[[], tuple[VolumePlan, ...]],
        secrets: Secrets,
        when: Snapshots,
    ) -> None:
        self._cache = cache
        self._engine = engine
        self._reporter = reporter
        self._plans = plans
        self._secrets = secrets
        self._when = when
        self._bases: dict[Key, Mapping[str, Snapshot | None]] = {}
        self._seen: set[str] = set()
        self._has_started = False

    def before_start(self, container: Container, attempt: int) -> None:
        """A container is about to start: whatever ended before it has changed what it has changed."""
        if self._when is Snapshots.NONE:
            return
        latest = self._settle()
        shared = self._shared(container)
        if shared:
            self._bases[container.name, attempt] = {plan.name: self._base(plan, latest) for plan in shared}
            if len(self._bases) > _KEPT_BASES:
                self._bases.pop(next(iter(self._bases)))
        self._has_started = True

    def settle(self) -> None:
        """Look at what has ended by now: somebody waits, or an instance is about to go, and the pod may be."""
        if self._when is not Snapshots.NONE:
            self._settle()

    def _base(self, plan: VolumePlan, latest: Mapping[str, Snapshot]) -> Snapshot | None:
        """What there is before a start; None where it is not known."""
        if plan.name in latest:
            return latest[plan.name]
        if not self._has_started and not self._cache.observed.containers and not plan.keep:
            return {}
        return self._look(plan, is_quick=self._when is Snapshots.FAILED)

    def _settle(self) -> dict[str, Snapshot]:
        """Tell of attempts that have ended since; returns the volumes that were looked at for that."""
        latest: dict[str, Snapshot] = {}
        for record in reversed(self._cache.observed.containers):
            if record.state is not RuntimeState.EXITED or record.id in self._seen:
                continue
            self._seen.add(record.id)
            container = self._cache.pod.container(record.name)
            if container is not None and (record.exit_code != 0 or self._when is Snapshots.ALL):
                self._tell(record, container, latest)
        return latest

    def _tell(self, record: ContainerRecord, container: Container, latest: dict[str, Snapshot]) -> None:
        shared = self._shared(container)
        if not shared:
            return
        bases = self._bases.get((record.name, record.attempt), {})
        hide = self._hiding()
        changes: list[VolumeChange] = []
        notes: list[str] = []
        for plan in shared:
            after = latest.get(plan.name) or self._look(plan, is_quick=False)
            if after is None:
                notes.append(f"{plan.name} could not be looked at")
                continue
            latest[plan.name] = after
            base = bases.get(plan.name)
            if base is not None:
                changes += compared(plan.name, base, after, hide)
            else:
                changes += changed_since(plan.name, after, _second(record.started_at), hide)
                notes.append(f"{plan.name}: told by the files' times, what was removed is not known")
        others = [one.name for one in self._cache.observed.containers if one.state is RuntimeState.RUNNING]
        if others:
            notes.append(f"{', '.join(sorted(set(others)))} ran meanwhile")
        message = VolumesChanged(
            ref=self._reporter.ref,
            container=record.name,
            attempt=record.attempt,
            changes=tuple(changes),
            note="; ".join(notes),
        )
        self._reporter.tell(message)

    def _shared(self, container: Container) -> list[VolumePlan]:
        """The volumes that a container mounts and another one may have written to: no files of the cluster, no host's."""
        names = {mount.name for mount in container.volume_mounts}
        return [plan for plan in self._plans() if plan.name in names and _is_shared(plan)]

    def _hiding(self) -> Hide:
        """What takes secrets out of a text: values of variables, and files of Secrets, which a container may have copied."""
        names = {str(one.get("name")) for one in self._cache.pod.spec.get("volumes") or () if _is_secret(one)}
        texts = [
            file.data.decode(errors="replace")
            for plan in self._plans()
            if plan.name in names
            for file in plan.content or plan.files
        ]
        lines = [line for text in texts for line in text.splitlines() if len(line) >= _TELLING]
        redaction = Redaction.of([*texts, *(text.strip() for text in texts), *lines])
        return lambda text: redaction.text(self._secrets.hide(text))

    def _look(self, plan: VolumePlan, *, is_quick: bool) -> Snapshot | None:
        """What lies in a volume. None: it cannot be looked at, or not quickly enough."""
        try:
            directory = (
                None if plan.create is not None and plan.create.options else local_volume(self._engine, plan.source)
            )
            if directory is not None:
                return read_directory(directory, QUICK) if is_quick else read_directory(directory)
            return None if is_quick else self._download(plan)
        except (EngineError, OSError, TooMuch) as error:
            _log.debug("cannot look at volume %s: %s", plan.name, error)
            return None

    def _download(self, plan: VolumePlan) -> Snapshot | None:
        sandbox = self._cache.sandbox_id
        if not sandbox:
            return None
        engine = self._engine.of(container=SANDBOX_CONTAINER)
        return read_archive(engine.download(sandbox, f"/{SANDBOX_ROOT}/{plan.name}"))


def _is_shared(plan: VolumePlan) -> bool:
    is_own = plan.create is not None or plan.claim is not None or plan.keep
    return is_own and not (
        plan.files or plan.content or plan.image or plan.refreshes or plan.is_shared or plan.read_only
    )


def _is_secret(volume: Json) -> bool:
    """Whether a volume of a pod has a Secret's files, or a token, in it."""
    sources = (volume.get("projected") or {}).get("sources") or ()
    return "secret" in volume or any("secret" in one or "serviceAccountToken" in one for one in sources)


def _second(instant: datetime | None) -> float:
    """An archive tells whole seconds."""
    return 0.0 if instant is None else float(int(instant.timestamp()))
