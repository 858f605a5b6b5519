"""Tables of pods, workloads, claims and events, as kubectl prints them: upper-case headers, three blanks between columns."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from runner.core.model import Json
from runner.core.printers.claimcolumns import CLAIM_COLUMNS, WIDE_CLAIM_COLUMNS, claim_cells
from runner.core.printers.columns import label_pairs, pod_row, status_word
from runner.core.printers.objectcolumns import OBJECT_COLUMNS, WIDE_OBJECT_COLUMNS, object_cells
from runner.core.printers.workloadcolumns import WIDE_WORKLOAD_COLUMNS, WORKLOAD_COLUMNS, workload_cells
from runner.render.events import EVENT_COLUMNS, event_cells
from runner.render.tabwriter import TabWriter, table_writer

POD_COLUMNS: tuple[str, ...] = ("NAME", "READY", "STATUS", "RESTARTS", "AGE")
WIDE_COLUMNS: tuple[str, ...] = (*POD_COLUMNS, "IP", "NODE", "NOMINATED NODE", "READINESS GATES")

_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)


def ready_word(pod: Json) -> str:
    """The READY cell, ``1/2``, which no time changes."""
    return pod_row(pod, _ANY_TIME).ready


class PodTable:
    """Prints pods row by row, the header first; later rows stay aligned with earlier ones.

    ``prefix`` goes before the names where several kinds are shown: ``pod/``. ``labels`` adds a column of them.
    """

    columns = (POD_COLUMNS, WIDE_COLUMNS)

    def __init__(
        self,
        *,
        wide: bool = False,
        with_namespace: bool = False,
        prefix: str = "",
        header: bool = True,
        labels: bool = False,
    ) -> None:
        self._wide = wide
        self._with_namespace = with_namespace
        self._prefix = prefix
        self._labels = labels
        self._table = _Table(_header(self.columns[wide], with_namespace, labels) if header else None)

    def rows(self, values: Sequence[Json], now: datetime) -> str:
        """Some more rows, with the header before the first ones."""
        return self._table.rows([self._row(value, now) for value in values])

    def _row(self, value: Json, now: datetime) -> tuple[str, ...]:
        namespace = (str((value.get("metadata") or {}).get("namespace") or ""),) if self._with_namespace else ()
        name, *others = self.cells(value, now, wide=self._wide)
        return (*namespace, self._prefix + name, *others, *((_labels_of(value),) if self._labels else ()))

    def cells(self, value: Json, now: datetime, *, wide: bool) -> tuple[str, ...]:
        """One row, the name first."""
        return pod_row(value, now).cells(wide=wide)


class ClaimTable(PodTable):
    """Prints PersistentVolumeClaims."""

    columns = (CLAIM_COLUMNS, WIDE_CLAIM_COLUMNS)

    def cells(self, value: Json, now: datetime, *, wide: bool) -> tuple[str, ...]:
        return claim_cells(value, now, wide=wide)


class WorkloadTable(PodTable):
    """Prints what makes pods, one kind a table."""

    def __init__(self, kind: str, **settings: Any) -> None:
        self.columns = (WORKLOAD_COLUMNS[kind], WIDE_WORKLOAD_COLUMNS[kind])
        super().__init__(**settings)

    def cells(self, value: Json, now: datetime, *, wide: bool) -> tuple[str, ...]:
        return workload_cells(value, now, wide=wide)


class ObjectTable(PodTable):
    """Prints Services, ConfigMaps or Secrets."""

    def __init__(self, kind: str, **settings: Any) -> None:
        self.columns = (OBJECT_COLUMNS[kind], WIDE_OBJECT_COLUMNS[kind])
        super().__init__(**settings)

    def cells(self, value: Json, now: datetime, *, wide: bool) -> tuple[str, ...]:
        return object_cells(value, now, wide=wide)


class EventTable:
    """Prints events; ``lower`` writes kinds as ``kubectl get events`` does."""

    def __init__(
        self, *, with_namespace: bool = False, lower: bool = False, header: bool = True, labels: bool = False
    ) -> None:
        self._with_namespace = with_namespace
        self._lower = lower
        self._labels = labels
        self._table = _Table(_header(EVENT_COLUMNS, with_namespace, labels) if header else None)

    def rows(self, events: Sequence[Json], now: datetime) -> str:
        """Some more rows, with the header before the first ones."""
        return self._table.rows([self._cells(event, now) for event in events])

    def _cells(self, event: Json, now: datetime) -> tuple[str, ...]:
        seen, kind, reason, thing, message = event_cells(event, now)
        if self._lower:
            what, slash, name = thing.partition("/")
            thing = what.lower() + slash + name
        namespace = (str((event.get("metadata") or {}).get("namespace") or ""),) if self._with_namespace else ()
        return (*namespace, seen, kind, reason, thing, message, *((_labels_of(event),) if self._labels else ()))


def _header(columns: Sequence[str], with_namespace: bool, labels: bool) -> tuple[str, ...]:
    return (*(("NAMESPACE",) if with_namespace else ()), *columns, *(("LABELS",) if labels else ()))


def _labels_of(value: Json) -> str:
    """All labels in one cell."""
    return label_pairs((value.get("metadata") or {}).get("labels")) or "<none>"


class _Table:
    def __init__(self, header: tuple[str, ...] | None) -> None:
        self._header = header
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


__all__ = ["ClaimTable", "EventTable", "ObjectTable", "PodTable", "WorkloadTable", "ready_word", "status_word"]
