"""What deleting needs of the facade: the client that asks for it, and a node for pods whose own one is dead."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING

from runner.api.launching import Launching
from runner.client.local import LocalClient
from runner.core.kindwords import PODS, WORKLOADS
from runner.core.model import Pod
from runner.core.narration import Narration
from runner.errors import NoSuchObject
from runner.kubelet.options import RunOptions
from runner.node.outcome import StopRequest

if TYPE_CHECKING:
    from runner.client.contract import Client, Waitable
    from runner.core.manifest import LoadedObject


def _deaf(narration: Narration) -> None:
    """A listener that nobody needs."""


class Deleting(Launching):
    """The facade with a client."""

    @cached_property
    def client(self) -> Client:
        """kubectl's verbs on what this state directory holds."""
        return LocalClient(self, self)

    def remove_kept(self, objects: Sequence[LoadedObject], grace: int | None) -> list[str]:
        """Delete the pods and workloads of these names that an earlier run has kept, and wait until they are gone.

        ``grace`` in seconds, None: their own. What somebody runs is left alone. Returns what was deleted as ``kind/name``.
        """
        from runner.client.contract import words_of
        from runner.registry.ownership import is_locked

        deletions: list[Waitable] = []
        names: list[str] = []
        for one in objects:
            if one.kind != PODS.kind and one.kind not in WORKLOADS:
                continue
            with suppress(NoSuchObject):
                uid = str(self.client.get(one.kind, one.namespace, one.name)["metadata"].get("uid"))
                if not is_locked(self.home, uid):
                    deletions.append(self.client.delete(one.kind, one.namespace, one.name, grace=grace, uid=uid))
                    names.append(f"{words_of(one.kind).prefix}/{one.name}")
        if deletions:
            self.client.finish(deletions)
        for deletion in deletions:
            deletion.wait()
        return names

    def adopt_and_remove(self, *pods: Pod) -> None:
        """Remove pods whose owners are dead: become their owner for what is left of their lives.

        A pod that somebody else owns meanwhile is left to them. Raises EngineUnavailable.
        """
        from runner.node.owning import own
        from runner.registry.ownership import PodIsOwned

        self.engine.architecture()  # Where no Engine answers this says so, the workers would wait for one.
        run = self._waiting(self._on_this_node(RunOptions()), _deaf, image="")
        try:
            for pod in pods:
                with suppress(PodIsOwned):  # Somebody else was faster.
                    run.node.add(own(pod, self.home), is_new=False)
            run.open(self.clock.now())
            run.delete_all(StopRequest())
        finally:
            run.close()
