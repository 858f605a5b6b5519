"""Requests of the API: paths, discovery against a real server's, media types, options, selectors, pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runner.core.apimachinery import discovery, fieldselectors, negotiation, options, paging, requests, resources
from runner.core.apimachinery.decoding import decode
from runner.core.apimachinery.labelselectors import parse_labels
from runner.core.apimachinery.statuses import StatusError
from runner.core.selectors import matches

RECORDED = Path(__file__).parents[2] / "fixtures" / "conformance" / "apiserver"
Row = dict[str, Any]


@pytest.mark.parametrize(
    ("method", "path", "found"),
    [
        ("GET", "/api/v1/pods", "list pods all"),
        ("GET", "/api/v1/namespaces/n/pods", "list pods n"),
        ("POST", "/api/v1/namespaces/n/pods", "create pods n"),
        ("DELETE", "/api/v1/namespaces/n/pods", "deletecollection pods n"),
        ("GET", "/api/v1/namespaces/n/pods/x", "get pods n/x"),
        ("HEAD", "/api/v1/namespaces/n/pods/x", "get pods n/x"),
        ("PATCH", "/api/v1/namespaces/n/pods/x/", "patch pods n/x"),
        ("PUT", "/api/v1/namespaces/n/pods/x/status", "update pods/status n/x"),
        ("GET", "/api/v1/namespaces/n/pods/x/log", "get pods/log n/x"),
        ("POST", "/api/v1/namespaces/n/pods/x/eviction", "create pods/eviction n/x"),
        ("GET", "/api/v1/namespaces", "list namespaces all"),
        ("POST", "/api/v1/namespaces", "create namespaces all"),
        ("GET", "/api/v1/namespaces/n", "get namespaces all/n"),
        ("PUT", "/api/v1/namespaces/n/status", "update namespaces/status all/n"),
        ("GET", "/api/v1/nodes/a%2Db", "get nodes all/a-b"),
        ("DELETE", "/apis/apps/v1/namespaces/n/deployments/x", "delete deployments.apps n/x"),
        ("GET", "/apis/events.k8s.io/v1/events", "list events.events.k8s.io all"),
    ],
)
def test_a_path_says_what_a_request_is_for(method: str, path: str, found: str) -> None:
    request = requests.resource_request(method, path)
    part = f"/{request.subresource.name}" if request.subresource else ""
    name = f"/{request.name}" if request.name else ""
    assert f"{request.verb} {request.resource.name}{part} {request.namespace or 'all'}{name}" == found


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("GET", "/", 404),
        ("GET", "/api/v1", 404),
        ("GET", "/apis/apps/v1", 404),
        ("GET", "/api/v2/pods", 404),
        ("GET", "/api/v1/nope", 404),
        ("GET", "/api/v1/pods/x", 404),
        ("GET", "/api/v1/namespaces/n/nodes", 404),
        ("GET", "/api/v1/namespaces/n/pods/x/nope", 404),
        ("GET", "/api/v1/namespaces/n/pods/x/log/y", 404),
        ("GET", "/api/v1/namespaces//pods", 404),
        ("POST", "/api/v1/pods", 405),
        ("POST", "/api/v1/namespaces/n/pods/x", 405),
        ("PUT", "/api/v1/namespaces/n/pods", 405),
        ("PATCH", "/api/v1/namespaces/n/pods/x/log", 405),
        ("DELETE", "/api/v1/namespaces", 405),
        ("TRACE", "/api/v1/pods", 405),
    ],
)
def test_what_is_not_served_is_refused(method: str, path: str, code: int) -> None:
    with pytest.raises(StatusError) as error:
        requests.resource_request(method, path)
    assert error.value.code == code


def test_a_list_that_is_watched_has_another_verb() -> None:
    assert requests.resource_request("GET", "/api/v1/pods", is_watch=True).verb == "watch"
    assert requests.resource_request("GET", "/api/v1/namespaces/n/pods/x", is_watch=True).verb == "get"


def test_a_resource_is_found_by_its_kind() -> None:
    found = resources.resource_of("apps/v1", "Deployment")
    assert found is not None
    assert (found.name, found.group_version) == ("deployments.apps", "apps/v1")
    assert resources.resource_of("v1", "Deployment") is None


def recorded(name: str) -> Any:
    return json.loads((RECORDED / name).read_text())


@pytest.mark.parametrize("is_core", [True, False])
def test_aggregated_discovery_says_what_a_real_servers_says(is_core: bool) -> None:
    theirs = recorded("discovery-api-v2.json" if is_core else "discovery-apis-v2.json")
    groups = {item["metadata"].get("name", ""): item for item in theirs["items"]}
    mine = discovery.aggregated(is_core=is_core)
    assert mine["apiVersion"] == theirs["apiVersion"]
    assert mine["items"]
    for item in mine["items"]:
        (version,) = item["versions"]
        real = {one["resource"]: one for one in groups[item["metadata"].get("name", "")]["versions"][0]["resources"]}
        for resource in version["resources"]:
            served = [part["subresource"] for part in resource.get("subresources", ())]
            wanted = dict(real[resource["resource"]])
            parts = [part for part in wanted.pop("subresources", ()) if part["subresource"] in served]
            assert resource == {**wanted, **({"subresources": parts} if parts else {})}


def test_the_older_documents_say_what_a_real_servers_say() -> None:
    real = {one["name"]: one for one in recorded("discovery-api-v1.json")["resources"]}
    document = discovery.api_resources("v1")
    assert document is not None
    for entry in document["resources"]:
        wanted = {key: part for key, part in real[entry["name"]].items() if key != "storageVersionHash"}
        assert entry == wanted
    groups = {one["name"]: one for one in recorded("discovery-apis.json")["groups"]}
    for group in discovery.api_groups()["groups"]:
        assert group["name"] == "apps" or group == groups[group["name"]]
        assert discovery.api_group(group["name"]) == {"kind": "APIGroup", "apiVersion": "v1", **group}
    assert discovery.api_resources("apps/v2") is None
    assert discovery.api_group("nope") is None
    assert discovery.api_versions("127.0.0.1:1")["serverAddressByClientCIDRs"][0]["serverAddress"] == "127.0.0.1:1"
    assert discovery.version_info()["gitVersion"].startswith("v1.36.2")


def test_openapi_says_that_the_server_validates() -> None:
    paths = discovery.openapi_index()["paths"]
    assert paths["api/v1"]["serverRelativeURL"] == "/openapi/v3/api/v1?hash=1.36.2"
    document = discovery.openapi_document("apis/apps/v1")
    assert document is not None
    operation = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert operation["x-kubernetes-group-version-kind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert "fieldValidation" in [one["name"] for one in operation["parameters"]]
    core = discovery.openapi_document("api/v1")
    assert core is not None
    assert "/api/v1/nodes/{name}" in core["paths"]
    assert discovery.openapi_document("api/v2") is None


TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
PARTIALS = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


@pytest.mark.parametrize(
    ("accept", "is_collection", "shape"),
    [
        ("", True, ""),
        ("application/json", True, ""),
        ("application/json, */*", True, ""),
        (f"{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json", True, "Table v1"),
        ("application/json;as=Table;v=v1beta1;g=meta.k8s.io", True, "Table v1beta1"),
        ("application/vnd.kubernetes.protobuf,application/json", True, ""),
        ("application/vnd.kubernetes.protobuf, */*", True, ""),
        (f"application/json;q=0.5,{TABLE};q=0.9", True, "Table v1"),
        (f"{TABLE};q=0.1,application/json;q=0.5", True, ""),
        (f"{TABLE};q=0,application/*", True, ""),
        (f"{TABLE};q=x", True, "Table v1"),
        ("application/json;as=Other;v=v1;g=meta.k8s.io,application/json", True, ""),
        ("application/json;as=Table;v=v3;g=meta.k8s.io,application/json", True, ""),
        (f"{PARTIAL},{PARTIALS}", True, "PartialObjectMetadataList v1"),
        (f"{PARTIALS},{PARTIAL}", False, "PartialObjectMetadata v1"),
        (TABLE, False, "Table v1"),
        (",;,*,x", True, ""),
    ],
)  # fmt: skip
def test_the_answer_has_the_shape_that_is_asked_for(accept: str, is_collection: bool, shape: str) -> None:
    answer = negotiation.negotiate(accept, is_collection=is_collection)
    assert f"{answer.shape} {answer.version}".strip() == shape
    assert answer.content_type == "application/json"


def test_what_cannot_be_answered_is_told() -> None:
    for accept in ("text/html", "application/vnd.kubernetes.protobuf", "application/json;as=Other", "text"):
        with pytest.raises(StatusError) as error:
            negotiation.negotiate(accept)
        assert error.value.code == 406
    for kind in ("text/plain", "application/xml"):
        with pytest.raises(StatusError) as error:
            negotiation.body_type(kind)
        assert error.value.code == 415
    assert negotiation.body_type("") == "application/json"
    assert negotiation.body_type("Application/YAML; charset=utf-8") == "application/yaml"


V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        (f"{V2},application/json", "v2"),
        (V2.replace("=v2", "=v2beta1") + ",application/json", "v2beta1"),
        ("application/json", ""),
        (V2.replace("=v2", "=v3") + ",application/json", ""),
        (V2.replace("=v2", "=v3"), ""),
        ("text/html", ""),
    ],
)
def test_discovery_is_aggregated_for_those_who_ask(accept: str, version: str) -> None:
    assert negotiation.discovery_version(accept) == version
    assert negotiation.discovery_type("") == "application/json"
    assert negotiation.discovery_type("v2") == V2


def query(text: str) -> options.Query:
    found: dict[str, list[str]] = {}
    for pair in filter(None, text.split("&")):
        key, _, value = pair.partition("=")
        found.setdefault(key, []).append(value)
    return found


PREFIX = 'ListOptions.meta.k8s.io "" is invalid: '


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("watch=1&sendInitialEvents=true", 422, f"{PREFIX}resourceVersionMatch: Forbidden: sendInitialEvents requires setting"),
        ("watch=1&resourceVersionMatch=NotOlderThan", 422, "is forbidden for watch unless sendInitialEvents is provided"),
        ("watch=1&sendInitialEvents=true&resourceVersionMatch=Exact", 422, 'Unsupported value: "Exact"'),
        ("watch=1&sendInitialEvents=0&resourceVersionMatch=NotOlderThan&continue=x", 422, "when continue is provided"),
        ("sendInitialEvents=true", 422, "sendInitialEvents is forbidden for list"),
        ("resourceVersionMatch=Exact", 422, "is forbidden unless resourceVersion is provided"),
        ("resourceVersionMatch=Exact&resourceVersion=0", 422, '"exact" is forbidden for resourceVersion "0"'),
        ("resourceVersionMatch=x&resourceVersion=1&continue=y", 422, "when continue is provided"),
        ("resourceVersion=x", 422, 'resourceVersion: Invalid value: "x"'),
        ("limit=x", 400, 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("timeoutSeconds=99999999999999999999", 400, "value out of range"),
        ("labelSelector=a=b=c", 400, "found '=', expected: ',' or 'end of string'"),
        ("fieldSelector=spec.x=1", 400, "field label not supported: spec.x"),
    ],
)  # fmt: skip
def test_options_of_lists_that_make_no_sense_are_refused(text: str, code: int, message: str) -> None:
    with pytest.raises(StatusError) as error:
        options.list_options(query(text), "Pod")
    assert error.value.code == code
    assert message in str(error.value)


def test_options_of_lists_are_read() -> None:
    text = "labelSelector=a=b&fieldSelector=metadata.name=x&watch=True&allowWatchBookmarks=true"
    text += "&resourceVersion=7&timeoutSeconds=5"
    found = options.list_options(
        query(f"{text}&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&limit=-3"), "Pod"
    )
    assert (found.is_watch, found.bookmarks, found.initial_events, found.timeout, found.limit) == (
        True,
        True,
        True,
        5,
        0,
    )
    assert found.selects({"metadata": {"name": "x", "labels": {"a": "b"}}})
    assert not found.selects({"metadata": {"name": "y", "labels": {"a": "b"}}})
    assert not found.selects({"metadata": {"name": "x"}})
    assert options.list_options({"limit": ["5"], "watch": ["false"]}, "Pod").limit == 5
    assert options.list_options({"watch": []}, "Pod").is_watch is False


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("=a", "found '=', expected: !, identifier, or 'end of string'"),
        ("!=a", "found '!=', expected: !, identifier, or 'end of string'"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a=(", "unable to parse requirement: found '(', expected: identifier"),
        ("!,", "unable to parse requirement: found ',', expected: identifier"),
        ("-a=b", 'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of'),
        ("a=-b", 'unable to parse requirement: <nil>[a]: Invalid value: "-b": a valid label must be'),
        ("a>x", "for 'Gt', 'Lt' operators, the value must be an integer"),
    ],
)
def test_a_label_selector_is_refused_in_the_servers_words(selector: str, message: str) -> None:
    with pytest.raises(StatusError) as error:
        parse_labels(selector)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("selector", "labels", "holds"),
    [
        ("", {}, True),
        ("a", {"a": ""}, True),
        ("!a", {"a": ""}, False),
        (" a = b , c != d ", {"a": "b"}, True),
        ("a in (b,c),in in (in)", {"a": "c", "in": "in"}, True),
        ("a in (,b)", {"a": ""}, True),
        ("a notin (b)", {"a": "b"}, False),
        ("a=", {"a": ""}, True),
        ("a>5,a<9", {"a": "7"}, True),
        ("a,!b", {"a": "1", "b": "2"}, False),
    ],
)
def test_a_label_selector_selects(selector: str, labels: dict[str, str], holds: bool) -> None:
    assert matches(parse_labels(selector), labels) is holds


POD = {
    "metadata": {"name": "x", "namespace": "n"},
    "spec": {"nodeName": "here", "hostNetwork": True},
    "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}]},
}
EVENT = {"metadata": {}, "involvedObject": {"name": "x"}, "source": {"component": "kubelet"}, "type": "Normal"}


@pytest.mark.parametrize(
    ("kind", "value", "selector", "holds"),
    [
        ("Pod", POD, "", True),
        ("Pod", POD, "metadata.name=x,status.phase!=Failed,", True),
        ("Pod", POD, "spec.nodeName==here,spec.hostNetwork=true,status.podIPs=10.0.0.1", True),
        ("Pod", {"status": {}}, "spec.hostNetwork=false,status.podIP=,status.podIPs=", True),
        ("Pod", POD, r"metadata.name=a\,b\=c\\d", False),
        ("Event", EVENT, "involvedObject.name=x,source=kubelet,reportingComponent=kubelet,type=Normal,reason=", True),
        ("Event", {"reportingComponent": "s"}, "source=s,reportingComponent=s", True),
        ("Job", {"status": {"succeeded": 2}}, "status.successful=2", True),
        ("ReplicaSet", {}, "status.replicas=0", True),
        ("Node", {"spec": {}}, "spec.unschedulable=false", True),
        ("Secret", {"type": "Opaque"}, "type!=Opaque", False),
    ],
)
def test_a_field_selector_selects(kind: str, value: Row, selector: str, holds: bool) -> None:
    assert all(term.matches(value) for term in fieldselectors.parse_fields(selector, kind)) is holds


@pytest.mark.parametrize(
    ("kind", "selector", "message"),
    [
        ("Pod", "spec.image=x", "field label not supported: spec.image"),
        ("ConfigMap", "data=x", '"data" is not a known field selector: only "metadata.name", "metadata.namespace"'),
        ("Pod", "nonsense", "invalid selector: 'nonsense'; can't understand 'nonsense'"),
        ("Pod", r"metadata.name=a\b", "invalid field selector: invalid escape sequence"),
        ("Pod", "metadata.name=a=b", "invalid field selector: unescaped character in value"),
    ],
)
def test_a_field_selector_is_refused_in_the_servers_words(kind: str, selector: str, message: str) -> None:
    with pytest.raises(StatusError) as error:
        fieldselectors.parse_fields(selector, kind)
    assert message in str(error.value)


def test_options_of_writes_are_read_and_checked() -> None:
    found = options.write_options(query("dryRun=All&fieldManager=kubectl-create&fieldValidation=Strict"), verb="create")
    assert (found.is_dry, found.manager, found.validation) == (True, "kubectl-create", "Strict")
    assert options.write_options({}, verb="update").validation == "Warn"
    cases = {
        "force=true": 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
        "dryRun=Some": 'dryRun: Unsupported value: ["Some"]: supported values: "All"',
        "fieldValidation=x": 'supported values: "", "Ignore", "Strict", "Warn"',
        f"fieldManager={'x' * 129}": "fieldManager: Too long: may not be more than 128 bytes",
        "fieldManager=a\tb": "invalid character U+0009 (at position 1)",
    }
    for text, message in cases.items():
        with pytest.raises(StatusError) as error:
            options.write_options(query(text), verb="patch")
        assert message in str(error.value)


def test_options_of_deletions_are_read_and_checked() -> None:
    body = {
        "kind": "DeleteOptions",
        "propagationPolicy": "Background",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u", "resourceVersion": "3"},
        "dryRun": ["All"],
    }
    found = options.delete_options({}, body)
    assert (found.grace, found.policy, found.is_dry, found.uid) == (0, "Background", True, "u")
    asked = options.delete_options(query("gracePeriodSeconds=5&propagationPolicy=Orphan&dryRun=All"), None)
    assert (asked.grace, asked.policy, asked.is_dry) == (5, "Orphan", True)
    assert options.delete_options(query("dryRun=All"), None).policy == ""
    assert options.delete_options(query("orphanDependents=true&gracePeriodSeconds=-1"), {}).grace == 1
    cases: list[tuple[Row, int, str]] = [
        ({"kind": "Pod"}, 400, "expected DeleteOptions, got Pod"),
        ({"gracePeriodSeconds": "5"}, 400, "gracePeriodSeconds is a number"),
        ({"gracePeriodSeconds": True}, 400, "gracePeriodSeconds is a number"),
        ({"propagationPolicy": "x"}, 422, 'supported values: "Foreground", "Background", "Orphan", "nil"'),
        ({"propagationPolicy": "Orphan", "orphanDependents": True}, 422, "cannot be both set"),
    ]
    for given, code, message in cases:
        with pytest.raises(StatusError) as error:
            options.delete_options({}, given)
        assert (error.value.code, message in str(error.value)) == (code, True)
    stored = {"metadata": {"name": "x", "uid": "u", "resourceVersion": "3"}}
    options.check_preconditions(found, stored, "pods", "")
    with pytest.raises(StatusError, match="Precondition failed: UID in precondition: u, UID in object meta: other"):
        options.check_preconditions(found, {"metadata": {"name": "x", "uid": "other"}}, "pods", "")


def test_a_body_is_read_strictly_or_with_warnings() -> None:
    decoded = decode({"metadata": {"name": "x"}, "spec": {"containers": [], "nope": 1}}, "Pod")
    assert options.read_strictly(decoded, "Pod", "v1", "Ignore") == []
    told = options.read_strictly(decoded, "Pod", "v1", "Warn", ['duplicate field "a"'])
    assert told == ['duplicate field "a"', 'unknown field "spec.nope"']
    head = 'Pod in version "v1" cannot be handled as a Pod: '
    with pytest.raises(StatusError) as error:
        options.read_strictly(decoded, "Pod", "v1", "Strict")
    assert str(error.value) == f'{head}strict decoding error: unknown field "spec.nope"'
    broken = decode({"metadata": {"name": "x"}, "spec": {"containers": 1}}, "Pod")
    with pytest.raises(StatusError) as error:
        options.read_strictly(broken, "Pod", "v1", "Ignore")
    text = "json: cannot unmarshal number into Go struct field PodSpec.spec.containers of type []v1.Container"
    assert str(error.value) == head + text


ITEMS = [{"metadata": {"namespace": namespace, "name": name}} for namespace in "ba" for name in "zyx"]


def test_a_list_comes_in_pieces_that_are_the_whole() -> None:
    found: list[Any] = []
    token = ""
    for _ in range(3):
        piece = paging.page(ITEMS, 7, limit=2, token=token)
        found += piece.items
        token = piece.metadata.get("continue", "")
        assert piece.metadata["resourceVersion"] == "7"
    assert found == sorted(ITEMS, key=lambda item: (item["metadata"]["namespace"], item["metadata"]["name"]))
    assert token == ""
    assert paging.page(ITEMS, 7, limit=2).metadata["remainingItemCount"] == 4
    assert len(paging.page(ITEMS, 7).items) == 6


def test_a_token_grows_too_old_and_is_not_made_up() -> None:
    token = paging.page(ITEMS, 7, limit=2).metadata["continue"]
    assert paging.page(ITEMS, 9, limit=2, token=token).metadata["resourceVersion"] == "7"
    with pytest.raises(StatusError) as error:
        paging.page(ITEMS, 9, limit=2, token=token, oldest=8)
    assert (error.value.code, error.value.reason) == (410, "Expired")
    for bad in (
        "x",
        "e30",
        "W10",
        "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6IngiLCJzdGFydCI6ImEifQ",
        "é",
        "eyJydiI6MSwic3RhcnQiOjF9",
    ):
        with pytest.raises(StatusError, match="continue key is not valid"):
            paging.page(ITEMS, 9, token=bad)
