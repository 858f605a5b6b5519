"""The ledger: what nodes remember of objects, unseen by the registry's verbs. It goes with the object.

A write to the ledger is no change of the object: it gets no resourceVersion, and wakes only the old and the new holder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol


class Ledger(Protocol):
    """By uid. A write about an object that is gone does nothing, because another process may have removed it at any moment."""

    def holder(self, uid: str) -> str:
        """The id of the node instance that runs the object; "": none does."""
        ...

    def holders(self) -> Mapping[str, str]:
        """Everything that is held, with its holder."""
        ...

    def take(self, uid: str, expected: str, new: str) -> bool:
        """Give it another holder if it has the expected one ("" for none). Returns whether that was so; of two, one wins."""
        ...

    def run_spec(self, uid: str) -> str | None:
        """What was chosen for it when it was created, as JSON text; None when nothing was."""
        ...

    def lease(self, uid: str) -> str:
        """Under whose lease it was created: it goes when that one ends; "" when it stays."""
        ...

    def leases(self) -> Mapping[str, str]:
        """Everything that was created under a lease, with the lease."""
        ...

    def lend(self, uid: str, lease: str) -> None:
        """Have it live as long as another lease; "": it stays."""
        ...

    def keep(self, uid: str) -> None:
        """Mark it as kept on purpose: a sweep leaves it, and what belongs to it, alone."""
        ...

    def kept(self) -> frozenset[str]:
        """What is kept on purpose."""
        ...

    def note_attempt(self, uid: str, container: str, attempt: int) -> None:
        """Remember that this attempt of a container (POD for the sandbox) was created."""
        ...

    def attempts(self, uid: str) -> Mapping[str, int]:
        """The highest attempt so far, by container."""
        ...

    def note(self, uid: str, name: str, text: str | None) -> None:
        """Remember something under a name, JSON text for instance; None forgets it."""
        ...

    def notes(self, uid: str) -> Mapping[str, str]:
        """All that is remembered so."""
        ...
