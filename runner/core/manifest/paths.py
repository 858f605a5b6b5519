"""Field paths as the API server writes them, with the keys that find the place in the source.

Mirrors k8s.io/apimachinery/pkg/util/validation/field/path.go.
"""

from __future__ import annotations

from runner.core.manifest.types import PathKeys


class FieldPath:
    """A path such as spec.containers[0].resources.limits[cpu]; immutable.

    `text` is what messages print and `keys` is where the value is. They differ where the server's own message
    leaves something out (volumeMounts.subPath without an index).
    """

    __slots__ = ("keys", "text")

    def __init__(self, text: str = "", keys: PathKeys = ()) -> None:
        self.text = text
        self.keys = keys

    def child(self, *names: str) -> FieldPath:
        """Return the path of a field (or of a field of a field …) of the struct at this path."""
        text = ".".join((self.text, *names)) if self.text else ".".join(names)
        return FieldPath(text, self.keys + names)

    def index(self, position: int) -> FieldPath:
        """Return the path of a list's item."""
        return FieldPath(f"{self.text}[{position}]", (*self.keys, position))

    def key(self, name: str) -> FieldPath:
        """Return the path of a map's entry."""
        return FieldPath(f"{self.text}[{name}]", (*self.keys, name))

    def located_at(self, other: FieldPath) -> FieldPath:
        """Return a path that prints like this one and points to another one's place."""
        return FieldPath(self.text, other.keys)

    def __str__(self) -> str:
        return self.text
