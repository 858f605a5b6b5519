"""Text in nested levels with tab-separated cells: what ``describe`` is written with.

Mirrors the prefix writer of k8s.io/kubectl/pkg/describe/describe.go: two blanks a level.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.core.text.times import parse_time
from runner.render.tabwriter import TabWriter

ZERO_INSTANT = "Mon, 01 Jan 0001 00:00:00 +0000"
LONGEST_ANNOTATION = 140
HIDDEN_ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"


class Layout:
    """Collects lines; ``text`` aligns them."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def line(self, level: int, text: str) -> None:
        """Add a line at a level; embedded newlines start lines of their own, without indentation."""
        self._parts.append("  " * level + text)

    def field(self, level: int, label: str, value: object) -> None:
        """Add ``label:  value``."""
        self.line(level, f"{label}:\t{value}")

    def lines(self, label: str, values: list[str]) -> None:
        """Add a field with one value a line, all in the value column."""
        self.field(0, label, values[0] if values else "<none>")
        for value in values[1:]:
            self.line(0, f"\t{value}")

    def text(self) -> str:
        return TabWriter(min_width=0, padding=2).format("\n".join(self._parts)) + "\n"


def label_lines(value: Mapping[str, Any] | None) -> list[str]:
    """``key=value`` lines, sorted."""
    return [f"{key}={text}" for key, text in sorted((value or {}).items())]


def annotation_lines(value: Mapping[str, Any] | None) -> list[str]:
    """``key: value`` lines, sorted; long and multi-line values stand, shortened, below their key."""
    lines: list[str] = []
    for key, raw in sorted((value or {}).items()):
        if key == HIDDEN_ANNOTATION:
            continue
        text = str(raw).removesuffix("\n")
        if len(key) + len(text) + 2 <= LONGEST_ANNOTATION and "\n" not in text:
            lines.append(f"{key}: {text}")
            continue
        lines.append(f"{key}:")
        lines.extend(f"  {_shortened(part)}" for part in text.split("\n"))
    return lines


def _shortened(text: str) -> str:
    limit = LONGEST_ANNOTATION - 2
    return text if len(text) <= limit else text[:limit] + "..."


def long_time(text: object) -> str:
    """An RFC 3339 instant in RFC 1123 form with a numeric zone."""
    instant = parse_time(text)
    return instant.strftime("%a, %d %b %Y %H:%M:%S +0000") if instant else ZERO_INSTANT


def go_bool(value: object) -> str:
    return "true" if value else "false"
