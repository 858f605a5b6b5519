"""Patches against what a real API server made of them: 134 of four objects, and the rules behind them one by one."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from runner.core.apimachinery import gojson, jsonpatch, patching, patchorder, strategicpatch, updating
from runner.core.apimachinery.patchmeta import NoSuchField, field_type, list_meta
from runner.core.apimachinery.statuses import StatusError

Row = dict[str, Any]

PATH = Path(__file__).parents[2] / "fixtures" / "conformance" / "apiserver" / "patches.jsonl"
ROWS: list[Row] = [json.loads(line) for line in PATH.read_text().splitlines()]
OBJECTS: dict[str, Row] = ROWS.pop()["objects"]
PLURALS = {
    "cm": ("configmaps", ""),
    "svc": ("services", ""),
    "sa": ("serviceaccounts", ""),
    "dep": ("deployments", "apps"),
}
SERVERS = ("uid", "resourceVersion", "creationTimestamp", "generation")
# The whole object is shown in one text; what only the server wrote into it differs.
DUMP = re.compile(r'\\"\{.*\}\\+":')


def stored(name: str) -> Row:
    value = deepcopy(OBJECTS[name])
    value["metadata"] |= {
        "uid": "u",
        "resourceVersion": "5",
        "creationTimestamp": "2026-11-29T21:18:09Z",
        "generation": 1,
    }
    return value


def answer(row: Row) -> tuple[int, Row]:
    current = stored(row["object"])
    body = row["patch"] if isinstance(row["patch"], str) else json.dumps(row["patch"])
    try:
        value = patching.patch(current, f"application/{row['type']}+json", body.encode()).value
        updating.check_place(value, current["metadata"]["name"], "patchlab")
        updating.check_version(value, current, *PLURALS[row["object"]], has_precondition=False)
        return 200, updating.updated(value, current)
    except StatusError as error:
        return error.code, error.status


def without_servers(value: Row) -> Row:
    metadata = {key: part for key, part in value["metadata"].items() if key not in SERVERS}
    return {**value, "metadata": metadata}


def masked(value: Any) -> str:
    return DUMP.sub("DUMP", json.dumps(value))


@pytest.mark.parametrize(
    "row", ROWS, ids=[f"{number}-{row['object']}-{row['type']}" for number, row in enumerate(ROWS)]
)
def test_a_patch_gives_what_a_real_server_gave(row: Row) -> None:
    code, found = answer(row)
    assert code == row["code"], found
    if code == 200:
        assert without_servers(found) == row["result"]
        assert (without_servers(found) == OBJECTS[row["object"]]) == row["noop"]
    else:
        assert found.get("reason") == row["reason"]
        assert masked(found["message"]) == masked(row["message"])
        assert masked(found.get("details")) == masked(row["details"])


def refused(media_type: str, change: Any, name: str = "dep", validation: str = "Strict") -> StatusError:
    body = change if isinstance(change, bytes) else json.dumps(change).encode()
    with pytest.raises(StatusError) as error:
        patching.patch(stored(name), media_type, body, validation=validation)
    return error.value


SMP, MERGE, JSON_PATCH = patching.STRATEGIC_PATCH, patching.MERGE_PATCH, patching.JSON_PATCH


@pytest.mark.parametrize(
    ("media_type", "change", "code", "message"),
    [
        ("text/plain", {}, 415, "the body of the request was in an unknown format"),
        (SMP, b"[]", 400, "json: cannot unmarshal array into Go value of type map[string]interface {}"),
        (SMP, b'{"a":', 400, "unexpected end of JSON input"),
        (SMP, b'{"a": NaN}', 400, "invalid character 'N' looking for beginning of value"),
        (SMP, b"[" * 100_000, 400, "exceeded max depth"),
        (MERGE, b"null", 400, "Invalid JSON Patch"),
        (MERGE, b"{", 400, "error decoding patch: unexpected end of JSON input"),
        (JSON_PATCH, b"{", 400, "error decoding patch: unexpected end of JSON input"),
        (JSON_PATCH, [1], 400, "error decoding patch: json: cannot unmarshal number into Go value"),
        (JSON_PATCH, [{"op": 1}], 400, "Go struct field jsonPatchOp.op of type string"),
        (JSON_PATCH, [{"op": "test", "path": "", "value": {}, "more": 1}], 422, "the server rejected our request"),
        (JSON_PATCH, [{"op": "add", "path": "/x", "value": 1, "more": 1}], 422, 'json patch unknown field "[0].more"'),
        (JSON_PATCH, [{"op": "test", "path": "/a"}] * 10001, 413, "The allowed maximum operations in a JSON patch is"),
        (JSON_PATCH, [{"op": "replace", "path": "", "value": 1}], 422, "the server rejected our request"),
        (JSON_PATCH, [{"op": "replace", "path": "", "value": []}], 500, "json: cannot unmarshal array"),
        (JSON_PATCH, [{"op": "replace", "path": "/kind", "value": "Pod"}], 400, "unable to decode apps/v1, Kind=Pod"),
        (JSON_PATCH, [{"op": "add", "path": "/spec/replicas/x", "value": 1}], 422, "the server rejected our request"),
        (JSON_PATCH, [{"op": "remove", "path": "x"}], 422, "the server rejected our request"),
        (JSON_PATCH, [{"op": "add", "path": "/spec/template/spec/volumes/0/x", "value": 1}], 422, 'volumes[0].x"'),
        (JSON_PATCH, [{"op": "remove", "path": "/metadata/nope"}], 422, "the server rejected our request"),
        (JSON_PATCH, [{"op": "test", "path": "/spec/template/spec/volumes/x"}], 422, "the server rejected our request"),
        (SMP, {"spec": {"strategy": {"$retainKeys": 1}}}, 400, "invalid patch format of retainKeys"),
        (SMP, {"spec": {"$setElementOrder": []}}, 400, "invalid patch format of setElementOrder list"),
        (SMP, {"spec": {"$setElementOrder/a": 1}}, 500, "expected a []interface {}, but received a int64"),
        (SMP, {"spec": {"$deleteFromPrimitiveList": []}}, 400, "invalid patch format of primitive list"),
        (SMP, {"spec": {"$setElementOrder/nope": []}}, 500, "unable to find api field in struct DeploymentSpec"),
        (SMP, {"spec": {"$setElementOrder/replicas": []}}, 500, "expected a []interface {}, but received a int64"),
        (SMP, {"metadata": {"$setElementOrder/name": [], "name": None}}, 500, "but received a string"),
        (SMP, {"metadata": {"finalizers": [None]}}, 500, "list element types are not identical: [[lab/x] [<nil>]]"),
        (SMP, {"metadata": {"finalizers": [1, "x"]}}, 500, "list element types are not identical: [[lab/x] [1 x]]"),
        (SMP, {"metadata": {"$setElementOrder/ownerReferences": [{"uid": "a"}]}}, 200, ""),
        (
            SMP,
            {"metadata": {"$setElementOrder/ownerReferences": ["a"], "ownerReferences": [{"uid": "a"}]}},
            500,
            "string",
        ),
        (SMP, {"metadata": {"$patch": 1}}, 500, "unknown patch type: %!s(int64=1) in map: map[$patch:1]"),
    ],
)
def test_a_patch_that_cannot_be_applied_is_refused_in_the_servers_words(
    media_type: str, change: Any, code: int, message: str
) -> None:
    current = stored("dep")
    current["metadata"]["finalizers"] = ["lab/x"]
    body = change if isinstance(change, bytes) else json.dumps(change).encode()
    if code == 200:
        assert patching.patch(current, media_type, body).value
        return
    with pytest.raises(StatusError) as error:
        patching.patch(current, media_type, body)
    assert error.value.code == code
    assert message in str(error.value)


def test_lists_of_lists_and_lists_of_nothing_are_not_merged() -> None:
    with pytest.raises(StatusError, match="the server rejected our request"):
        patchorder.item_type([["x"]])
    with pytest.raises(StatusError, match="This request caused apiserver to panic"):
        patchorder.item_type([None], ["x"])
    with pytest.raises(StatusError, match="does not contain declared merge key: name"):
        patchorder.partition([{}], [], "name")
    with pytest.raises(StatusError, match="does not contain declared merge key: name"):
        patchorder.put_in_order([{"name": "a"}], [], [{}], [], "name", is_mapping=True)


CONTAINERS = {"containers": [{"name": "a"}, {"name": "b"}, {"name": "c"}]}


def spec_after(change: Row, spec: Row = CONTAINERS) -> Any:
    return strategicpatch.apply_strategic({"spec": spec}, {"spec": change}, "Pod")["spec"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"containers": [{"name": "a", "$patch": "merge"}]}, "merging lists cannot yet be specified in the patch"),
        (
            {"containers": [{"name": "a", "$patch": "other"}]},
            "unknown patch type: other in map: map[$patch:other name:a]",
        ),
        ({"$setElementOrder/containers": ["a"], "containers": [{"name": "a"}]}, "expected a map[string]interface {}"),
        (
            {"$setElementOrder/containers": [{"x": "a"}], "containers": [{"name": "a"}]},
            "does not contain declared merge key",
        ),
        ({"$setElementOrder/containers": ["a"]}, "value for key 0 is not a map"),
        ({"$setElementOrder/tolerations": [], "tolerations": []}, "no elements in any of the given slices"),
        ({"$setElementOrder/nodeName": [], "nodeName": []}, "expected slice or array type"),
        ({"$deleteFromPrimitiveList/containers": [{"name": "a"}], "x": 1}, ""),
        ({"$deleteFromPrimitiveList/tolerations": [{"key": "a"}]}, "cannot merge lists without merge key for struct"),
    ],
)
def test_directives_that_make_no_sense_are_refused(change: Row, message: str) -> None:
    spec = (
        {**CONTAINERS, "tolerations": [{"key": "a"}]}
        if "$deleteFromPrimitiveList/tolerations" in change
        else CONTAINERS
    )
    if not message:
        assert spec_after(change, spec)["containers"] == CONTAINERS["containers"]
        return
    with pytest.raises(StatusError) as error:
        spec_after(change, spec)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({"containers": [{"name": "c"}, {"name": "a"}]}, ["b", "c", "a"]),
        ({"containers": [{"name": "d"}, {"name": "b"}]}, ["d", "a", "b", "c"]),
        ({"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}, ["b", "c", "a"]),
        ({"$setElementOrder/containers": [], "containers": [{"name": "z"}]}, ["a", "b", "c", "z"]),
        ({"containers": []}, ["a", "b", "c"]),
        ({"$deleteFromPrimitiveList/volumes": ["a"]}, ["a", "b", "c"]),
        ({"$setElementOrder/containers": [{"name": "z"}], "containers": [{"$patch": "replace"}, {"name": "z"}]}, ["z"]),
        ({"containers": [{"$patch": "replace"}, {"name": "z"}, {"name": "a", "$patch": "delete"}]}, ["z"]),
        ({"containers": [{"name": "a", "$patch": "delete"}, {"name": "z"}]}, ["z", "b", "c"]),
    ],
)
def test_the_items_of_a_merged_list_stand_where_the_server_puts_them(change: Row, names: list[str]) -> None:
    assert [one["name"] for one in spec_after(change)["containers"]] == names


def test_a_list_that_was_not_there_is_taken_without_directives_and_nulls() -> None:
    order, items = [{"name": "w"}, {"name": "v"}], [{"name": "v"}, {"name": "w", "$patch": "delete"}]
    assert spec_after({"$setElementOrder/volumes": order, "volumes": items})["volumes"] == [{"name": "v"}]
    with pytest.raises(StatusError, match="doesn't match"):
        spec_after({"$setElementOrder/volumes": order, "volumes": [items[0], {"name": "w", "$patch": "x"}]})
    assert spec_after({"affinity": {"$patch": "replace"}}) == CONTAINERS
    assert spec_after({"affinity": {"a": None, "b": [{"c": None}]}})["affinity"] == {"b": [{}]}


def test_what_is_empty_on_both_sides_stays_empty() -> None:
    assert spec_after({"volumes": []}, {"volumes": []}) == {"volumes": []}


def test_plain_items_stand_once_in_a_merged_list() -> None:
    before = {"metadata": {"finalizers": ["a/a", "b/b", "a/a", "c/c"]}}
    found = strategicpatch.apply_strategic(before, {"metadata": {"finalizers": ["d/d", "d/d", "b/b"]}}, "Pod")
    assert sorted(found["metadata"]["finalizers"]) == ["a/a", "b/b", "c/c", "d/d"]


def test_types_that_are_no_structs_have_no_fields() -> None:
    with pytest.raises(NoSuchField, match="instead is: map"):
        field_type("{s", "x")
    with pytest.raises(NoSuchField, match='struct Pod for the json field "nope"'):
        list_meta("@Pod", "nope")
    assert field_type("@Pod", "Spec") == "@PodSpec"
    assert list_meta("@ObjectMeta", "finalizers") == ("s", True, "")
    assert list_meta("@ResourceRequirements", "claims").is_merged is False
    assert list_meta("@VolumeMount", "bindMountOptions").is_merged is False


def test_what_is_not_strict_is_told_as_a_warning_or_not_at_all() -> None:
    body = b'{"data": {"n": "1", "n": "2"}, "nope": 1}'
    told = patching.patch(stored("cm"), SMP, body, validation="Warn")
    assert told.warnings == ('duplicate field "data.n"', 'unknown field "nope"')
    assert told.value["data"]["n"] == "2"
    assert patching.patch(stored("cm"), MERGE, body, validation="Ignore").warnings == ()
    said = str(refused(JSON_PATCH, b'[{"op":"test","op":"add","path":"/data/z","value":"1"}]', "cm"))
    assert 'json patch duplicate field "[0].op"' in said
    assert str(refused(JSON_PATCH, b"{", "cm", "Ignore")) == "unexpected end of JSON input"
    assert str(refused(MERGE, b"1", "cm", "Ignore")) == "Invalid JSON Patch"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spec": {"replicas": "1"}}, "unrecognized type: int32"),
        ({"spec": {"replicas": 1.5}}, "cannot convert float64 to int32"),
        ({"spec": {"paused": 1}}, "unrecognized type: bool"),
        ({"spec": {"template": "x"}}, "cannot restore struct from: string"),
        (
            {"spec": {"template": {"spec": {"containers": [{"name": "main", "imagePullPolicy": 1}]}}}},
            "int64 to v1.PullPolicy",
        ),
        (
            {"spec": {"template": {"spec": {"containers": [{"name": "main", "resources": {"limits": {"cpu": "x"}}}]}}}},
            "quantities",
        ),
    ],
)
def test_a_value_of_the_wrong_type_is_told_in_the_converters_words(change: Row, message: str) -> None:
    assert message in str(refused(SMP, change))


def test_bytes_that_are_no_text_are_told() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "eA=="}}
    with pytest.raises(StatusError, match="cannot restore slice from int64"):
        patching.patch(secret, SMP, b'{"data": {"a": 1}}')
    assert patching.patch(secret, SMP, b'{"data": {"b": "eQ=="}}').value["data"] == {"a": "eA==", "b": "eQ=="}
    assert patching.patch(secret, SMP, b'{"data": {"a": null, "b": null}}').value["metadata"] == {"name": "s"}


def test_a_null_in_a_list_is_an_empty_item() -> None:
    body = b'{"spec": {"template": {"spec": {"containers": [{"name": "main", "args": [null]}]}}}}'
    spec = patching.patch(stored("dep"), SMP, body).value["spec"]["template"]["spec"]
    assert spec["containers"][0]["args"] == [""]


def test_numbers_that_are_whole_fit_whole_fields() -> None:
    assert patching.patch(stored("dep"), SMP, b'{"spec": {"replicas": 3.0}}').value["spec"]["replicas"] == 3


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "<nil>"),
        (True, "true"),
        ({"b": [1, "x"], "a": False}, "map[a:false b:[1 x]]"),
        (2.0, "2"),
        (1e20, "100000000000000000000"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (1e-7, "1e-07"),
        (0.25, "0.25"),
    ],
)
def test_values_are_printed_as_go_prints_them(value: Any, text: str) -> None:
    assert gojson.printed(value) == text


def test_the_types_of_values_are_gos() -> None:
    values: list[Any] = [None, True, 1, 1.0, "", [], {}]
    types = ["%!s(<nil>)", "bool", "int64", "float64", "string", "[]interface {}", "map[string]interface {}"]
    assert [gojson.go_type(value) for value in values] == types
    assert [gojson.go_kind(value) for value in values[4:]] == ["string", "slice", "map"]
    assert [gojson.kind_of(value) for value in values[1:]] == ["bool", "number", "number", "string", "array", "object"]
    assert gojson.parse(b"[18446744073709551616, 1" + b"0" * 50 + b"]")[0] == [2.0**64, 1e50]
    assert gojson.parse_object(b"null") == ({}, [])
    assert gojson.compact({"b": "<", "a": 1}) == '{"a":1,"b":"\\u003c"}'
    assert not gojson.same(1, True)


def test_pointers_escape_slashes_and_tildes() -> None:
    found = jsonpatch.apply_operations({"a/b": 1, "~1": 2}, [{"op": "move", "from": "/~01", "path": "/a~1b"}])
    assert found == {"a/b": 2}
    assert jsonpatch.apply_operations({"a": [1]}, None) == {"a": [1]}
    assert jsonpatch.apply_operations({"a": [1]}, [{"op": "test", "path": "", "value": {"a": [1]}}]) == {"a": [1]}
    assert jsonpatch.apply_operations({"a": [1]}, [{"op": "copy", "from": "/a", "path": "/b"}]) == {"a": [1], "b": [1]}
    assert jsonpatch.check_operations([None]) == []
