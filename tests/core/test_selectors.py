"""Label selectors: the texts and objects that mean them, and which labels they select."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.selectors import Operator, Requirement, SelectorError, labels_of, matches, parse_selector, selector_of

WEB = {"app": "web", "tier": "front", "example.com/size": "12"}


@pytest.mark.parametrize(
    ("text", "labels", "selects"),
    [
        pytest.param("", {}, True, id="nothing asks for nothing"),
        pytest.param("app=web", WEB, True, id="one sign"),
        pytest.param("app==web", WEB, True, id="two signs are the same"),
        pytest.param("app = web , tier = front", WEB, True, id="blanks between make no difference"),
        pytest.param("app=web,tier=back", WEB, False, id="all have to be met"),
        pytest.param("app!=web", WEB, False, id="another value is wanted"),
        pytest.param("app!=web", {}, True, id="a label that is missing has another value"),
        pytest.param("app", WEB, True, id="the label alone has to be there"),
        pytest.param("app", {}, False, id="the label alone is missing"),
        pytest.param("!app", {}, True, id="it must not be there"),
        pytest.param("! app", WEB, False, id="it must not be there and is"),
        pytest.param("tier in (front,back)", WEB, True, id="one of a set"),
        pytest.param("tier in (back),app", WEB, False, id="none of a set"),
        pytest.param("tier notin (back, middle)", WEB, True, id="outside of a set"),
        pytest.param("tier notin (front)", {}, True, id="what is missing is outside of every set"),
        pytest.param("tier in (front)", {}, False, id="what is missing is in no set"),
        pytest.param("app in (,web)", {"app": ""}, True, id="a set with an empty value"),
        pytest.param("app=", {"app": ""}, True, id="an empty value"),
        pytest.param("app=,tier", {"app": "", "tier": ""}, True, id="an empty value before a comma"),
        pytest.param("example.com/size>11", WEB, True, id="above a number"),
        pytest.param("example.com/size>12", WEB, False, id="not above itself"),
        pytest.param("example.com/size<13", WEB, True, id="below a number"),
        pytest.param("app>1", WEB, False, id="what is no number is above nothing"),
        pytest.param("size>1", WEB, False, id="what is missing is above nothing"),
        pytest.param("in in (in),notin", {"in": "in", "notin": ""}, True, id="labels may be called like operators"),
    ],
)
def test_a_text_selects_labels(text: str, labels: dict[str, str], selects: bool) -> None:
    assert matches(parse_selector(text), labels) is selects


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("a b", "'b' after 'a'; known are =, ==, !=, >, <, in and notin", id="no operator"),
        pytest.param("a=b c", "'c' where a comma or the end should be", id="no comma"),
        pytest.param("a,", "ends with a comma", id="nothing after a comma"),
        pytest.param(",a", "the name ',' is no label's", id="nothing before a comma"),
        pytest.param("=b", "the name '=' is no label's", id="no name"),
        pytest.param("!", "the name '' is no label's: name part must be non-empty", id="no name after a negation"),
        pytest.param("a_/b", "the name 'a_/b' is no label's: prefix part a lowercase RFC 1123", id="no good prefix"),
        pytest.param("a=b/c", "the value 'b/c' of 'a' is no label's", id="no good value"),
        pytest.param("a in b", "stand in parentheses: a in (a,b)", id="no parenthesis"),
        pytest.param("a in (b", "do not end with a parenthesis", id="no end"),
        pytest.param("a in (b c)", "do not end with a parenthesis", id="two values without a comma"),
        pytest.param("a>x", "is compared with 'x', which is no integer", id="no number"),
        pytest.param("a>-1", "the value '-1' of 'a' is no label's", id="a number that no label can have"),
        pytest.param("a>", "is compared with '', which is no integer", id="no number at all"),
    ],
)
def test_what_is_no_selector_is_refused_in_one_sentence(text: str, problem: str) -> None:
    with pytest.raises(SelectorError) as refused:
        parse_selector(text)
    assert problem in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("value", "selects"),
    [
        ({}, True),
        ({"matchLabels": None, "matchExpressions": None}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "In", "values": ["front"]}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["front"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "example.com/size", "operator": "Gt", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "tier"}]}, False),
    ],
)
def test_an_object_selects_labels(value: dict[str, Any], selects: bool) -> None:
    assert matches(selector_of(value), WEB) is selects


KEYS = st.sampled_from(["app", "tier", "example.com/size"])
VALUES = st.sampled_from(["", "a", "b-1", "C_2.x"])
SIGNS = {Operator.IN: "in", Operator.NOT_IN: "notin"}


@st.composite
def requirements(draw: st.DrawFn) -> Requirement:
    key, operator = draw(KEYS), draw(st.sampled_from(list(Operator)))
    if operator in (Operator.EXISTS, Operator.DOES_NOT_EXIST):
        return Requirement(key, operator)
    if operator in (Operator.GREATER, Operator.LESS):
        return Requirement(key, operator, (str(draw(st.integers(0, 99))),))
    return Requirement(key, operator, tuple(draw(st.lists(VALUES, min_size=1, max_size=3))))


def written(one: Requirement) -> str:
    match one.operator:
        case Operator.EXISTS:
            return one.key
        case Operator.DOES_NOT_EXIST:
            return f"!{one.key}"
        case Operator.GREATER | Operator.LESS:
            return f"{one.key}{'>' if one.operator is Operator.GREATER else '<'}{one.values[0]}"
        case _:
            return f"{one.key} {SIGNS[one.operator]} ({','.join(one.values)})"


@given(st.lists(requirements(), max_size=4))
def test_what_is_written_is_read_back(selector: list[Requirement]) -> None:
    assert parse_selector(",".join(map(written, selector))) == tuple(selector)


@given(st.text(max_size=30) | st.text(alphabet="ab=!<>(), in", max_size=30))
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    with suppress(SelectorError):
        matches(parse_selector(text), WEB)


@pytest.mark.parametrize(
    ("value", "labels"),
    [({"metadata": {"labels": WEB}}, WEB), ({"metadata": {"labels": None}}, {}), ({"metadata": None}, {}), ({}, {})],
    ids=["some", "none written", "no metadata", "nothing"],
)
def test_an_object_without_labels_has_none(value: dict[str, Any], labels: dict[str, str]) -> None:
    assert labels_of(value) == labels
