"""Columns of tab-separated cells, aligned as Go's text/tabwriter aligns them.

A column is a block of neighbouring lines that have a tab-terminated cell there; text after a line's last tab belongs to no
column. With ``remember`` the widths of earlier calls are minimum widths of later ones, so that lines which arrive one
by one stay below their header (github.com/liggitt/tabwriter RememberWidths).
"""

from __future__ import annotations


class TabWriter:
    """Formats text; ``min_width`` and ``padding`` count characters and hold for every column."""

    def __init__(self, *, min_width: int, padding: int, remember: bool = False) -> None:
        self._min_width = min_width
        self._padding = padding
        self._remember = remember
        self._known: list[int] = []

    def format(self, text: str) -> str:
        """Align some whole lines."""
        lines = [line.split("\t") for line in text.split("\n")]
        done: list[str] = []
        self._block(lines, [], done)
        return "\n".join(done)

    def _block(self, lines: list[list[str]], widths: list[int], done: list[str]) -> None:
        """Write lines whose first ``len(widths)`` columns are known, finding the next column's blocks among them."""
        column, start = len(widths), 0
        while start < len(lines):
            end = start
            while end < len(lines) and column < len(lines[end]) - 1:
                end += 1
            if end == start:
                done.append(_line(lines[start], widths))
                start += 1
                continue
            width = max([self._min_width, *(len(line[column]) + self._padding for line in lines[start:end])])
            self._block(lines[start:end], [*widths, self._remembered(column, width)], done)
            start = end

    def _remembered(self, column: int, width: int) -> int:
        if not self._remember:
            return width
        self._known.extend([0] * (column + 1 - len(self._known)))
        self._known[column] = max(self._known[column], width)
        return self._known[column]


def _line(cells: list[str], widths: list[int]) -> str:
    padded = [cell.ljust(widths[index]) if index < len(widths) else cell for index, cell in enumerate(cells)]
    return "".join(padded)


def table_writer() -> TabWriter:
    """The writer of kubectl's tables (k8s.io/cli-runtime printers GetNewTabWriter)."""
    return TabWriter(min_width=6, padding=3, remember=True)
