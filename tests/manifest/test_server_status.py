"""The Status that validate prints is the one the recorded API server answered with."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from runner.core.manifest import LoadResult, Source, load
from runner.core.manifest.answer import server_status, strict

Row = dict[str, Any]
ROWS: list[Row] = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "fixtures" / "conformance" / "apiserver" / "corpus.jsonl")
    .read_text()
    .splitlines()
]
ANSWERED = [row for row in ROWS if row.get("http_code") in (400, 404, 422)]
ACCEPTED = [row for row in ROWS if row["ok"]]
UNPARSABLE = [row for row in ROWS if row["kubectl_stderr"].startswith(("error: error parsing", "error: no objects"))]


def loaded(text: str) -> LoadResult:
    return load([Source(name="m.yaml", text=text)])


def mask(value: Any) -> Any:
    """Hide what the server makes up on the way: random suffixes, uids of Jobs in a selector."""
    text = re.sub(r"Web_[a-z0-9]{5}\b", "Web_", json.dumps(value))
    return json.loads(re.sub(r"Invalid value: \{.*?\}: (`selector` )", r"Invalid value: {}: \1", text))


def unordered(value: Any) -> Any:
    """Errors about the keys of a map come in random order from the server."""
    return sorted(re.sub(r"^[^\[]*is invalid: \[(.*)\]$", r"\1", value["message"]).split(", ")), sorted(
        json.dumps(cause, sort_keys=True) for cause in value["causes"]
    )


@pytest.mark.parametrize("row", ANSWERED, ids=[row["id"] for row in ANSWERED])
def test_a_refused_object_gets_the_servers_status(row: Row) -> None:
    status = server_status(loaded(row["manifest"]).problems)
    assert status is not None
    details = dict(status.get("details", {}))
    found = {
        "code": status["code"],
        "reason": status["reason"],
        "message": status["message"],
        "causes": details.pop("causes", []),
        "details": details,
    }
    expected = {"code": row["http_code"], **{key: row[key] for key in ("reason", "message", "causes", "details")}}
    found, expected = mask(found), mask(expected)
    if any(cause["field"].startswith("data[") for cause in expected["causes"]):
        assert unordered(found) == unordered(expected)
    else:
        assert found == expected


@pytest.mark.parametrize("row", ACCEPTED + UNPARSABLE, ids=[row["id"] for row in ACCEPTED + UNPARSABLE])
def test_what_is_accepted_or_never_sent_has_no_status(row: Row) -> None:
    assert server_status(loaded(row["manifest"]).problems) is None


def test_a_status_is_about_the_first_refused_object_alone() -> None:
    text = "\n---\n".join(
        f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  k: v"
        for name in ("fine", "Bad", "Worse")
    )
    status = server_status(loaded(text).problems)
    assert status is not None
    assert status["details"]["name"] == "Bad"
    assert [cause["field"] for cause in status["details"]["causes"]] == ["metadata.name"]


def test_a_status_is_a_whole_v1_object() -> None:
    status = server_status(loaded("apiVersion: v1\nkind: Pod\nmetadata: {}\nspec: {}\n").problems)
    assert status is not None
    assert {key: status[key] for key in ("kind", "apiVersion", "metadata", "status")} == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
    }
    assert set(status["details"]) == {"kind", "causes"}


def test_a_strict_reading_takes_warnings_and_ignored_kinds_for_problems() -> None:
    text = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  name: a\n---\n"
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n"
    )
    lenient = loaded(text)
    assert (lenient.ok, len(lenient.warnings), len(lenient.ignored)) == (True, 1, 1)
    result = strict(lenient)
    assert [(p.line, p.message.split(" ")[0]) for p in result.problems] == [(5, "duplicate"), (8, "kind")]
    assert (result.ok, result.warnings, result.ignored) == (False, (), ())
