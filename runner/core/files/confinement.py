"""Where the members of an archive may stand: below the directory that they are unpacked in, and nowhere else.

No member is reached through a link, so what is written stays below however links lead; the links themselves are judged by
``leads_out``. kubectl's own rule is in pkg/cmd/cp/cp.go (untarAll), docker's in pkg/archive (breakout checks).
"""

from __future__ import annotations

from runner.core.files.tarstream import BadArchive, Entry, Kind
from runner.core.text.gotext import quote

Parts = tuple[str, ...]
_MOST_LINKS = 1_000_000
"""Each is remembered."""


class Confinement:
    """Judges the members of one archive in their order."""

    def __init__(self) -> None:
        self._links: set[Parts] = set()

    def place(self, entry: Entry) -> Parts:
        """Where a member stands below the directory, as the parts of its path; none: the directory itself.

        Raises BadArchive for what is absolute, climbs or goes through a link.
        """
        parts = _below(entry.name, "file")
        if not parts and entry.kind is not Kind.DIRECTORY:
            raise BadArchive(f"{entry.kind} {quote(entry.name)} has no name")
        self._refuse_through_links(entry.name, parts, may_be_link=entry.kind is Kind.LINK)
        if entry.kind is Kind.HARD_LINK:
            self.linked(entry)
        if entry.kind is Kind.LINK:
            self._links.add(parts)
            if len(self._links) > _MOST_LINKS:
                raise BadArchive(f"more than {_MOST_LINKS} links are refused")
        return parts

    def linked(self, entry: Entry) -> Parts:
        """The place that a hard link leads to. Raises BadArchive."""
        parts = _below(entry.target, "hard link to")
        if not parts:
            raise BadArchive(f"hard link {quote(entry.name)} leads to no file")
        self._refuse_through_links(entry.target, parts, may_be_link=False)
        return parts

    def _refuse_through_links(self, name: str, parts: Parts, *, may_be_link: bool) -> None:
        if not self._links:
            return
        for depth in range(1, len(parts) + (not may_be_link)):
            if parts[:depth] in self._links:
                raise BadArchive(f"{quote(name)} would be written through the link {quote('/'.join(parts[:depth]))}")


def _below(name: str, what: str) -> Parts:
    if name.startswith("/"):
        raise BadArchive(f"{what} {quote(name)} is outside target destination: its name is absolute")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if ".." in parts:
        raise BadArchive(f"{what} {quote(name)} is outside target destination")
    return parts


def leads_out(parts: Parts, target: str) -> bool:
    """Whether a symbolic link at a place may lead out of the directory: by an absolute path, or by more ``..`` than it is deep.

    ``..`` counts only at the beginning: behind a name that is a link itself it could lead anywhere.
    """
    if target.startswith("/") or not target:
        return True
    words = [word for word in target.split("/") if word not in ("", ".")]
    climbs = 0
    while climbs < len(words) and words[climbs] == "..":
        climbs += 1
    return ".." in words[climbs:] or climbs >= len(parts)
