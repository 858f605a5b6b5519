"""What deleting needs of the facade beyond the client's verbs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from runner.api.launching import Launching
from runner.core.kindwords import PODS, WORKLOADS
from runner.errors import NoSuchObject

if TYPE_CHECKING:
    from runner.client.contract import Waitable
    from runner.core.manifest import LoadedObject


class Deleting(Launching):
    """The facade, as far as it ends what earlier runs have kept."""

    def remove_kept(self, objects: Sequence[LoadedObject], grace: int | None) -> list[str]:
        """Delete the pods and workloads of these names that an earlier run has kept, and wait until they are gone.

        ``grace`` in seconds, None: their own. What a node runs is left alone. Returns what was deleted as ``kind/name``.
        """
        from runner.client.contract import words_of
        from runner.registry.holders import holder_is_alive

        deletions: list[Waitable] = []
        names: list[str] = []
        for one in objects:
            if one.kind != PODS.kind and one.kind not in WORKLOADS:
                continue
            with suppress(NoSuchObject):
                uid = str(self.client.get(one.kind, one.namespace, one.name)["metadata"].get("uid"))
                if not holder_is_alive(self.home, self.registry.ledger.holder(uid)):
                    deletions.append(self.client.delete(one.kind, one.namespace, one.name, grace=grace, uid=uid))
                    names.append(f"{words_of(one.kind).prefix}/{one.name}")
        if deletions:
            self.client.finish(deletions)
        for deletion in deletions:
            deletion.wait()
        return names
