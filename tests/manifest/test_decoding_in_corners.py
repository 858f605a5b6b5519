"""Decoding and defaults of what people seldom write."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.manifest import Source, load
from runner.core.manifest.scalars import json_key, json_number
from tests.support.manifests import said

TEMPLATE = "{metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}"
ONCE = "{spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}"


def loaded(version: str, kind: str, fields: str) -> dict[str, Any]:
    """The defaulted object, whatever is wrong with it."""
    text = f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: x}}, {fields}}}"
    (found,) = load([Source(name="f", text=text)]).objects
    return dict(found.value)


def pod(fields: str) -> dict[str, Any]:
    spec: dict[str, Any] = loaded("v1", "Pod", f"spec: {{containers: [{{name: a, image: b}}], {fields}}}")["spec"]
    return spec


@pytest.mark.parametrize("field", ["serviceAccount", "serviceAccountName"])
def test_both_names_of_the_service_account_are_one(field: str) -> None:
    spec = pod(f"{field}: robot")
    assert (spec["serviceAccount"], spec["serviceAccountName"]) == ("robot", "robot")


ASKING = "initContainers: [{name: i, image: b, resources: {requests: {cpu: 2, fish.example.com/x: 1}}}]"
POD_LEVEL: list[tuple[str, str, dict[str, Any]]] = [
    ("nothing said stays nothing", f"resources: {{}}, {ASKING}", {}),
    (
        "the containers' sum is asked for",
        f"resources: {{limits: {{cpu: 4}}}}, {ASKING}",
        {"limits": {"cpu": "4"}, "requests": {"cpu": "2"}},
    ),
    (
        "what is asked for stays",
        f"resources: {{requests: {{cpu: 3}}}}, {ASKING}",
        {"requests": {"cpu": "3"}},
    ),
    (
        "a limit stands in for what nobody asks for",
        f"resources: {{limits: {{memory: 1Gi}}}}, {ASKING}",
        {"limits": {"memory": "1Gi"}, "requests": {"cpu": "2", "memory": "1Gi"}},
    ),
    (
        "only what a pod can have is filled in",
        "resources: {limits: {ephemeral-storage: 1Gi}}",
        {"limits": {"ephemeral-storage": "1Gi"}},
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), [r[1:] for r in POD_LEVEL], ids=[r[0] for r in POD_LEVEL])
def test_resources_of_the_pod(fields: str, wanted: dict[str, Any]) -> None:
    assert pod(fields)["resources"] == wanted


@pytest.mark.parametrize(
    ("containers", "wanted"),
    [
        ("{name: i, image: b, resources: {requests: {cpu: 5}}}", "5"),
        ("{name: s, image: b, restartPolicy: Always, resources: {requests: {cpu: 1}}}", "1"),
        (
            "{name: s, image: b, restartPolicy: Always, resources: {requests: {cpu: 1}}}, "
            "{name: i, image: b, resources: {requests: {cpu: 5}}}",
            "6",
        ),
    ],
    ids=["the largest init container", "sidecars beside the apps", "sidecars beside later init containers"],
)
def test_what_a_pod_needs_at_most(containers: str, wanted: str) -> None:
    spec = pod(f"resources: {{limits: {{cpu: 9}}}}, initContainers: [{containers}]")
    assert spec["resources"]["requests"] == {"cpu": wanted}


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("{kind: PersistentVolumeClaim, name: a}", {"dataSource", "dataSourceRef"}),
        ("{apiGroup: snapshot.storage.k8s.io, kind: VolumeSnapshot, name: a}", {"dataSource", "dataSourceRef"}),
        (
            "{kind: PersistentVolumeClaim, name: a}, dataSourceRef: {kind: Own, name: o}",
            {"dataSource", "dataSourceRef"},
        ),
        ("{kind: Disk, name: a}", set()),
    ],
)
def test_a_claims_source_is_copied_or_dropped(source: str, wanted: set[str]) -> None:
    spec = loaded("v1", "PersistentVolumeClaim", f"spec: {{dataSource: {source}}}")["spec"]
    assert {key for key in spec if key.startswith("data")} == wanted
    if "Own" in source:
        assert spec["dataSourceRef"]["name"] == "o"
    elif wanted:
        assert spec["dataSourceRef"]["name"] == spec["dataSource"]["name"] == "a"


def test_a_path_of_the_host_has_no_type() -> None:
    assert loaded("v1", "PersistentVolume", "spec: {hostPath: {path: /a}}")["spec"]["hostPath"]["type"] == ""


CONTROLLERS = [
    ("labels are taken from the template", f"spec: {{template: {TEMPLATE}}}", {"a": "b"}, {"a": "b"}),
    ("a selector is kept", f"spec: {{selector: {{c: d}}, template: {TEMPLATE}}}", {"c": "d"}, {"a": "b"}),
    ("without labels nothing is taken", f"spec: {{template: {ONCE}}}", None, None),
    ("without a template nothing is taken", "spec: {}", None, None),
]


@pytest.mark.parametrize(
    ("fields", "selector", "labels"), [r[1:] for r in CONTROLLERS], ids=[r[0] for r in CONTROLLERS]
)
def test_a_controller_selects_what_its_template_makes(
    fields: str, selector: dict[str, str] | None, labels: dict[str, str] | None
) -> None:
    value = loaded("v1", "ReplicationController", fields)
    assert value["spec"].get("selector") == selector
    assert value["metadata"].get("labels") == labels


def test_a_controllers_own_labels_are_kept() -> None:
    text = (
        "{apiVersion: v1, kind: ReplicationController, metadata: {name: x, labels: {own: z}}, "
        f"spec: {{template: {TEMPLATE}}}}}"
    )
    (found,) = load([Source(name="f", text=text)]).objects
    assert found.value["metadata"]["labels"] == {"own": "z"}


@pytest.mark.parametrize(
    ("fields", "completions"),
    [
        ("", 1),
        ("completionMode: Indexed, ", 1),
        ("completionMode: Indexed, successPolicy: {rules: [{succeededCount: 1}]}, ", 1),
        ("parallelism: 3, ", None),
    ],
    ids=["once", "indexed", "indexed with its own success", "a work queue"],
)
def test_how_often_a_job_must_succeed(fields: str, completions: int | None) -> None:
    spec = loaded("batch/v1", "Job", f"spec: {{{fields}template: {ONCE}}}")["spec"]
    assert spec.get("completions") == completions
    assert spec["parallelism"] == (3 if "parallelism" in fields else 1)


@pytest.mark.parametrize(
    ("fields", "limit"),
    [("", 6), ("backoffLimit: 2, ", 2), ("backoffLimit: 0, ", 0), ("backoffLimitPerIndex: 1, ", 2**31 - 1)],
)
def test_how_often_a_job_may_fail(fields: str, limit: int) -> None:
    assert loaded("batch/v1", "Job", f"spec: {{{fields}template: {ONCE}}}")["spec"]["backoffLimit"] == limit


@pytest.mark.parametrize(
    ("fields", "policy"),
    [
        ("", "TerminatingOrFailed"),
        ("podFailurePolicy: {rules: []}, ", "Failed"),
        ("podReplacementPolicy: Failed, ", "Failed"),
    ],
)
def test_when_a_job_replaces_a_pod(fields: str, policy: str) -> None:
    spec = loaded("batch/v1", "Job", f"spec: {{{fields}template: {ONCE}}}")["spec"]
    assert spec["podReplacementPolicy"] == policy


def test_a_failure_policy_counts_conditions_that_hold() -> None:
    rule = "{action: Ignore, onPodConditions: [{type: DisruptionTarget}, {type: X, status: 'False'}]}"
    spec = loaded(
        "batch/v1", "Job", f"spec: {{podFailurePolicy: {{rules: [{rule}, {{action: Count}}]}}, template: {ONCE}}}"
    )["spec"]
    statuses = [pattern["status"] for pattern in spec["podFailurePolicy"]["rules"][0]["onPodConditions"]]
    assert statuses == ["True", "False"]
    assert spec["podReplacementPolicy"] == "Failed"


POD_TEXT = "{apiVersion: v1, kind: Pod, metadata: {name: web}, spec: {containers: [{name: a, image: b}]}}"
LISTS: list[tuple[str, str, list[str], int]] = [
    ("a list without items", "{apiVersion: v1, kind: List}", ["items: must be a list of objects"], 0),
    ("a list of nothing", "{apiVersion: v1, kind: List, items: null}", ["items: must be a list of objects"], 0),
    (
        "items that are nothing",
        f"{{apiVersion: v1, kind: List, items: [null, {POD_TEXT}]}}",
        [": an object (a mapping with apiVersion and kind) is wanted"],
        1,
    ),
    ("items that are no list", "{apiVersion: v1, kind: List, items: {a: b}}", ["items: must be a list of objects"], 0),
    (
        "a list of an unknown kind without items",
        "{apiVersion: v1, kind: FishList}",
        [': no matches for kind "FishList" in version "v1"'],
        0,
    ),
]


@pytest.mark.parametrize(("text", "wanted", "objects"), [r[1:] for r in LISTS], ids=[r[0] for r in LISTS])
def test_lists(text: str, wanted: list[str], objects: int) -> None:
    found = said(text)
    assert len(found) == len(wanted)
    for problem, start in zip(found, wanted, strict=True):
        assert problem.startswith(start)
    assert len(load([Source(name="f", text=text)]).objects) == objects


SPEC = "metadata: {name: x}, spec: {containers: [{name: a, image: b, "
UNREADABLE: list[tuple[str, str, str]] = [
    (
        "labels in a list",
        "{apiVersion: v1, kind: Pod, metadata: {name: x, labels: [a]}}",
        "json: cannot unmarshal array into Go struct field ObjectMeta.metadata.labels of type map[string]string "
        "(a mapping of fields is wanted)",
    ),
    (
        "a quantity of letters",
        f"{{apiVersion: v1, kind: Pod, {SPEC}resources: {{limits: {{cpu: lots}}}}}}]}}}}",
        '"lots" is not a quantity: quantities must match the regular expression '
        "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ),
    (
        "a quantity that is a list",
        f"{{apiVersion: v1, kind: Pod, {SPEC}resources: {{limits: {{cpu: [1]}}}}}}]}}}}",
        '"[1]" is not a quantity: quantities must match the regular expression '
        "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ),
    (
        "a quantity that never ends",
        f"{{apiVersion: v1, kind: Pod, {SPEC}resources: {{limits: {{cpu: '{'1' * 101}'}}}}}}]}}}}",
        f'"{"1" * 60}" is not a quantity: quantities must match the regular expression '
        "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ),
]


@pytest.mark.parametrize(("text", "wanted"), [r[1:] for r in UNREADABLE], ids=[r[0] for r in UNREADABLE])
def test_what_cannot_be_read(text: str, wanted: str) -> None:
    assert wanted in [problem.message for problem in load([Source(name="f", text=text)]).problems]


BASE64 = [
    ("a*bc", 1),
    ("ab*c", 2),
    ("abc\N{LATIN SMALL LETTER E WITH ACUTE}", 3),
    ("=abc", 0),
    ("a===", 1),
    ("ab=", 3),
    ("ab=c", 2),
    ("!!!!", 0),
    ("====", 0),
    ("a=bc", 1),
    ("a==", 1),
    ("abc=defg", 4),
    ("abcdef=", 7),
    ("YWJjZA=====", 8),
    ("ab==c", 4),
    ("abc=d", 4),
    ("abcde", 4),
    ("abcdef", 4),
]


@pytest.mark.parametrize(("text", "byte"), BASE64)
def test_the_byte_at_which_base64_ends(text: str, byte: int) -> None:
    found = said(f"{{apiVersion: v1, kind: Secret, metadata: {{name: x}}, data: {{k: '{text}'}}}}")
    assert found == [f"data[k]: illegal base64 data at input byte {byte} (plain text belongs in stringData)"]


@pytest.mark.parametrize("code", [0x00, 0x08, 0x0B, 0x0C, 0x0E, 0x1F, 0x7F, 0x80, 0x84, 0x86, 0x9F, 0xFFFE, 0xFFFF])
def test_control_characters_are_refused_at_their_place(code: int) -> None:
    problems = load([Source(name="f", text=f"a: b\nkind: a{chr(code)}b")]).problems
    assert [(p.line, p.column, p.message) for p in problems] == [
        (2, 8, f"control characters are not allowed (U+{code:04X})")
    ]


@pytest.mark.parametrize("code", [0x09, 0x20, 0x7E, 0x85, 0xA0, 0xD7FF, 0xE000, 0xFEFF, 0xFFFD, 0x10000, 0x10FFFF])
def test_the_characters_beside_them_are_read(code: int) -> None:
    problems = load([Source(name="f", text=f"kind: 'a{chr(code)}b'")]).problems
    assert [problem.message for problem in problems] == ["Required value"]


TAGGED = [
    ("of a text", "!env A", "A", "!env"),
    ("of a text that looks like a number", "!env 5", "5", "!env"),
    ("that would make an object elsewhere", "!!python/object:os.system x", "x", "!!python/object:os.system"),
    ("that is not specific", "! 5", "5", ""),
    ("of a text, as YAML names it", "!!str 5", "5", ""),
    ("of a time", "!!timestamp 2001-01-01", "2001-01-01", ""),
    ("of bytes that are no text", "!!binary /w==", "\ufffd", ""),
]


@pytest.mark.parametrize(("value", "read", "told"), [r[1:] for r in TAGGED], ids=[r[0] for r in TAGGED])
def test_a_tag_changes_nothing_about_a_text(value: str, read: str, told: str) -> None:
    text = f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}}, data: {{k: {value}}}}}"
    result = load([Source(name="f", text=text)])
    assert result.ok
    assert result.objects[0].value["data"] == {"k": read}
    note = f"the tag {told} is ignored, as kubectl does: the value is taken as it is written"
    assert [warning.message for warning in result.warnings] == ([note] if told else [])


@pytest.mark.parametrize("tag", ["!fish", "!!set", "!!omap", "!!map"])
def test_a_tag_of_a_mapping_is_passed_over(tag: str) -> None:
    result = load([Source(name="f", text=f"apiVersion: v1\nkind: ConfigMap\nmetadata: {tag} {{name: a}}")])
    assert result.ok
    assert result.objects[0].name == "a"
    assert [(warning.line, warning.column) for warning in result.warnings] == ([(3, 11)] if tag == "!fish" else [])


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("!!int x", "!!str `x` as a !!int"),
        ("!!bool 1", "!!int `1` as a !!bool"),
        ("!!int 1.5", "!!float `1.5` as a !!int"),
        ("!!int yes", "!!bool `yes` as a !!int"),
        ("!!int ~", "!!null `~` as a !!int"),
    ],
)
def test_a_value_that_its_tag_does_not_fit_is_refused_in_the_parsers_words(value: str, sentence: str) -> None:
    (problem,) = load([Source(name="f", text=f"kind: {value}")]).problems
    assert problem.detail == f"yaml: cannot decode {sentence}"


NUMBERS: list[tuple[float, str]] = [
    (5, "5"),
    (0.0, "0"),
    (1.0, "1"),
    (1.5, "1.5"),
    (-2.5, "-2.5"),
    (0.00001, "0.00001"),
    (0.0000001, "1e-7"),
    (1.5e-10, "1.5e-10"),
    (1e20, "100000000000000000000"),
    (1e21, "1e+21"),
    (-1.25e300, "-1.25e+300"),
    (float("inf"), "inf"),
]


@pytest.mark.parametrize(("value", "text"), NUMBERS)
def test_numbers_are_written_as_go_writes_them(value: float, text: str) -> None:
    assert json_number(value) == text
    assert json_key(value) == text


@pytest.mark.parametrize(("value", "key"), [(None, None), (True, "true"), (False, "false"), ("a", "a"), (3, "3")])
def test_keys_become_text(value: str | bool | int | None, key: str | None) -> None:
    assert json_key(value) == key


def test_a_compose_file_gets_one_sentence_instead_of_two_complaints() -> None:
    (problem,) = load([Source(name="f", text="services: {web: {image: nginx}}\n")]).problems
    assert "looks like a Compose file" in str(problem)
    kinds = [p.field for p in load([Source(name="f", text="services: {}\nkind: Pod\n")]).problems]
    assert kinds == ["apiVersion"]


@pytest.mark.parametrize(
    ("image", "policy"),
    [("nginx", "Always"), ("nginx:1", "IfNotPresent"), ("..", "IfNotPresent"), ("{{ .x }}", "IfNotPresent")],
)
def test_an_image_without_a_readable_name_has_no_tag_latest(image: str, policy: str) -> None:
    spec = loaded("v1", "Pod", f"spec: {{containers: [{{name: a, image: '{image}'}}]}}")["spec"]
    assert spec["containers"][0]["imagePullPolicy"] == policy


def test_a_volume_mode_that_is_empty_is_none_at_all() -> None:
    fields = "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, volumeMode: ''}"
    assert said(f"{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: x}}, {fields}}}") == [
        'spec.volumeMode: Unsupported value: "": supported values: "Block", "Filesystem"'
    ]


BYTES: list[tuple[str, str, str | list[str]]] = [
    ("no bytes", "[]", ""),
    ("numbers", "[104, 105, null]", "aGkA"),
    ("a number too large", "[256]", ["number 256 into Go struct field Secret.data of type uint8"]),
    ("a text", "[x]", ["string into Go struct field Secret.data of type uint8"]),
    ("a list", "[[]]", ["array into Go struct field Secret.data of type uint8"]),
]


@pytest.mark.parametrize(("value", "wanted"), [r[1:] for r in BYTES], ids=[r[0] for r in BYTES])
def test_bytes_may_be_a_list_of_numbers(value: str, wanted: str | list[str]) -> None:
    text = f"{{apiVersion: v1, kind: Secret, metadata: {{name: x}}, data: {{a: {value}}}}}"
    if isinstance(wanted, str):
        assert loaded("v1", "Secret", f"data: {{a: {value}}}")["data"] == {"a": wanted}
    else:
        found = [problem.detail for problem in load([Source(name="f", text=text)]).problems]
        assert found == [f"json: cannot unmarshal {one}" for one in wanted]


def test_a_field_that_nobody_knows_is_quoted_as_go_quotes_it() -> None:
    text = '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, "a\\nb": 1}'
    assert [problem.detail for problem in load([Source(name="f", text=text)]).problems] == ['unknown field "a\\nb"']


def test_a_claim_templates_own_type_is_named_as_go_names_it() -> None:
    claim = "{apiVersion: 3, metadata: {name: c}, spec: {}}"
    fields = f"spec: {{selector: {{matchLabels: {{a: b}}}}, template: {TEMPLATE}, volumeClaimTemplates: [{claim}]}}"
    text = f"{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: x}}, {fields}}}"
    details = [problem.detail for problem in load([Source(name="f", text=text)]).problems]
    place = "PersistentVolumeClaim.spec.volumeClaimTemplates.TypeMeta.apiVersion"
    assert f"json: cannot unmarshal number into Go struct field {place} of type string" in details
