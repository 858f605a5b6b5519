"""Manifests changed at random with knowledge of the schema: right fields at right places, with wrong and odd values."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Protocol

from runner.core.manifest import Source, load
from runner.core.manifest.schema import fields_of, load_schema

FIXTURES = Path(__file__).parents[2] / "fixtures"
FOLDERS = ("manifests/valid", "examples", ".")

TEXTS = [
    "", "a", "web", "A_b", "-x", "a.b", "a" * 63, "a" * 254, "..", "../x", "/", "/data", "a/b", "$(X)", "{{ .x }}",
    "busybox:1.36", "nginx", "Always", "Never", "OnFailure", "True", "TCP", "ClusterFirst", "None", "Memory",
    "metadata.name", "10.0.0.1",
    "no", "\u00e9", "\U0001f600", "a\nb", " ", "@sha256:", "metadata.labels['a']",
]  # fmt: skip
NUMBERS = [-(2**63), -(2**31), -1, 0, 1, 2, 5, 30, 80, 255, 420, 511, 512, 65535, 65536, 2**31 - 1, 2**31, 2**63 - 1]
QUANTITIES = ["0", "1", "-1", "100m", "0.1", "64Mi", "1Gi", "1e3", "1.5", "1e400", "1Ki1", "", 1, 0.5]
TIMES = ["2030-01-01T00:00:00Z", "yesterday", "", None]
STRANGE: list[Any] = [None, True, False, 0, 1.5, "x", [], {}, [None], {"a": {"b": []}}, [[1]]]
_DEEPEST = 4


class Dice(Protocol):
    """What is used of random.Random."""

    def random(self) -> float: ...

    def randrange(self, stop: int, /) -> int: ...

    def choice(self, seq: Any, /) -> Any: ...


def seeds() -> list[dict[str, Any]]:
    """Sound objects of all kinds: recorded ones, and those of the fixtures."""
    lines = (FIXTURES / "conformance" / "apiserver" / "corpus.jsonl").read_text(encoding="utf-8").splitlines()
    texts = [row["manifest"] for row in map(json.loads, lines) if row["ok"]]
    for folder in FOLDERS:
        texts += [path.read_text(encoding="utf-8") for path in sorted((FIXTURES / folder).glob("*.y*ml"))]
    results = [load([Source(name="seed", text=text)]) for text in texts]
    return [dict(item.raw) for result in results if result.ok for item in result.objects]


Donors = dict[tuple[str, str], list[Any]]


def donors(objects: Iterable[dict[str, Any]]) -> Donors:
    """What sound objects have, by type and field."""
    found: Donors = {}
    for value in objects:
        for place, code in _places(value, _code(value)):
            for key, child in place.items() if isinstance(place, dict) else ():
                found.setdefault((code, key), []).append(child)
    return found


def mutated(original: dict[str, Any], dice: Dice, given: Donors) -> dict[str, Any]:
    """A copy with one to four changes, more often few than many."""
    value = copy.deepcopy(original)
    for _ in range(1 + min(dice.randrange(4), dice.randrange(4))):
        place, code = dice.choice(list(_places(value, _code(value))))
        _change(place, code, dice, given)
    return value


def _code(value: dict[str, Any]) -> str:
    kind = load_schema().kinds.get(f"{value.get('apiVersion')}/{value.get('kind')}")
    return f"@{kind}" if kind else "f"


def _places(value: Any, code: str) -> Iterator[tuple[Any, str]]:
    """Every mapping and list below a value, with the type code that the schema gives it."""
    if isinstance(value, dict):
        yield value, code
        for key, child in value.items():
            yield from _places(child, _inner(code, key))
    elif isinstance(value, list):
        yield value, code
        for child in value:
            yield from _places(child, code[1:] if code.startswith("[") else "f")


def _inner(code: str, key: str) -> str:
    if code.startswith("{"):
        return code[1:]
    name = re.fullmatch(r"@(\w+)", code)
    found = fields_of(name.group(1)).get(key) if name else None
    return found.code if found else "f"


def _change(place: Any, code: str, dice: Dice, given: Donors) -> None:
    """Change one mapping or list: take out, put in, replace, double, rename."""
    if isinstance(place, list):
        inner = code[1:] if code.startswith("[") else "f"
        action = dice.randrange(4)
        if action == 0 and place:
            del place[dice.randrange(len(place))]
        elif action == 1 and place:
            place.append(copy.deepcopy(dice.choice(place)))
        else:
            place.insert(dice.randrange(len(place) + 1), made(inner, dice, 0))
        return
    fields = (list(fields_of(code[1:])) if re.fullmatch(r"@\w+", code) else []) or ["a", "b.c/d"]
    action = dice.randrange(6)
    if action == 0 and place:
        del place[dice.choice(list(place))]
    elif action == 1 and place:
        place[dice.choice(TEXTS)] = place.pop(dice.choice(list(place)))
    elif action in (2, 3) and place:
        key = dice.choice(list(place))
        place[key] = _other(code, key, dice, given)
    else:
        key = dice.choice(fields)
        place[key] = _other(code, key, dice, given)


def _other(code: str, key: str, dice: Dice, given: Donors) -> Any:
    """Another value for a field: mostly one that a sound object has there, else a made one."""
    values = given.get((code, key))
    if values and dice.random() < 0.6:
        return copy.deepcopy(dice.choice(values))
    return made(_inner(code, key), dice, 0)


def made(code: str, dice: Dice, depth: int) -> Any:
    """A value of a type, now and then of another one."""
    if dice.random() < 0.08:
        return copy.deepcopy(dice.choice(STRANGE))
    head = code[:1]
    if head == "[":
        return [made(code[1:], dice, depth + 1) for _ in range(dice.randrange(3))]
    if head == "{":
        return {dice.choice(TEXTS): made(code[1:], dice, depth + 1) for _ in range(dice.randrange(3))}
    if head == "@":
        fields = fields_of(code[1:])
        chosen = [key for key, found in fields.items() if found.required]
        if depth < _DEEPEST:
            chosen += [dice.choice(list(fields)) for _ in range(dice.randrange(3)) if fields]
        return {key: made(fields[key].code, dice, depth + 1) for key in dict.fromkeys(chosen)}
    choices = {"b": [True, False], "q": QUANTITIES, "t": TIMES, "x": [*NUMBERS, *TEXTS], "y": ["YQ==", "?", ""]}
    if head in "ild":
        return dice.choice(NUMBERS)
    return copy.deepcopy(dice.choice(choices.get(head, STRANGE if head == "f" else TEXTS)))
