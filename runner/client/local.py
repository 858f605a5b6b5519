"""The verbs on this machine: the state directory and its Engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import TYPE_CHECKING

from runner.client.contract import no_such, words_of
from runner.clock import Countdown
from runner.core.changes import ChangeType
from runner.core.kindwords import EVENTS, PODS
from runner.core.model import Json, Object
from runner.errors import AlreadyExists, StoreError, WaitTimeout

if TYPE_CHECKING:
    from pathlib import Path

    from runner.client.contract import Subscribe, Waitable
    from runner.client.copies import Copy
    from runner.client.deleting import Deleting
    from runner.client.forwarding import Forwarding
    from runner.client.place import Ending, Place
    from runner.core.files.copying import CopyOptions
    from runner.core.images.progress import PullProgress
    from runner.core.logquestion import LogQuestion
    from runner.core.manifest import LoadedObject
    from runner.core.manifest.ephemeral import Debugger
    from runner.core.narration import LogLine
    from runner.core.network.forwards import Forward
    from runner.engine.protocol import Session, Wishes
    from runner.registry.contract import Key, Listing, Watch


def _checked(value: Json | LoadedObject) -> Object:
    from runner.registry.admission import checked, value_of

    return value_of(checked(value) if isinstance(value, Mapping) else value)


class LocalClient:
    """See ``runner.client.contract.Client``."""

    def __init__(self, place: Place, ending: Ending) -> None:
        self._place = place
        self._ending = ending

    # --- what is there ------------------------------------------------------------------------------------------------

    def get(self, kind: str, namespace: str, name: str) -> Object:
        found = self._place.registry.get(kind, namespace, name)
        if found is None:
            raise no_such(kind, name)
        return found

    def list(self, kind: str, namespace: str | None = None) -> Listing:
        return self._place.registry.list(kind, namespace)

    def events(self, value: Json) -> Sequence[Object]:
        metadata = value["metadata"]
        return self._place.registry.list(EVENTS.kind, metadata.get("namespace"), about=metadata.get("uid")).items

    # --- writing ------------------------------------------------------------------------------------------------------

    def create(self, value: Json | LoadedObject) -> Object:
        from runner.registry.admission import Admission

        admission = Admission(accounts={})  # No node holds it: the one that takes it says which it is.
        (made,) = self.create_all([admission.admit(_checked(value), self._place.clock.now())])
        return made

    def create_all(
        self,
        values: Sequence[Json],
        *,
        holder: str = "",
        lease: str = "",
        run_spec: str | None = None,
        make_room: Callable[[Sequence[Key]], object] | None = None,
    ) -> Sequence[Object]:
        from runner.registry.admission import create
        from runner.registry.contract import name_of, uid_of

        registry = self._place.registry
        write = partial(create, registry, *values, holder=holder, lease=lease, run_spec=run_spec)
        keys = [(str(value["kind"]), *name_of(value)) for value in values]
        try:
            try:
                return write()
            except AlreadyExists:
                if make_room is None:
                    raise
                make_room(keys)
                return write()
        except BaseException:
            with suppress(StoreError):
                for key, value in zip(keys, values, strict=True):  # An interrupt may have come after they were written.
                    registry.delete(*key, uid=uid_of(value))
            raise

    def apply(self, value: Json | LoadedObject) -> str:
        from runner.registry.objects import apply_object

        return apply_object(self._place.registry, _checked(value), self._place.clock.now())

    def update(self, value: Json, *, expect: str | None = None) -> Object:
        return self._place.registry.update(value, expect=expect)

    def delete(self, kind: str, namespace: str, name: str, *, grace: int | None = None, uid: str = "") -> Waitable:
        return self.deleting.delete(kind, self.get(kind, namespace, name), grace, uid=uid)

    def finish(self, deletions: Sequence[Waitable]) -> None:
        self.deleting.finish(deletions)

    @property
    def deleting(self) -> Deleting:
        """How deletions are carried out here."""
        from runner.client.deleting import Deleting

        return Deleting(self._place, self._ending)

    # --- following ----------------------------------------------------------------------------------------------------

    def watch(
        self,
        kinds: str | Sequence[str],
        namespace: str | None = None,
        *,
        name: str | None = None,
        uids: Sequence[str] | None = None,
        since: str | None = None,
    ) -> Watch:
        chosen = (kinds,) if isinstance(kinds, str) else kinds
        return self._place.registry.watch(since, kinds=chosen, namespace=namespace, name=name, uids=uids)

    def wait(
        self, kind: str, namespace: str, name: str, holds: Callable[[Object | None], bool], timeout: float | None
    ) -> Object | None:
        registry, patience = self._place.registry, Countdown(self._place.clock, timeout)
        value = registry.get(kind, namespace, name)
        if holds(value):
            return value
        # Each change counts: what holds for a moment only holds.
        with self.watch(kind, namespace, name=name) as watch:
            watch.next(0)
            values = [registry.get(kind, namespace, name)]
            while True:
                for value in values:
                    if holds(value):
                        return value
                if patience.is_over:
                    raise WaitTimeout(f"timed out waiting for the condition on {words_of(kind).plural}/{name}")
                found = watch.next(patience.left)
                values = [None if change.type is ChangeType.DELETED else change.value for change in found]

    # --- output -------------------------------------------------------------------------------------------------------

    def logs(
        self, namespace: str, name: str, question: LogQuestion, *, on_stop: Subscribe | None = None
    ) -> Iterator[Sequence[LogLine]]:
        from runner.kubelet.logs.reading import read_logs

        pod, place = self.get(PODS.kind, namespace, name), self._place
        return read_logs(pod, question, engine=place.engine, home=place.home, clock=place.clock, on_stop=on_stop)

    def attempts(self, namespace: str, name: str, container: str | None) -> Sequence[int]:
        from runner.kubelet.logs.reading import known_attempts

        pod = self.get(PODS.kind, namespace, name)
        return known_attempts(pod, container, engine=self._place.engine, home=self._place.home)

    # --- looking around -----------------------------------------------------------------------------------------------

    def copy_attempt(
        self,
        namespace: str,
        name: str,
        container: str = "",
        attempt: int | None = None,
        *,
        image: str = "",
        on_progress: Callable[[PullProgress], None] | None = None,
    ) -> AbstractContextManager[Copy]:
        from runner.client.debugging import copied

        pod = self.get(PODS.kind, namespace, name)
        return copied(self._place, pod, container, attempt, image, on_progress or (lambda _: None))

    def rerun_attempt(
        self, namespace: str, name: str, container: str = "", attempt: int | None = None
    ) -> AbstractContextManager[Copy]:
        from runner.client.debugging import to_be_rerun

        return to_be_rerun(self._place, self.get(PODS.kind, namespace, name), container, attempt)

    def attach(self, namespace: str, name: str, container: str, *, tty: bool) -> Session:
        from runner.client.debugging import attached

        return attached(self._place, self.get(PODS.kind, namespace, name), container, tty=tty)

    def exec(
        self,
        namespace: str,
        name: str,
        container: str,
        command: Sequence[str] | None,
        note: Callable[[str], None],
        *,
        tty: bool,
        wishes: Wishes,
    ) -> Session:
        from runner.client.executing import open_session

        pod = self.get(PODS.kind, namespace, name)
        return open_session(self._place.engine, pod, container, command, note, tty=tty, wishes=wishes)

    def add_debugger(self, namespace: str, name: str, asked: Debugger) -> str:
        from runner.client.debugging import add_debugger

        return add_debugger(self._place, self.get(PODS.kind, namespace, name), asked)

    # --- files --------------------------------------------------------------------------------------------------------

    def copy_in(
        self,
        namespace: str,
        name: str,
        container: str | None,
        source: Path | Callable[[int], bytes],
        path: str,
        options: CopyOptions,
    ) -> None:
        from runner.client.copying import ContainerFiles, refuse_missing

        refuse_missing(source)
        pod, place = self.get(PODS.kind, namespace, name), self._place
        files = ContainerFiles(place.engine, place.clock, pod, container, options.note)
        files.copy_in(source, path, options)

    def copy_out(
        self,
        namespace: str,
        name: str,
        container: str | None,
        path: str,
        target: Path | Callable[[bytes], object],
        options: CopyOptions,
    ) -> None:
        from runner.client.copying import ContainerFiles

        pod, place = self.get(PODS.kind, namespace, name), self._place
        files = ContainerFiles(place.engine, place.clock, pod, container, options.note)
        files.copy_out(path, target, options)

    # --- ports --------------------------------------------------------------------------------------------------------

    def port_forward(
        self,
        namespace: str,
        name: str,
        wanted: Sequence[Forward],
        addresses: Sequence[str] = ("127.0.0.1",),
        *,
        tell: Callable[[str], None] | None = None,
        complain: Callable[[str], None] | None = None,
    ) -> Forwarding:
        from runner.client.forwarding import Forwarding, refuse_stopped
        from runner.core.files.copying import ignore
        from runner.core.model import Pod

        value = self.get(PODS.kind, namespace, name)
        refuse_stopped(value)
        pod = Pod.from_json(value)
        return Forwarding(self._place.engine, pod, wanted, addresses, tell or ignore, complain or ignore)
