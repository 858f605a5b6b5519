"""``$(NAME)`` expansion."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.container.expansion import MAX_EXPANDED, MissingValue, TooLong, expand, expand_each, expand_required
from runner.core.objects import ConfigError

DATA: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "conformance" / "expansion.json").read_text()
)


@pytest.mark.parametrize("row", DATA["cases"], ids=[row["name"] for row in DATA["cases"]])
def test_references_are_replaced_as_in_a_kubelet(row: dict[str, Any]) -> None:
    assert expand(row["input"], row["env"]) == row["expected"]


@pytest.mark.parametrize("row", DATA["sequences"], ids=[row["name"] for row in DATA["sequences"]])
def test_each_entry_sees_the_entries_before_it(row: dict[str, Any]) -> None:
    values: dict[str, str] = {}
    for entry in row["env"]:
        values[entry["name"]] = expand(entry["value"], values)
    assert values == row["expected"]


def test_a_sub_path_needs_every_variable() -> None:
    assert expand_required("$(A)/$$(B)", {"A": "x"}) == "x/$(B)"


@pytest.mark.parametrize("values", [{}, {"A": ""}], ids=["unset", "empty"])
def test_a_sub_path_with_a_missing_value_is_an_error(values: dict[str, str]) -> None:
    with pytest.raises(MissingValue) as caught:
        expand_required("data/$(B)/$(A)/$(B)", values)
    assert str(caught.value) == "missing value for A, B"


@given(st.text(alphabet="ab$()", max_size=30))
def test_text_with_every_dollar_doubled_comes_back_unchanged(text: str) -> None:
    assert expand(text.replace("$", "$$"), {"a": "x", "b": "y"}) == text


def test_what_references_expand_to_has_a_limit() -> None:
    half = {"A": "x" * (MAX_EXPANDED // 2)}
    assert len(expand("$(A)$(A)", half)) == MAX_EXPANDED
    with pytest.raises(TooLong, match="more than 4194304 characters"):
        expand("$(A)$(A)$(A)", half)
    with pytest.raises(TooLong):
        expand_required("$(A)$(A)$(A)", half)


def test_a_list_is_limited_as_a_whole_and_its_path_is_told() -> None:
    half = {"A": "x" * (MAX_EXPANDED // 2)}
    assert expand_each(["plain", "$(B)"], {"B": "b"}, "spec.containers[0].args") == ("plain", "b")
    with pytest.raises(ConfigError, match=r"^spec\.containers\[0\]\.args\[2\]: references expand"):
        expand_each(["$(A)", "$(A)", "$(A)"], half, "spec.containers[0].args")
