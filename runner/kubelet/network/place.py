"""Names the node and the run that a network works for."""

from __future__ import annotations

from dataclasses import dataclass

from runner.registry.holders import Holder


@dataclass(frozen=True, slots=True)
class NetworkPlace:
    """The node that holds the proxies, the label that they carry in the Engine, and the lease of the run.

    Services under that lease go with the run.
    """

    holder: Holder
    owner: str
    lease: str = ""
