"""Judges, from the ledger as it is at one moment, what becomes of objects: see ``runner.core.fates``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.core.fates import Fate, Lease, fate_of
from runner.core.storedobjects import owner_of
from runner.registry.contract import uid_of
from runner.registry.holders import IsAlive
from runner.registry.leases import lease_state

if TYPE_CHECKING:
    from runner.core.model import Json
    from runner.registry.contract import Registry


class Fates:
    """What follows from holders, leases and marks. ``is_alive`` is asked once of each holder.

    ``is_doubt_dead``: leases that may be alive or not, as far as is known here, count as dead. ``besides``: a holder that
    does not count, because it is letting go.
    """

    def __init__(
        self, registry: Registry, is_alive: IsAlive, *, is_doubt_dead: bool = False, besides: str = ""
    ) -> None:
        ledger = registry.ledger
        self._holders, self._leases = ledger.holders(), ledger.leases()
        self._alive = {holder: holder != besides and is_alive(holder) for holder in set(self._holders.values())}
        self._states: dict[str, Lease] = {}
        self._doubt = Lease.DEAD if is_doubt_dead else Lease.ALIVE
        # Only now: who lets go of something marks it as kept first.
        self._kept = ledger.kept()

    def holder(self, uid: str) -> str:
        """Who held it at that moment; "" for no holder."""
        return self._holders.get(uid, "")

    def is_held(self, uid: str) -> bool:
        """Whether its holder is alive."""
        return self._alive.get(self.holder(uid), False)

    def lease_id(self, value: Json) -> str:
        """The lease under which an object was written, as it was at that moment; "" for none."""
        uid = uid_of(value)
        lease = self._leases.get(uid) or owner_of(value)
        if not lease and ":" in self.holder(uid):
            return self.holder(uid)  # Earlier versions had one label for both.
        return lease

    def lease(self, value: Json) -> Lease:
        """The state of that lease."""
        return self._state(self.lease_id(value))

    def _state(self, lease: str) -> Lease:
        if lease not in self._states:
            self._states[lease] = lease_state(lease, self._doubt)
        return self._states[lease]

    def ending(self) -> list[str]:
        """The uids of what a node holds though the lease has ended, and is not kept: see ``Fate.ENDS``."""
        ended = [uid for uid, lease in self._leases.items() if self._state(lease) is Lease.DEAD]
        return [uid for uid in ended if self.is_held(uid) and uid not in self._kept]

    def of(self, value: Json) -> Fate:
        """The fate of an object."""
        uid = uid_of(value)
        return fate_of(
            is_held=self.is_held(uid),
            lease=self.lease(value),
            is_kept=uid in self._kept,
            is_deleted="deletionTimestamp" in value["metadata"],
        )
