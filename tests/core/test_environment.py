"""The environment of a container: sources, precedence, references and the texts of what is missing."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from runner.core.container.environment import PodFacts, Sources, make_environment, manifest_path
from runner.core.container.noderesources import NodeSize
from runner.core.objects import ConfigError
from tests.support.pods import make_pod, objects

FACTS = PodFacts(pod_ip="10.0.0.7", host_ip="192.168.1.2", node_name="laptop")


def encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


STORE = objects(
    {"kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"COLOR": "blue", "SIZE": "big"}},
    {"kind": "ConfigMap", "metadata": {"name": "more"}, "data": {"COLOR": "red"}, "binaryData": {"BLOB": encoded("b")}},
    {"kind": "ConfigMap", "metadata": {"name": "empty"}},
    {"kind": "ConfigMap", "metadata": {"name": "dollar"}, "data": {"K": "$(HOME)"}},
    {"kind": "Secret", "metadata": {"name": "keys"}, "data": {"TOKEN": encoded("s3cret"), "COLOR": encoded("grey")}},
    {"kind": "Secret", "metadata": {"name": "broken"}, "data": {"TOKEN": "no*base64"}},
)


def environment(
    env: Sequence[Mapping[str, Any]] = (),
    sources: Sequence[Mapping[str, Any]] = (),
    *,
    metadata: Mapping[str, Any] | None = None,
    resources: Mapping[str, Any] | None = None,
    **spec: Any,
) -> dict[str, str]:
    """The environment of the container ``main``; ``helper`` stands beside it."""
    helper = {"name": "helper", "resources": {"limits": {"memory": "64Mi"}}}
    main = {"name": "main", "env": env, "envFrom": sources, "resources": resources or {}}
    pod = make_pod((), (main, helper), metadata=metadata, **spec)
    found = make_environment(pod, pod.containers[0], Sources(facts=FACTS, lookup=STORE))
    return {name: value for name, value in found.items() if not name.startswith("KUBERNETES_")}


def from_map(name: str, **more: Any) -> dict[str, Any]:
    return {"configMapRef": {"name": name}, **more}


def key_of(kind: str, name: str, key: str, **more: Any) -> dict[str, Any]:
    return {"name": "X", "valueFrom": {f"{kind}KeyRef": {"name": name, "key": key, **more}}}


PRECEDENCE = [
    ("nothing asked for is nothing set", [], [], {}),
    ("a literal value", [{"name": "A", "value": "1"}], [], {"A": "1"}),
    ("an entry without a value is empty", [{"name": "A"}], [], {"A": ""}),
    ("a value of None is empty", [{"name": "A", "value": None}], [], {"A": ""}),
    ("the last of two entries wins", [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}], [], {"A": "2"}),
    ("every text key of a ConfigMap", [], [from_map("settings")], {"COLOR": "blue", "SIZE": "big"}),
    ("a ConfigMap without data gives nothing", [], [from_map("empty")], {}),
    ("binary data of a ConfigMap is left out", [], [from_map("more")], {"COLOR": "red"}),
    ("a later source overrides", [], [from_map("settings"), from_map("more")], {"COLOR": "red", "SIZE": "big"}),
    ("an earlier source does not", [], [from_map("more"), from_map("settings")], {"COLOR": "blue", "SIZE": "big"}),
    ("a prefix stands before each key", [], [from_map("more", prefix="P_")], {"P_COLOR": "red"}),
    (
        "every key of a Secret, decoded",
        [],
        [{"secretRef": {"name": "keys"}}],
        {"TOKEN": "s3cret", "COLOR": "grey"},
    ),
    ("a source of no kind gives nothing", [], [{"prefix": "P_"}], {}),
    ("an entry beats every source", [{"name": "COLOR", "value": "own"}], [from_map("more")], {"COLOR": "own"}),
    (
        "a value expands what sources and earlier entries set",
        [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)-$(COLOR)"}],
        [from_map("more")],
        {"COLOR": "red", "A": "1", "B": "1-red"},
    ),
    (
        "a name that comes later stays as written",
        [{"name": "B", "value": "$(A)"}, {"name": "A", "value": "1"}],
        [],
        {"B": "$(A)", "A": "1"},
    ),
    (
        "two dollars stop the expansion",
        [{"name": "A", "value": "1"}, {"name": "B", "value": "$$(A)"}],
        [],
        {"A": "1", "B": "$(A)"},
    ),
    (
        "a value that is not empty hides valueFrom",
        [{"name": "A", "value": "own", "valueFrom": {"configMapKeyRef": {"name": "nope", "key": "K"}}}],
        [],
        {"A": "own"},
    ),
    (
        "an empty value lets valueFrom speak",
        [{"name": "A", "value": "", "valueFrom": {"configMapKeyRef": {"name": "more", "key": "COLOR"}}}],
        [],
        {"A": "red"},
    ),
    ("what valueFrom yields is not expanded", [key_of("configMap", "dollar", "K")], [], {"X": "$(HOME)"}),
    ("one key of a Secret", [key_of("secret", "keys", "TOKEN")], [], {"X": "s3cret"}),
    ("an optional key that is missing", [key_of("configMap", "more", "K", optional=True)], [], {}),
    ("an optional key of a missing ConfigMap", [key_of("configMap", "nope", "K", optional=True)], [], {}),
    ("an optional key of a missing Secret", [key_of("secret", "nope", "K", optional=True)], [], {}),
    (
        "an optional key that is missing leaves what a source set",
        [{"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "NOPE", "optional": True}}}],
        [from_map("more")],
        {"COLOR": "red"},
    ),
    ("an optional source that is missing", [], [{"configMapRef": {"name": "nope", "optional": True}}], {}),
    ("an optional secret source that is missing", [], [{"secretRef": {"name": "nope", "optional": True}}], {}),
]


@pytest.mark.parametrize(("env", "sources", "wanted"), [r[1:] for r in PRECEDENCE], ids=[r[0] for r in PRECEDENCE])
def test_precedence(env: list[dict[str, Any]], sources: list[dict[str, Any]], wanted: dict[str, str]) -> None:
    assert environment(env, sources) == wanted


MISSING = [
    ("a ConfigMap", [key_of("configMap", "nope", "K")], [], 'configmap "nope" not found'),
    ("a Secret", [key_of("secret", "nope", "K")], [], 'secret "nope" not found'),
    ("a source ConfigMap", [], [from_map("nope")], 'configmap "nope" not found'),
    ("a source Secret", [], [{"secretRef": {"name": "nope"}}], 'secret "nope" not found'),
    ("a key", [key_of("configMap", "more", "K")], [], "couldn't find key K in ConfigMap shop/more"),
    ("a secret's key", [key_of("secret", "keys", "K")], [], "couldn't find key K in Secret shop/keys"),
    (
        "a key that is binary",
        [key_of("configMap", "more", "BLOB")],
        [],
        "couldn't find key BLOB in ConfigMap shop/more",
    ),
    (
        "a key, optional or not",
        [key_of("secret", "keys", "K", optional=False)],
        [],
        "couldn't find key K in Secret shop/keys",
    ),
]


@pytest.mark.parametrize(("env", "sources", "text"), [r[1:] for r in MISSING], ids=[r[0] for r in MISSING])
def test_what_is_missing_is_named(env: list[dict[str, Any]], sources: list[dict[str, Any]], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        environment(env, sources, metadata={"namespace": "shop"})
    assert str(caught.value) == text


def test_a_secret_that_cannot_be_decoded_is_refused_without_showing_it() -> None:
    with pytest.raises(ConfigError, match=r"^illegal base64 data") as caught:
        environment([key_of("secret", "broken", "TOKEN")])
    assert "no*base64" not in str(caught.value)


LABELED = {
    "namespace": "shop",
    "labels": {"app": "web", "b/tier": 'say "hi"\n'},
    "annotations": {"note": "tab\there", "bell": "\a\x01\x7f\N{ZERO WIDTH SPACE}"},
}
FIELDS = [
    ("metadata.name", "web"),
    ("metadata.namespace", "shop"),
    ("metadata.uid", "uid-1"),
    ("metadata.labels['app']", "web"),
    ("metadata.labels['b/tier']", 'say "hi"\n'),
    ("metadata.labels['nope']", ""),
    ("metadata.annotations['note']", "tab\there"),
    ("metadata.annotations['nope']", ""),
    ("metadata.labels", 'app="web"\nb/tier="say \\"hi\\"\\n"'),
    ("metadata.annotations", 'bell="\\a\\x01\\x7f\\u200b"\nnote="tab\\there"'),
    ("spec.nodeName", "laptop"),
    ("spec.serviceAccountName", "robot"),
    ("status.hostIP", "192.168.1.2"),
    ("status.hostIPs", "192.168.1.2"),
    ("status.podIP", "10.0.0.7"),
    ("status.podIPs", "10.0.0.7"),
]


def field(path: str) -> list[dict[str, Any]]:
    return [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": path}}}]


@pytest.mark.parametrize(("path", "wanted"), FIELDS, ids=[r[0] for r in FIELDS])
def test_fields_of_the_pod(path: str, wanted: str) -> None:
    assert environment(field(path), metadata=LABELED, serviceAccountName="robot") == {"X": wanted}


def test_the_service_account_is_default_unless_named() -> None:
    assert environment(field("spec.serviceAccountName")) == {"X": "default"}


def test_a_field_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^unsupported fieldPath: spec\.foo$"):
        environment(field("spec.foo"))


AMOUNTS = {
    "requests": {"cpu": "250m", "memory": "100M", "ephemeral-storage": "1Gi"},
    "limits": {"cpu": "1500m", "memory": "129Mi", "hugepages-2Mi": "4Mi"},
}
RESOURCES = [
    ("cores are rounded up", {"resource": "limits.cpu"}, "2"),
    ("a part of a core is one", {"resource": "requests.cpu"}, "1"),
    ("millicores with the divisor 1m", {"resource": "requests.cpu", "divisor": "1m"}, "250"),
    ("bytes without a divisor", {"resource": "requests.memory"}, "100000000"),
    ("an exact number of divisors", {"resource": "limits.memory", "divisor": "1Mi"}, "129"),
    ("memory is rounded up to whole divisors", {"resource": "limits.memory", "divisor": "100Mi"}, "2"),
    ("a zero divisor counts as one", {"resource": "requests.memory", "divisor": "0"}, "100000000"),
    ("ephemeral storage", {"resource": "requests.ephemeral-storage", "divisor": "1Gi"}, "1"),
    ("huge pages", {"resource": "limits.hugepages-2Mi"}, "4194304"),
    ("a request that is not made is zero", {"resource": "requests.hugepages-2Mi"}, "0"),
    ("another container by name", {"resource": "limits.memory", "containerName": "helper", "divisor": "1Mi"}, "64"),
]


def amount(reference: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"name": "X", "valueFrom": {"resourceFieldRef": reference}}]


@pytest.mark.parametrize(("reference", "wanted"), [r[1:] for r in RESOURCES], ids=[r[0] for r in RESOURCES])
def test_resources_of_containers(reference: dict[str, Any], wanted: str) -> None:
    assert environment(amount(reference), resources=AMOUNTS) == {"X": wanted}


def test_a_container_that_is_not_there_has_no_resources() -> None:
    with pytest.raises(ConfigError, match=r"^container nope not found$"):
        environment(amount({"resource": "limits.cpu", "containerName": "nope"}))


def test_a_limit_that_is_not_set_is_the_size_of_the_node() -> None:
    pod = make_pod((), ({"name": "main", "env": amount({"resource": "limits.memory", "divisor": "1Mi"})},))
    node = NodeSize(cpus=2, memory=2**30)
    sources = Sources(facts=FACTS, lookup=STORE, node=lambda: node)
    assert make_environment(pod, pod.containers[0], sources)["X"] == "1024"
    assert environment(amount({"resource": "limits.hugepages-2Mi"})) == {"X": "0"}


def test_service_variables_fill_gaps_and_can_be_referred_to() -> None:
    env = [{"name": "URL", "value": "http://$(KUBERNETES_SERVICE_HOST)/"}, {"name": "KUBERNETES_PORT", "value": "own"}]
    pod = make_pod((), ({"name": "main", "env": env},))
    found = make_environment(pod, pod.containers[0], Sources(facts=FACTS, lookup=STORE))
    assert found["URL"] == "http://10.96.0.1/"
    assert (found["KUBERNETES_PORT"], found["KUBERNETES_SERVICE_PORT"]) == ("own", "443")


def file_key(key: str, volume: str = "v", path: str = "app.env", **more: Any) -> list[dict[str, Any]]:
    return [{"name": "X", "valueFrom": {"fileKeyRef": {"volumeName": volume, "path": path, "key": key, **more}}}]


def read_file(volume: str, path: str) -> bytes:
    files = {"app.env": b"K='v'\nEMPTY=''\n", "bad.env": b"K=v", "latin.env": b"K='\xff'"}
    if path == "link.env":
        raise ConfigError("couldn't parse env file")
    if volume != "v" or path not in files:
        raise FileNotFoundError(path)
    return files[path]


def from_file(env: list[dict[str, Any]]) -> dict[str, str]:
    pod = make_pod((), ({"name": "main", "env": env},), volumes=[{"name": "v", "emptyDir": {}}])
    found = make_environment(pod, pod.containers[0], Sources(facts=FACTS, lookup=STORE, read_file=read_file))
    return {name: value for name, value in found.items() if name == "X"}


def test_a_key_of_a_file() -> None:
    assert from_file(file_key("K")) == {"X": "v"}
    assert from_file(file_key("NOPE", optional=True)) == {}
    assert from_file(file_key("EMPTY", optional=True)) == {}
    assert from_file(file_key("K", path="none.env", optional=True)) == {}


FILE = "/var/lib/kubelet/pods/uid-1/volumes/kubernetes.io~empty-dir/v/app.env"
FILE_FAILURES = [
    ("an unknown volume", file_key("K", volume="w"), 'cannot find the volume "w" referenced by FileKeyRef'),
    ("a missing key", file_key("N"), f'environment variable key "N" not found in file "{FILE}"'),
    ("an empty value", file_key("EMPTY"), f'environment variable key "EMPTY" not found in file "{FILE}"'),
    ("a missing file", file_key("K", path="none.env"), "couldn't parse env file"),
    ("another syntax", file_key("K", path="bad.env"), "couldn't parse env file"),
    ("another syntax, optional or not", file_key("K", path="bad.env", optional=True), "couldn't parse env file"),
    ("no UTF-8", file_key("K", path="latin.env"), "couldn't parse env file"),
    ("a link", file_key("K", path="link.env"), "couldn't parse env file"),
]


@pytest.mark.parametrize(("env", "text"), [r[1:] for r in FILE_FAILURES], ids=[r[0] for r in FILE_FAILURES])
def test_files_that_give_no_value(env: list[dict[str, Any]], text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_file(env)
    assert str(caught.value) == text


def test_a_pod_without_volumes_has_no_files() -> None:
    pod = make_pod((), ({"name": "main", "env": file_key("K")},), volumes=[{"name": "v", "emptyDir": {}}])
    with pytest.raises(ConfigError, match="couldn't parse env file"):
        make_environment(pod, pod.containers[0], Sources(facts=FACTS, lookup=STORE))


@pytest.mark.parametrize(
    ("inits", "apps", "path"),
    [((), ("other", "main"), "spec.containers[1]"), (("first", "main"), ("app",), "spec.initContainers[1]")],
)
def test_variables_that_double_each_other_end_at_a_limit_with_their_path(
    inits: Sequence[str], apps: Sequence[str], path: str
) -> None:
    env = [{"name": "V0", "value": "x" * 64}]
    env += [{"name": f"V{n}", "value": f"$(V{n - 1})$(V{n - 1})"} for n in range(1, 61)]
    pod = make_pod(*([{"name": name, "env": env} for name in names] for names in (inits, apps)))
    main = pod.container("main")
    assert main is not None
    with pytest.raises(ConfigError, match=rf"^{re.escape(path)}\.env\[\d+\]\.value: references expand to more than"):
        make_environment(pod, main, Sources(facts=FACTS, lookup=STORE))


def test_a_container_that_its_pod_does_not_know_is_told_by_name() -> None:
    stranger = make_pod((), ("stranger",)).containers[0]
    assert manifest_path(make_pod((), ("main",)), stranger) == "container stranger"
