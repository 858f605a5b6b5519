"""Tables of pods, claims and events, as kubectl prints them: upper-case headers, three blanks between columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from runner.core.claimcolumns import CLAIM_COLUMNS, WIDE_CLAIM_COLUMNS, claim_cells
from runner.core.columns import pod_row, status_word
from runner.core.model import Json
from runner.render.events import EVENT_COLUMNS, event_cells
from runner.render.tabwriter import TabWriter, table_writer

POD_COLUMNS = ("NAME", "READY", "STATUS", "RESTARTS", "AGE")
WIDE_COLUMNS = (*POD_COLUMNS, "IP", "NODE", "NOMINATED NODE", "READINESS GATES")

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def ready_word(pod: Json) -> str:
    """The READY cell, ``1/2``, which no time changes."""
    return pod_row(pod, _ANY_TIME).ready


class PodTable:
    """Prints pods row by row, the header first; later rows stay aligned with earlier ones."""

    def __init__(self, *, wide: bool = False, with_namespace: bool = False) -> None:
        self._wide = wide
        self._with_namespace = with_namespace
        self._table = _Table((*(("NAMESPACE",) if with_namespace else ()), *(WIDE_COLUMNS if wide else POD_COLUMNS)))

    def rows(self, pods: Sequence[Json], now: datetime) -> str:
        """Some more rows, with the header before the first ones."""
        return self._table.rows([self._cells(pod, now) for pod in pods])

    def _cells(self, pod: Json, now: datetime) -> tuple[str, ...]:
        namespace = (str((pod.get("metadata") or {}).get("namespace") or ""),) if self._with_namespace else ()
        return (*namespace, *pod_row(pod, now).cells(wide=self._wide))


class ClaimTable:
    """Prints PersistentVolumeClaims."""

    def __init__(self, *, wide: bool = False, with_namespace: bool = False) -> None:
        self._wide = wide
        self._with_namespace = with_namespace
        columns = WIDE_CLAIM_COLUMNS if wide else CLAIM_COLUMNS
        self._table = _Table((*(("NAMESPACE",) if with_namespace else ()), *columns))

    def rows(self, claims: Sequence[Json], now: datetime) -> str:
        """Some more rows, with the header before the first ones."""
        return self._table.rows([self._cells(claim, now) for claim in claims])

    def _cells(self, claim: Json, now: datetime) -> tuple[str, ...]:
        namespace = (str((claim.get("metadata") or {}).get("namespace") or ""),) if self._with_namespace else ()
        return (*namespace, *claim_cells(claim, now, wide=self._wide))


class EventTable:
    """Prints events; ``lower`` writes kinds as ``kubectl get events`` does."""

    def __init__(self, *, with_namespace: bool = False, lower: bool = False) -> None:
        self._with_namespace = with_namespace
        self._lower = lower
        self._table = _Table((*(("NAMESPACE",) if with_namespace else ()), *EVENT_COLUMNS))

    def rows(self, events: Sequence[Json], now: datetime) -> str:
        """Some more rows, with the header before the first ones."""
        return self._table.rows([self._cells(event, now) for event in events])

    def _cells(self, event: Json, now: datetime) -> tuple[str, ...]:
        seen, kind, reason, thing, message = event_cells(event, now)
        if self._lower:
            what, slash, name = thing.partition("/")
            thing = what.lower() + slash + name
        namespace = (str((event.get("metadata") or {}).get("namespace") or ""),) if self._with_namespace else ()
        return (*namespace, seen, kind, reason, thing, message)


class _Table:
    def __init__(self, header: tuple[str, ...]) -> None:
        self._header: tuple[str, ...] | None = header
        self._writer: TabWriter = table_writer()

    def rows(self, rows: Sequence[tuple[str, ...]]) -> str:
        lines = [self._header, *rows] if self._header else list(rows)
        self._header = None
        return self._writer.format("".join("\t".join(_one_line(cell) for cell in line) + "\n" for line in lines))


def _one_line(cell: str) -> str:
    """Cut at the first line break, as a table must."""
    for position, character in enumerate(cell):
        if character in "\f\n\r":
            return cell[:position] + "..."
    return cell.replace("\t", " ")


__all__ = ["ClaimTable", "EventTable", "PodTable", "ready_word", "status_word"]
