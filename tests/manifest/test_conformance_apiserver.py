"""Every manifest that a real API server answered: verdict, defaulted object, errors and their order, decode texts.

What depends on the server's moment is masked by kind: random suffixes and uids, the wording of one old client-side
check, and refusals by admission plugins (which need other objects), where only the verdict counts.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner.core.manifest import LoadResult, Problem, ProblemType, Source, load

Row = dict[str, Any]

ROWS: list[Row] = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "fixtures" / "conformance" / "apiserver" / "corpus.jsonl")
    .read_text()
    .splitlines()
]
ACCEPTED = [row for row in ROWS if row["ok"]]
REFUSED = [row for row in ROWS if not row["ok"]]
INVALID = [row for row in REFUSED if row.get("http_code") == 422]
UNDECODABLE = [row for row in REFUSED if row.get("http_code") == 400]
CLIENT_SIDE = [row for row in REFUSED if row.get("client_side")]
REASONS = {f"FieldValue{kind.value}": kind.value for kind in ProblemType}
# What the server itself adds after defaulting: admission plugins, allocated addresses, status, controllers' labels.
ADMISSION_TOLERATIONS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def ids(rows: list[Row]) -> list[str]:
    return [row["id"] for row in rows]


def loaded(row: Row) -> LoadResult:
    return load([Source(name="m.yaml", text=row["manifest"])])


def without_server_additions(stored: Row) -> Row:
    """Take out of a stored object what comes after defaulting."""
    stored = json.loads(json.dumps(stored))
    metadata, spec = stored["metadata"], stored.get("spec", {})
    stored.pop("status", None)
    metadata.pop("generation", None)
    if stored["kind"] == "Pod":
        spec.pop("priority", None)
        spec.pop("preemptionPolicy", None)
        kept = [
            item
            for item in spec.pop("tolerations", [])
            if item.get("key") not in ADMISSION_TOLERATIONS or item.get("tolerationSeconds") != 300
        ]
        if kept:
            spec["tolerations"] = kept
    elif stored["kind"] == "PersistentVolumeClaim":
        metadata.pop("finalizers")
    elif stored["kind"] == "Service" and spec.get("clusterIP") != "None":
        spec.pop("clusterIP")
        spec.pop("clusterIPs")
    elif stored["kind"] == "Job":
        metadata.pop("labels")
        spec.pop("selector")
        spec["template"]["metadata"].pop("labels")
        if "generateName" in metadata:
            metadata.pop("name")
    return stored


@pytest.mark.parametrize("row", ACCEPTED, ids=ids(ACCEPTED))
def test_accepted_manifests_are_stored_as_the_server_stores_them(row: Row) -> None:
    result = loaded(row)
    assert [str(problem) for problem in result.problems] == []
    stored = [row["defaulted"]] if "defaulted" in row else [answer["object"] for answer in row["results"]]
    assert [item.value for item in result.objects] == [without_server_additions(item) for item in stored]


@pytest.mark.parametrize("row", ACCEPTED, ids=ids(ACCEPTED))
def test_warnings_are_the_servers_and_our_own_are_about_the_text(row: Row) -> None:
    ours = ("duplicate key", "text after the end of the document", "only a cluster knows", "the tag")
    texts = [
        f"{warning.field}: {warning.message}" if warning.field else warning.message
        for warning in loaded(row).warnings
        if not warning.message.startswith(ours)
    ]
    headers = [re.sub(r'^299 - "(.*)"$', r"\1", header).replace('\\"', '"') for header in row.get("warnings", ())]
    assert texts == headers


def mask(text: str) -> str:
    """Hide what the server invents: the five characters after generateName, uids of controllers and labels with them."""
    text = re.sub(r'"Web_[a-z0-9]{5}"', '"Web_?????"', text)
    return re.sub(r"^Invalid value: \{.*\}: (`selector` )", r"Invalid value: {…}: \1", text)


@pytest.mark.parametrize("row", INVALID, ids=ids(INVALID))
def test_invalid_objects_get_the_servers_causes_in_its_order(row: Row) -> None:
    """Errors about the keys of a map come in random order from the server, so those compare as sets."""
    found = [
        (problem.type.value, problem.field, mask(problem.message))
        for problem in sorted(loaded(row).problems, key=lambda problem: problem.order)
    ]
    expected = [(REASONS[cause["reason"]], cause["field"], mask(cause["message"])) for cause in row["causes"]]
    if any(cause["field"].startswith("data[") for cause in row["causes"]):
        found, expected = sorted(found), sorted(expected)
    assert found == expected


def decode_sentence(problems: list[Problem]) -> str:
    """Return what the server says first: the first value of a wrong type, else all unknown fields."""
    details = [problem.detail for problem in problems if problem.type is ProblemType.DECODE]
    unknown = [detail for detail in details if detail.startswith("unknown field")]
    wrong = [detail for detail in details if detail not in unknown]
    return wrong[0] if wrong else "strict decoding error: " + ", ".join(unknown)


@pytest.mark.parametrize("row", UNDECODABLE, ids=ids(UNDECODABLE))
def test_undecodable_objects_get_the_servers_sentence(row: Row) -> None:
    problems = sorted(loaded(row).problems, key=lambda problem: problem.order)
    assert decode_sentence(problems) == re.sub(r"^.* cannot be handled as a \w+: ", "", row["message"])


@pytest.mark.parametrize("row", CLIENT_SIDE, ids=ids(CLIENT_SIDE))
def test_what_kubectl_refuses_itself_is_refused_with_its_reason(row: Row) -> None:
    """The reason is part of kubectl's sentence; its old client-side check names only the last part of a field."""
    details = [problem.detail for problem in sorted(loaded(row).problems, key=lambda problem: problem.order)]
    said = row["kubectl_stderr"]
    if "ValidationError(" in said:
        details = [re.sub(r'unknown field ".*[.](\w+)"', r'unknown field "\1"', detail) for detail in details]
    assert details
    assert details[0] in said


@pytest.mark.parametrize("row", REFUSED, ids=ids(REFUSED))
def test_refused_manifests_have_problems_with_a_place_in_the_file(row: Row) -> None:
    problems = loaded(row).problems
    lines = row["manifest"].split("\n")
    assert problems
    for problem in problems:
        assert 1 <= problem.line <= len(lines) + 1
        assert problem.column >= 1


def test_all_recorded_rows_are_here_and_each_is_tested_for_more_than_its_verdict_where_it_can_be() -> None:
    assert len(ROWS) == 408
    tested = {row["id"] for rows in (ACCEPTED, INVALID, UNDECODABLE, CLIENT_SIDE) for row in rows}
    only_verdict = {row["id"] for row in ROWS} - tested
    assert only_verdict == {
        "bad-gvk-empty-apiversion",
        "bad-overhead-without-class",
        "bad-runtimeclass-badname",
        "bad-yaml-two-docs-both-bad",
        "bad-yaml-two-docs-first-bad",
        "bad-yaml-two-docs-second-unparsable",
    }
