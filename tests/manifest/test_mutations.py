"""Whatever is done to a manifest, loading answers with problems, never with an exception, and answers the same twice."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.core.manifest import LoadResult, Source, load
from runner.core.manifest.schema import fields_of, load_schema

FIXTURES = Path(__file__).parents[2] / "fixtures"
TEXTS = [file.read_text() for file in sorted((FIXTURES / "manifests" / "valid").glob("*.yaml"))]
TEXTS += [file.read_text() for file in sorted((FIXTURES / "manifests" / "invalid").glob("*.yaml"))]
MANIFESTS = [
    json.loads(line)["manifest"]
    for line in (FIXTURES / "conformance" / "apiserver" / "corpus.jsonl").read_text().splitlines()
]
OBJECTS: list[dict[str, Any]] = [
    dict(item.raw) for text in MANIFESTS for item in load([Source(name="m", text=text)]).objects
]
FIELD_NAMES = sorted({name for kind in load_schema().types for name in fields_of(kind)})

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.sampled_from(["", "0", "-1", "1Gi", "1e400", "1.5", "..", "/x", "a" * 300, "Always", "{{ x }}", "$(A)", "tcp"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.one_of(st.sampled_from(FIELD_NAMES), st.text(max_size=6)), inner, max_size=4)
    ),
    max_leaves=8,
)
SETTINGS = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return (container, key) of every node."""
    found: list[tuple[Any, Any]] = []
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in entries:
        found.append((value, key))
        found.extend(places(child))
    return found


def check(text: str) -> LoadResult:
    result = load([Source(name="m", text=text)])
    assert [str(problem) for problem in result.problems] == [
        str(problem) for problem in load([Source(name="m", text=text)]).problems
    ]
    for item in result.objects:
        json.dumps(item.value, allow_nan=False)
    return result


@SETTINGS
@given(st.sampled_from(OBJECTS), st.data())
def test_changed_nodes_never_break_loading(original: dict[str, Any], data: st.DataObject) -> None:
    value = copy.deepcopy(original)
    for _ in range(data.draw(st.integers(1, 4))):
        found = places(value)
        if not found:
            break
        container, key = data.draw(st.sampled_from(found))
        action = data.draw(st.sampled_from(["delete", "replace", "insert", "rename"]))
        if action == "delete":
            del container[key]
        elif action == "replace":
            container[key] = data.draw(VALUES)
        elif isinstance(container, list):
            container.insert(key, data.draw(VALUES))
        elif action == "insert":
            container[data.draw(st.sampled_from(FIELD_NAMES))] = data.draw(VALUES)
        else:
            container[data.draw(st.sampled_from(FIELD_NAMES))] = container.pop(key)
    check(json.dumps(value))


@SETTINGS
@given(st.sampled_from(TEXTS + MANIFESTS), st.data())
def test_changed_text_never_breaks_loading(original: str, data: st.DataObject) -> None:
    text = original
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        stop = data.draw(st.integers(start, min(len(text), start + 30)))
        piece = data.draw(
            st.one_of(
                st.text(max_size=8),
                st.text(alphabet="-:#{}[]&*!|>%@'\"?, \n\t~<=\0\ufeff\ud800", max_size=8),
                st.just(text[start:stop] * 2),
            )
        )
        text = text[:start] + piece + text[stop:]
    check(text)


@SETTINGS
@given(st.text(max_size=200))
def test_any_text_is_answered(text: str) -> None:
    check(text)


def test_what_was_loaded_loads_again_unchanged() -> None:
    """Defaulting is idempotent: the stored form of an accepted object is accepted and stored as it is."""
    for text in MANIFESTS:
        first = load([Source(name="m", text=text)])
        for item in first.objects if first.ok else ():
            (second,) = load([Source(name="m", text=json.dumps(item.value))]).objects
            assert second.value == item.value
