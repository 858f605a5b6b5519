"""kubectl's JSONPath templates."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runner.render.jsonpath import JSONPathError, find, render

POD: dict[str, Any] = {
    "kind": "Pod",
    "metadata": {"name": "web", "labels": {"app.kubernetes.io/name": "shop", "tier": "front end"}},
    "spec": {"containers": [{"name": "a", "ports": [{"containerPort": 80}]}, {"name": "b"}, {"name": "c"}]},
    "status": {"phase": "Running", "ready": True, "restarts": 3, "ratio": 0.5, "nothing": None},
}
LIST: dict[str, Any] = {"kind": "List", "items": [POD, {"kind": "Pod", "metadata": {"name": "db"}}]}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{.metadata.name}", "web", id="a field"),
        pytest.param("{$.metadata.name}", "web", id="a field from the root"),
        pytest.param("{@.kind}", "Pod", id="a field from the current value"),
        pytest.param("name: {.metadata.name}!", "name: web!", id="text around braces is printed"),
        pytest.param(".metadata.name", ".metadata.name", id="without braces everything is text"),
        pytest.param("{.metadata['name']}", "web", id="a quoted key"),
        pytest.param("{.metadata.labels['app\\.kubernetes\\.io/name']}", "shop", id="dots in a quoted key are escaped"),
        pytest.param("{.metadata.labels.app\\.kubernetes\\.io/name}", "shop", id="dots in a plain key are escaped"),
        pytest.param("{.spec.containers[*].name}", "a b c", id="several results are joined by blanks"),
        pytest.param("{.spec.containers[1].name}", "b", id="an index"),
        pytest.param("{.spec.containers[-1].name}", "c", id="an index from the end"),
        pytest.param("{.spec.containers[0:2].name}", "a b", id="a slice"),
        pytest.param("{.spec.containers[:].name}", "a b c", id="an open slice"),
        pytest.param("{.spec.containers[0,2].name}", "a c", id="a union of indices"),
        pytest.param("{.status['phase','ready']}", "Running true", id="a union of keys"),
        pytest.param("{.metadata.labels.*}", "shop front end", id="all values of a map, sorted by key"),
        pytest.param("{..containerPort}", "80", id="a recursive descent"),
        pytest.param("{..name}", "web a b c", id="a recursive descent finds fields in order of their keys"),
        pytest.param('{.spec.containers[?(@.name=="b")].name}', "b", id="a filter by text"),
        pytest.param("{.spec.containers[?(@.name!='b')].name}", "a c", id="a filter by another text"),
        pytest.param("{.spec.containers[?(@.ports)].name}", "a", id="a filter by existence"),
        pytest.param("{.spec.containers[?(@.ports[0].containerPort>=80)].name}", "a", id="a filter by number"),
        pytest.param("{.status.ready}", "true", id="a boolean"),
        pytest.param("{.status.restarts}", "3", id="an integer"),
        pytest.param("{.status.ratio}", "0.5", id="a fraction"),
        pytest.param("{.status.nothing}", "null", id="null"),
        pytest.param("{.spec.containers[0].ports}", '[{"containerPort":80}]', id="a structure prints as JSON"),
        pytest.param("{.no.such.field}", "", id="a missing field prints nothing"),
        pytest.param('{.kind}{"\\n"}{"\\t"}', "Pod\n\t", id="quoted text with escapes"),
        pytest.param("{'a b'}", "a b", id="text in single quotes"),
        pytest.param("{.kind} {.metadata.name}", "Pod web", id="two expressions"),
        pytest.param('{"{}"}', "{}", id="braces within quotes are text"),
    ],
)
def test_a_template_prints_a_pod(template: str, expected: str) -> None:
    assert render(template, POD) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        pytest.param("{.items[*].metadata.name}", "web db", id="names of a list"),
        pytest.param('{range .items[*]}{.metadata.name}{"\\n"}{end}', "web\ndb\n", id="a range"),
        pytest.param(
            "{range .items[*]}[{.metadata.name}, {$.kind}] {end}", "[web, List] [db, List] ", id="root in a range"
        ),
        pytest.param(
            "{range .items[*]}{.metadata.name}:{range .spec.containers[*]} {.name}{end};{end}",
            "web: a b c;db:;",
            id="nested ranges",
        ),
        pytest.param("{range .items}{.metadata.name};{end}", "web;db;", id="a range over the list itself"),
        pytest.param('{.items[?(@.status.phase=="Running")].metadata.name}', "web", id="a filter on items"),
    ],
)
def test_a_template_prints_a_list(template: str, expected: str) -> None:
    assert render(template, LIST) == expected


@pytest.mark.parametrize(
    ("template", "message"),
    [
        pytest.param("{.metadata.name", "unclosed action", id="a brace is missing"),
        pytest.param("{.items[0}", "unterminated array", id="a bracket is missing"),
        pytest.param("{range .items[*]}{.x}", "{end} is missing", id="an end is missing"),
        pytest.param("{end}", "nothing to end", id="an end too many"),
        pytest.param("{metadata}", "unrecognized identifier", id="a name without a dot"),
        pytest.param("{.items[x]}", "invalid array index", id="an index that is no number"),
        pytest.param(
            "{.spec.containers[7].name}", "array index out of bounds: index 7, length 3", id="index too large"
        ),
        pytest.param('{"abc}', "unclosed action", id="a quote is missing"),
    ],
)
def test_a_bad_template_is_refused_with_a_reason(template: str, message: str) -> None:
    with pytest.raises(JSONPathError, match=re.escape(message)):
        render(template, POD)


@pytest.mark.parametrize("path", ["{.status.phase}", ".status.phase", "status.phase"])
def test_a_path_is_found_with_and_without_braces(path: str) -> None:
    """``wait --for=jsonpath`` takes all three spellings."""
    assert find(path, POD) == ["Running"]
