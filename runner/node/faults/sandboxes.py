"""Faults of what a pod's sandbox holds, as they are brought into it: answers of its resolver, owners of volumes, its network."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Sequence

from runner.clock import Clock
from runner.core.archives import ArchiveWriter
from runner.core.container.containerconfig import ContainerConfig
from runner.core.faults.kinds import Aim
from runner.core.faults.model import Fault
from runner.core.faults.sandbox import ANSWERS, CUT, JOIN, OWNED_MODE, answers_text, changed_sandbox
from runner.core.labels import SANDBOX_CONTAINER
from runner.core.volumes import SANDBOX_ROOT
from runner.engine.protocol import Engine
from runner.engine.textfiles import upload_text
from runner.errors import EngineError
from runner.node.faults.attached import Attached

_EXEC_SECONDS = 60.0
_EXEC_BYTES = 4096
_log = logging.getLogger("runner.node")


class Sandboxes:
    """What is brought into the sandboxes of one node, for all threads.

    ``holds`` says of a pod's uid and a fault whether its time has come; ``tell`` says that one was injected.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        holds: Callable[[str, Fault], bool],
        tell: Callable[[Attached, Fault], None],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._holds = holds
        self._tell = tell
        self._ids: dict[str, str] = {}
        """The sandbox of each pod, by the pod's uid."""
        self._come: set[tuple[str, Fault]] = set()
        """Those whose moment has come."""
        self._brought: set[tuple[str, Fault]] = set()
        """What is in a sandbox, by the sandbox's id."""
        self._cut: dict[str, str] = {}
        """Which sandbox of a pod has no network."""
        self._lock = threading.RLock()

    def forget(self, uid: str) -> None:
        """A pod is let go of."""
        with self._lock:
            sandbox = self._ids.pop(uid, "")
            self._come = {key for key in self._come if key[0] != uid}
            self._brought = {key for key in self._brought if key[0] != sandbox}
            self._cut.pop(uid, None)

    def config(self, found: Attached, given: ContainerConfig) -> ContainerConfig:
        """A sandbox's configuration with what its faults need."""
        return changed_sandbox(given, found.faults, found.pod)

    def begin(self, found: Attached, sandbox_id: str) -> None:
        """A sandbox is about to start. Raises EngineError."""
        with self._lock:
            before = self._ids.get(found.pod.uid, "")
            self._ids[found.pod.uid] = sandbox_id
            self._brought = {key for key in self._brought if key[0] != before}
            self._bring_answers(found, sandbox_id)

    def started(self, found: Attached, number: int) -> None:
        """A sandbox of this attempt has started."""
        for fault in found.faults:
            if fault.kind == "full" and not number:
                self._tell(found, fault)

    def settle(self, found: Attached, come: Fault | None = None) -> None:
        """Bring everything whose time has come into the pod's sandbox. ``come``: one whose moment is now. Raises EngineError."""
        if not any(fault.nature.is_brought for fault in found.faults):
            return
        with self._lock:
            if come is not None:
                self._come.add((found.pod.uid, come))
            sandbox_id = self._ids.get(found.pod.uid)
            if sandbox_id is not None:
                self._bring_answers(found, sandbox_id)
                self._bring_owners(found, sandbox_id)

    def _due(self, found: Attached, aim: Aim) -> list[Fault]:
        uid = found.pod.uid
        return [
            fault
            for fault in found.faults
            if fault.aim is aim and fault.nature.is_brought and ((uid, fault) in self._come or self._holds(uid, fault))
        ]

    def _bring_answers(self, found: Attached, sandbox_id: str) -> None:
        due = self._due(found, Aim.DNS)
        fresh = self._fresh(due, sandbox_id)
        if fresh:
            text = answers_text(due, found.pod.namespace)
            upload_text(self._of(found), sandbox_id, ANSWERS, text, self._clock.now())
            self._note(found, fresh, sandbox_id)

    def _bring_owners(self, found: Attached, sandbox_id: str) -> None:
        fresh = self._fresh(self._due(found, Aim.VOLUME), sandbox_id)
        if fresh:
            archive = ArchiveWriter(self._clock.now())
            for fault in fresh:
                user = int(fault.argument or 0)
                archive.directory(f"{SANDBOX_ROOT}/{fault.name}", OWNED_MODE, user, user)
            self._of(found).upload(sandbox_id, "/", archive.content())
            self._note(found, fresh, sandbox_id)

    def _fresh(self, due: Iterable[Fault], sandbox_id: str) -> list[Fault]:
        return [fault for fault in due if (sandbox_id, fault) not in self._brought]

    def _note(self, found: Attached, fresh: Sequence[Fault], sandbox_id: str) -> None:
        for fault in fresh:
            self._brought.add((sandbox_id, fault))
            self._tell(found, fault)

    def _of(self, found: Attached) -> Engine:
        return self._engine.of(found.pod, SANDBOX_CONTAINER)

    # --- the network --------------------------------------------------------------------------------------------------------

    def is_cut(self, uid: str) -> bool:
        """Whether a pod has no network now."""
        with self._lock:
            return uid in self._cut and self._cut[uid] == self._ids.get(uid)

    def cut(self, found: Attached, fault: Fault) -> Callable[[], None] | None:
        """Cut a pod's network. Returns what joins it again; None: it could not be cut, as when there is no sandbox any more."""
        uid = found.pod.uid
        with self._lock:
            sandbox_id = self._ids.get(uid, "")
        if not sandbox_id or not self._run(found, sandbox_id, CUT):
            return None
        with self._lock:
            self._cut[uid] = sandbox_id
        self._tell(found, fault)

        def join() -> None:
            with self._lock:
                if self._cut.get(uid) != sandbox_id:
                    return
                del self._cut[uid]
            self._run(found, sandbox_id, JOIN)

        return join

    def _run(self, found: Attached, sandbox_id: str, command: Sequence[str]) -> bool:
        """Run something in a sandbox; returns whether it went well."""
        try:
            done = self._of(found).exec(sandbox_id, command, timeout=_EXEC_SECONDS, limit=_EXEC_BYTES)
        except EngineError as error:
            _log.warning("%s in the sandbox of %s: %s", " ".join(command), found.pod.name, error.message)
            return False
        if done.exit_code:
            text = done.output.decode(errors="replace").strip()
            _log.warning("%s in the sandbox of %s: %s", " ".join(command), found.pod.name, text)
        return done.exit_code == 0
