"""What becomes of objects, in the words of a watch."""

from __future__ import annotations

from enum import StrEnum


class ChangeType(StrEnum):
    """What a watch tells of an object (k8s.io/apimachinery pkg/watch)."""

    ADDED = "ADDED"
    MODIFIED = "MODIFIED"
    DELETED = "DELETED"
