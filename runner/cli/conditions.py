"""What ``wait --for`` can wait for. Mirrors k8s.io/kubectl/pkg/cmd/wait."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from runner.core.model import Json
from runner.errors import UsageError
from runner.render.jsonpath import JSONPathError, find

FORMS = "condition=NAME[=VALUE], phase=PHASE, jsonpath={PATH}[=VALUE], create, delete"


_OTHER_ENDS = {"complete": "Failed", "failed": "Complete"}
"""A Job that has come to one of its ends never comes to the other."""


class WaitCondition(Struct, frozen=True):
    """``holds`` judges a pod (None: there is none); with ``needs_pod`` a missing pod is an error.

    ``name`` is the condition's that is to be true, "" where something else is waited for.
    """

    holds: Callable[[Json | None], bool]
    needs_pod: bool = True
    name: str = ""

    def is_past(self, value: Json) -> str:
        """What makes it sure that the condition will not hold any more, "" when nothing does.

        A pod that has ended stays as it is; only a controller puts another one in its place.
        """
        status = value.get("status") or {}
        if not self.name or (value.get("metadata") or {}).get("ownerReferences"):
            return ""
        if value.get("kind") == "Pod":
            phase = str(status.get("phase"))
            return phase if phase in ("Failed", "Succeeded") else ""
        wanted = _OTHER_ENDS.get(self.name.lower()) if value.get("kind") == "Job" else None
        ends = [
            one for one in status.get("conditions") or () if one.get("type") == wanted and one.get("status") == "True"
        ]
        return str(wanted) if ends else ""


def parse_condition(text: str) -> WaitCondition:
    """Read the value of ``--for``. Raises UsageError."""
    kind, equals, rest = text.partition("=")
    match kind.lower(), bool(equals and rest):
        case "delete", False:
            return WaitCondition(lambda pod: pod is None, needs_pod=False)
        case "create", False:
            return WaitCondition(lambda pod: pod is not None, needs_pod=False)
        case "condition", True:
            return _condition(rest)
        case "phase", True:
            return WaitCondition(lambda pod: ((pod or {}).get("status") or {}).get("phase") == rest)
        case "jsonpath", True:
            return _jsonpath(rest)
        case _:
            raise UsageError(f'unrecognized condition: "{text}"', hint=f"one of {FORMS}")


def _condition(text: str) -> WaitCondition:
    name, _, value = text.partition("=")
    wanted = (value or "true").lower()

    def holds(pod: Json | None) -> bool:
        conditions = ((pod or {}).get("status") or {}).get("conditions") or ()
        found = next((c for c in conditions if str(c.get("type")).lower() == name.lower()), None)
        return found is not None and str(found.get("status")).lower() == wanted

    return WaitCondition(holds, name=name if wanted == "true" else "")


def _jsonpath(text: str) -> WaitCondition:
    path, value = _split(text)
    try:
        find(path, {})
    except JSONPathError as problem:
        raise UsageError(f"error parsing jsonpath {path}, {problem}") from problem

    def holds(pod: Json | None) -> bool:
        try:
            found = find(path, pod)
        except JSONPathError:
            return False
        if value is None:
            return bool(found)
        return len(found) == 1 and _text(found[0]) == value

    return WaitCondition(holds)


def _split(text: str) -> tuple[str, str | None]:
    """The path and the value after the ``=`` that follows it."""
    if text.startswith("{"):
        end = text.find("}") + 1
        path, rest = text[:end] or text, text[end:]
        return path, rest[1:].strip("'\"") if rest.startswith("=") else None
    path, equals, value = text.partition("=")
    return path, value.strip("'\"") if equals else None


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
