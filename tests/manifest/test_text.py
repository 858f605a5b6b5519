"""From text to documents: scalars, splitting, duplicates, limits, and everything YAML can throw at us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.core.manifest import ProblemType, Source, load
from runner.core.manifest.yamltext import MAX_ALIASED_NODES, MAX_DEPTH, read_documents

SCALARS: list[tuple[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "manifests" / "scalars.json").read_text()
)["cases"]
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n    - name: app\n      image: nginx\n"


def problems(text: str) -> list[str]:
    return [str(problem) for problem in load([Source(name="f", text=text)]).problems]


def warnings(text: str) -> list[str]:
    return [str(warning) for warning in load([Source(name="f", text=text)]).warnings]


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[case[0] for case in SCALARS])
def test_an_unquoted_scalar_is_what_kubernetes_reads(text: str, value: Any) -> None:
    (document,) = read_documents(f"key: {text}\n")
    assert document.root is not None
    found = document.root.plain()["key"]
    assert found == value
    assert isinstance(found, bool) is isinstance(value, bool)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("'on'", "on"),
        ('"8080"', "8080"),
        ("!!str 8080", "8080"),
        ("! on", "on"),
        ("!!int 0x10", 16),
        ("!!float 1", 1),
        ("!!bool y", True),
        ("!!null ~", None),
        ("!!binary aGVsbG8=", "hello"),
        ("|-\n  on", "on"),
        ("!!seq [a]", ["a"]),
        ("!!map {a: 1}", {"a": 1}),
    ],
)
def test_quotes_and_standard_tags_decide_the_type(text: str, value: Any) -> None:
    (document,) = read_documents(f"key: {text}\n")
    assert document.root is not None
    assert document.root.plain() == {"key": value}


def test_keys_that_are_no_strings_become_the_json_keys_that_kubernetes_makes() -> None:
    (document,) = read_documents("1: a\ny: b\n1.5: c\n'on': d\n")
    assert document.root is not None
    assert document.root.plain() == {"1": "a", "true": "b", "1.5": "c", "on": "d"}


def test_a_key_that_yaml_turns_into_a_boolean_is_explained() -> None:
    assert problems(POD + "      on: x\n") == [
        'f:9:7: unknown field "spec.containers[0].true" (the key on means true in YAML: quote it)'
    ]


def test_a_duplicate_key_is_a_warning_with_both_places_and_the_last_one_counts() -> None:
    text = POD.replace("      image: nginx\n", "      image: nginx\n      image: busybox\n")
    result = load([Source(name="f", text=text)])
    assert [str(warning) for warning in result.warnings] == [
        'f:9:7: duplicate key "image", first at 8:7; the last one counts'
    ]
    assert result.objects[0].value["spec"]["containers"][0]["image"] == "busybox"


MERGES: list[tuple[str, dict[str, str], list[str]]] = [
    ("{<<: {k: base, z: base}, k: own}", {"k": "own", "z": "base"}, []),
    (
        "{k: own, <<: {k: base}}",
        {"k": "base"},
        ['f:1:81: duplicate key "k", first at 1:73; the merged one counts'],
    ),
    (
        "{k: own, <<: {k: base}, k: last}",
        {"k": "last"},
        ['f:1:81: duplicate key "k", first at 1:73; the merged one counts'],
    ),
    ("{<<: [{k: first}, {k: second, z: second}]}", {"k": "first", "z": "second"}, []),
    ("{<<: {k: one}, <<: {k: two}}", {"k": "two"}, []),
    (
        "{k: own, k: again, <<: {z: base}}",
        {"k": "again", "z": "base"},
        ['f:1:81: duplicate key "k", first at 1:73; the last one counts'],
    ),
]


@pytest.mark.parametrize(("data", "wanted", "warned"), MERGES, ids=[row[0] for row in MERGES])
def test_a_merge_counts_where_it_stands(data: str, wanted: dict[str, str], warned: list[str]) -> None:
    text = f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: longer-name}}, data: {data}}}"
    result = load([Source(name="f", text=text)])
    assert result.objects[0].value["data"] == wanted
    assert [str(warning) for warning in result.warnings] == warned


def test_documents_are_split_at_separator_lines_and_empty_ones_skipped() -> None:
    text = f"# only a comment\n---\n{POD}--- # next\n---   \n~\n---\n{POD.replace('web', 'api')}"
    result = load([Source(name="f", text=text)])
    assert result.ok
    assert [item.name for item in result.objects] == ["web", "api"]
    assert result.objects[1].positions["metadata", "name"].line == 18


def test_a_separator_inside_a_block_scalar_is_text() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  script: |\n    a\n    ---\n    b\n"
    assert load([Source(name="f", text=text)]).objects[0].value["data"] == {"script": "a\n---\nb\n"}


OF_NO_KIND = (
    """Object 'Kind' is missing in '{"apiVersion":"v1","kind":"","metadata":{"name":"web"},"""
    """"spec":{"containers":[{"image":"nginx","name":"app"}]}}'"""
)


@pytest.mark.parametrize(
    ("text", "line", "detail"),
    [
        (f"%YAML 1.1\n---\n{POD}", 2, "yaml: line 1: did not find expected <document start>"),
        (f"--- {{a: b}}\n{POD}", 1, "invalid Yaml document separator: {a: b}"),
        (f"{POD}---\tx\n{POD}", 9, "invalid Yaml document separator: x"),
        (f"{POD}----\n{POD}", 9, "invalid Yaml document separator: -"),
        ("a: \x01b", 1, "yaml: control characters are not allowed"),
        ('{~: "x"}', 1, "json: offset 2: invalid character '~' looking for beginning of object key string"),
        ('a: {~: "x"}', 1, 'unsupported map key of type: %!s(<nil>), key: <nil>, value: "x"'),
        ("---\na: [b", 3, "yaml: line 2: did not find expected ',' or ']'"),
        (f"{POD}---\na: [b", 11, "yaml: line 1: did not find expected ',' or ']'"),
        ("a:\n- [b, c?d]", 2, "yaml: line 1: did not find expected ',' or ']'"),
        ("a: [b?]", 1, "yaml: did not find expected ',' or ']'"),
        ("a:\n  b: {c: d?e}", 2, "yaml: line 1: did not find expected ',' or '}'"),
        (
            f"a: &a [b{', b' * 8}]\nc: &c [*a{', *a' * 8}]\nd: &d [*c{', *c' * 8}]\ne: [*d, *d, *d, *d]",
            4,
            "yaml: document contains excessive aliasing",
        ),
        ('a: "b\\/c"', 1, "yaml: found unknown escape character"),
        ('a:\n  b: "c\\/d"', 2, "yaml: line 2: found unknown escape character"),
        ("- a", 1, "invalid object to validate"),
        ("kind: List\napiVersion: v1\nitems: []", 1, "no objects passed"),
        ("kind: List\napiVersion: v1", 1, "invalid object to validate"),
        (POD.replace(" Pod", ""), 2, "kind not set"),
        (POD.replace(" Pod", " ''"), 2, OF_NO_KIND),
        (POD.replace("v1", "~"), 1, "apiVersion not set"),
        (POD.replace("v1", "''"), 1, "the server could not find the requested resource"),
        (POD.replace("v1", "a/b/c"), 1, "unexpected GroupVersion string: a/b/c"),
        (POD.replace("Pod", "POD"), 2, 'no matches for kind "POD" in version "v1"'),
    ],
)
def test_what_kubectl_cannot_read_is_refused_in_its_words(text: str, line: int, detail: str) -> None:
    (problem,) = load([Source(name="f", text=text)]).problems
    assert (problem.line, problem.detail) == (line, detail)


GOOD = '{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}}'
IN_A_STRING = '{"a": "%s"}'


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("{{ .Values.x }}\na: b", "json: offset 2: invalid character '{' looking for beginning of object key string"),
        ('{"a" 1}', "json: offset 6: invalid character '1' after object key"),
        ('{"a": 1 2}', None),
        ('{"a": 1 "b": 2}', "json: offset 9: invalid character '\"' after object key:value pair"),
        ('{"a": [1, 2', "unexpected EOF"),
        ('{"é": [1 2, @]}', "json: offset 11: invalid character '2' after array element"),
        ('{"a"; @}', "json: offset 5: invalid character ';' after object key"),
        ("{'a': @}", "json: offset 2: invalid character '\\'' looking for beginning of object key string"),
        ('{"a": é, @}', "json: offset 7: invalid character 'Ã' looking for beginning of value"),
        (IN_A_STRING % "\\q", "json: offset 9: invalid character 'q' in string escape code"),
        (IN_A_STRING % "\\u12x", "json: offset 12: invalid character 'x' in \\u hexadecimal character escape"),
        (IN_A_STRING % "\x01", "json: offset 8: invalid character '\\x01' in string literal"),
        ('{"a": "b', "unexpected EOF"),
        ('{"a": trap, @}', "json: offset 9: invalid character 'a' in literal true (expecting 'u')"),
        ('{"a": -x, @}', "json: offset 8: invalid character 'x' in numeric literal"),
        ('{"a": 1.x, @}', "json: offset 9: invalid character 'x' after decimal point in numeric literal"),
        ('{"a": 1e+x, @}', "json: offset 10: invalid character 'x' in exponent of numeric literal"),
        (
            '{"a": [[], {}, null, "b", -1.5e3], "b": @}',
            "json: offset 41: invalid character '@' looking for beginning of value",
        ),
        ('{"a": [NaN, @]}', "json: offset 8: invalid character 'N' looking for beginning of value"),
        (f"{GOOD} {GOOD} @", "json: offset 139: invalid character '@' looking for beginning of value"),
        (f"{GOOD}\n@", "json: offset 70: invalid character '@' looking for beginning of value"),
        (f"{GOOD} foo", "invalid object to validate"),
    ],
)
def test_text_that_begins_as_json_and_is_neither_that_nor_yaml_is_refused_as_go_refuses_json(
    text: str, detail: str | None
) -> None:
    problems = load([Source(name="f", text=text)]).problems
    said = [problem.detail for problem in problems if problem.type is ProblemType.SYNTAX]
    assert said == ([] if detail is None else [detail])


def test_a_question_mark_and_a_backslash_are_text_elsewhere() -> None:
    head = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: "
    text = f"""{head}\n  a: [b"?]\n  b: {{"c?": 'd?'}}\n"""
    assert load([Source(name="f", text=text)]).problems[0].type is ProblemType.SYNTAX
    text = head + """{"a?": 'b?', c: "d?"}\n---\n""" + head + """\n  a?: b?c\n  b: '\\/'\n  c: "\\\\/"\n  d: \\/\n"""
    first, second = load([Source(name="f", text=text)]).objects
    assert first.value["data"] == {"a?": "b?", "c": "d?"}
    assert second.value["data"] == {"a?": "b?c", "b": "\\/", "c": "\\/", "d": "\\/"}


def test_json_has_escapes_that_yaml_has_not() -> None:
    text = '{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "data": {"a": "\\/\\ud83d\\ude00"}}'
    assert load([Source(name="f", text=text)]).objects[0].value["data"] == {"a": "/😀"}
    assert problems(text.replace('"kind"', "kind")) != []


@pytest.mark.parametrize("character", ["\x7f", "\x85", "\u2028", "\u2029", "\uffff"])
def test_json_has_characters_that_yaml_has_not(character: str) -> None:
    text = (
        f'{{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {{"name": "a"}}, "data": {{"a": "b {character} c"}}}}'
    )
    assert load([Source(name="f", text=text)]).objects[0].value["data"] == {"a": f"b {character} c"}


def test_yaml_may_follow_one_json_object() -> None:
    result = load([Source(name="f", text=f"{GOOD}\n{POD}---\n{POD.replace('web', 'Web')}")])
    assert [item.kind for item in result.objects] == ["ConfigMap", "Pod", "Pod"]
    assert [problem.line for problem in result.problems] == [14]


@pytest.mark.parametrize("after", ["", "\n", f"\n---\n{POD}", f"\n--- # next\n{POD}"])
def test_the_last_line_of_every_document_has_an_end(after: str) -> None:
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c}}\ndata:\n  script: |\n    a{after}"
    assert load([Source(name="f", text=text)]).objects[0].value["data"] == {"script": "a\n"}


def test_a_long_numeral_is_json_too() -> None:
    text = '{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "a"}, "x": ' + "9" * 5000 + "}"
    assert problems(f"{text}{text}")[0].startswith("f:1:")


def test_text_after_a_document_end_marker_is_ignored_with_a_warning() -> None:
    assert warnings(f"{POD}...\nextra: 1\n") == [
        'f:10:1: text after the end of the document is ignored; separate documents with "---"'
    ]


def test_json_objects_one_after_the_other_are_all_read_with_their_places() -> None:
    one = '{"apiVersion": "v1", "kind": "ConfigMap",\n "metadata": {"name": "%s"}}'
    result = load([Source(name="f", text=f"{one % 'a'} {one % 'b'}\n{one % 'C'}\n")])
    assert [item.name for item in result.objects] == ["a", "b", "C"]
    assert (result.problems[0].line, result.problems[0].column) == (5, 23)


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing\n", "---\n---\n", "~\n", "null\n", "\ufeff"])
def test_a_file_without_objects_is_a_problem(text: str) -> None:
    assert problems(text) == ["f:1:1: no objects in this file"]


def test_an_empty_list_beside_other_objects_is_no_problem() -> None:
    text = "apiVersion: v1\nkind: List\nitems: []\n"
    assert problems(f"{text}---\n{POD}") == []
    assert problems(text) == ["f:1:1: no objects in this file"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: \udcff", "f:1:4: the text is not valid UTF-8"),
        ("a: b\n  \x07", "f:2:3: control characters are not allowed (U+0007)"),
        ("a: !!int x", "f:1:4: cannot read 'x' as a !!int"),
        ("a: !!binary '*'", "f:1:4: !!binary value contains invalid base64 data"),
        ("~: x", "f:1:1: invalid map key: null"),
        ("? [a]\n: b", 'f:1:3: invalid map key: a key must be a plain value (quote "{{ … }}")'),
        ("x: &x [{a: b}]\n<<: *x", "f:1:4: map merge requires map or sequence of maps as the value"),
        ("<<: [{a: b}, c]", "f:1:5: map merge requires map or sequence of maps as the value"),
        ("<<: 1\na: b", "f:1:5: map merge requires map or sequence of maps as the value"),
        ("a: *b", "f:1:4: unknown anchor 'b' referenced"),
        ("hello", "f:1:1: an object (a mapping with apiVersion and kind) is wanted"),
        ("kind: List\napiVersion: v1\nitems: x", "f:3:8: items: must be a list of objects"),
        ("kind: [a]\napiVersion: v1", "f:1:7: kind: must be a string (quote it)"),
        ("kind: Pod\napiVersion: 1", "f:2:13: apiVersion: must be a string (quote it)"),
        ("kind: Foo\napiVersion: example.com/v1", 'f:2:13: no matches for kind "Foo" in version "example.com/v1"'),
    ],
)
def test_text_that_is_no_manifest_is_refused_with_its_place(text: str, expected: str) -> None:
    assert problems(text) == [expected]


def test_kinds_that_mean_nothing_on_one_node_are_noted_as_ignored() -> None:
    result = load([Source(name="f", text="apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: x}\n")])
    assert result.ok
    assert result.objects == ()
    assert result.warnings == ()
    assert [str(ignored) for ignored in result.ignored] == [
        'f:2:7: kind: kind "Ingress" is ignored: it has no effect on one node'
    ]


@pytest.mark.parametrize(
    ("version", "kind", "expected"),
    [
        ("monitoring.coreos.com/v1", "ServiceMonitor", None),
        ("gateway.networking.k8s.io/v1beta1", "HTTPRoute", None),
        ("serving.knative.dev/v1", "Service", None),
        ("networking.k8s.oi/v1", "Ingress", 'f:1:13: no matches for kind "Ingress" in version "networking.k8s.oi/v1"'),
        ("example.com", "Widget", 'f:1:13: no matches for kind "Widget" in version "example.com"'),
        ("aps/v1", "Deployment", 'f:1:13: no matches for kind "Deployment" in version "aps/v1" (it is in "apps/v1")'),
        ("networking.k8s.io/v9", "Ingress", 'f:1:13: no matches for kind "Ingress" in version "networking.k8s.io/v9"'),
    ],
)
def test_custom_resources_beside_others_are_ignored_and_slips_are_not_taken_for_them(
    version: str, kind: str, expected: str | None
) -> None:
    text = f"apiVersion: {version}\nkind: {kind}\nmetadata: {{name: x}}\nwhatever: 1\n"
    beside = load([Source(name="f", text=f"{text}---\n{POD}")])
    assert [str(problem) for problem in beside.problems] == ([] if expected is None else [expected])
    assert len(beside.ignored) == (expected is None)
    assert load([Source(name="f", text=text)]).problems != ()


def nested(depth: int) -> str:
    return "a: " + "[" * (depth - 1) + "]" * (depth - 1)


def test_depth_is_limited_and_the_limit_itself_is_fine() -> None:
    assert read_documents(nested(MAX_DEPTH))[0].errors == []
    (error,) = read_documents(nested(MAX_DEPTH + 1))[0].errors
    assert "nested too deeply" in error[1]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_absurd_depth_is_refused_not_followed(opening: str) -> None:
    found = problems("x: " + opening * 50_000 if opening != "- " else opening * 50_000)
    assert len(found) == 1


def test_depth_cannot_be_smuggled_in_through_aliases() -> None:
    half = MAX_DEPTH // 2 + 5
    text = f"a: &a {'[' * half}{']' * half}\n" + "".join(
        f"{name}: &{name} {'[' * half}*{before}{']' * half}\n" for before, name in zip("abcdef", "bcdefg", strict=True)
    )
    (error,) = read_documents(text)[0].errors
    assert "nested too deeply" in error[1]


def test_alias_expansion_is_limited_and_modest_use_is_fine() -> None:
    small = "a: &a [x, x]\n" + "".join(f"k{index}: *a\n" for index in range(1000))
    assert read_documents(small)[0].errors == []
    items = ", ".join(["*a"] * (MAX_ALIASED_NODES // 3 + 1))
    (error,) = read_documents(f"a: &a [x, x]\nb: [{items}]\n")[0].errors
    assert error[2] == "yaml: document contains excessive aliasing"


def test_a_numeral_of_any_length_is_read_without_a_traceback() -> None:
    (document,) = read_documents("a: " + "9" * 100_000)
    assert document.root is not None
    assert document.root.plain()["a"] == "9" * 100_000


def test_every_problem_of_every_source_comes_in_file_order_and_then_by_place() -> None:
    bad = POD.replace("name: app", "name: App").replace("image: nginx", "imagee: nginx")
    result = load([Source(name="b.yaml", text=bad), Source(name="a.yaml", text=bad), Source(name="-", text="[")])
    assert [(problem.file, problem.line) for problem in result.problems] == [
        ("b.yaml", 7),
        ("b.yaml", 8),
        ("a.yaml", 7),
        ("a.yaml", 8),
        ("<stdin>", 2),
    ]
    assert result.problems[-1].type is ProblemType.SYNTAX


def test_two_objects_of_one_name_are_noticed() -> None:
    result = load([Source(name="a", text=POD), Source(name="b", text=POD)])
    assert result.ok
    assert [str(warning) for warning in result.warnings] == [
        'b:4:9: metadata.name: Pod "web" is already defined at a:4:9'
    ]


def test_the_namespace_is_the_callers_unless_the_object_names_one() -> None:
    text = POD + "---\n" + POD.replace("name: web", "name: web\n  namespace: shop")
    result = load([Source(name="f", text=text)], namespace="dev")
    assert [item.namespace for item in result.objects] == ["dev", "shop"]
    assert [item.value["metadata"]["namespace"] for item in result.objects] == ["dev", "shop"]


def test_positions_are_a_mapping_of_every_path_and_the_nearest_place_answers_for_what_is_missing() -> None:
    positions = load([Source(name="f", text=POD)]).objects[0].positions
    assert list(positions)[:4] == [(), ("apiVersion",), ("kind",), ("metadata",)]
    assert len(positions) == len(set(positions)) == 10
    assert positions["spec", "containers", 0, "name"].line == 7
    assert ("spec", "containers", 1) not in positions
    assert ("spec", "containers", 0, "name", "x") not in positions
