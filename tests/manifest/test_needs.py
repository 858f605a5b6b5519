"""Names that objects refer to, seen across all objects of an input."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from runner.core.manifest import LoadResult, Source, load
from runner.core.manifest.needs import missing_names, needs

Value = dict[str, Any]
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "app-config"}, "data": {"level": "1"}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "creds"}, "stringData": {"user": "u"}}
TOKEN = {**SECRET, "metadata": {"name": "tok", "annotations": {"kubernetes.io/service-account.name": "x"}}}
TOKEN["type"] = "kubernetes.io/service-account-token"
ACCOUNT = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "shop"}}
CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
}


def pod(spec: Mapping[str, Any] | None = None, namespace: str = "default", **main: Any) -> Value:
    container = {"name": "main", "image": "a", "ports": [{"containerPort": 80, "name": "http"}, {"containerPort": 81}]}
    metadata = {"name": "web", "namespace": namespace, "labels": {"app": "web"}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [{**container, **main}], **(spec or {})},
    }


def loaded(*values: Value) -> LoadResult:
    result = load([Source(name=f"{number}.yaml", text=json.dumps(value)) for number, value in enumerate(values)])
    assert [str(problem) for problem in result.problems] == []
    return result


def told(*values: Value) -> list[tuple[str, str]]:
    return [(problem.field, problem.message) for problem in missing_names(loaded(*values).objects)]


def env(field: str, **reference: Any) -> Value:
    return {"env": [{"name": "A", "valueFrom": {field: reference}}]}


def volume(**source: Any) -> Value:
    return {"volumes": [{"name": "v", **source}]}


AT = "spec.containers[0].env[0].valueFrom"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(
            pod(**env("configMapKeyRef", name="app-cofig", key="k")),
            (f"{AT}.configMapKeyRef.name", 'configmap "app-cofig" is not in the input, did you mean "app-config"?'),
            id="a ConfigMap",
        ),
        pytest.param(
            pod(**env("configMapKeyRef", name="app-config", key="levle")),
            (f"{AT}.configMapKeyRef.key", 'configmap "app-config" has no key "levle", did you mean "level"?'),
            id="a key",
        ),
        pytest.param(
            pod(**env("secretKeyRef", name="creds", key="zzz")),
            (f"{AT}.secretKeyRef.key", 'secret "creds" has no key "zzz"'),
            id="a key that is like none",
        ),
        pytest.param(
            pod(envFrom=[{"secretRef": {"name": "cred"}}]),
            (
                "spec.containers[0].envFrom[0].secretRef.name",
                'secret "cred" is not in the input, did you mean "creds"?',
            ),
            id="all of a Secret",
        ),
        pytest.param(
            pod(volume(configMap={"name": "x"})),
            ("spec.volumes[0].configMap.name", 'configmap "x" is not in the input'),
            id="a volume",
        ),
        pytest.param(
            pod(volume(configMap={"name": "app-config", "items": [{"key": "lvl", "path": "p"}]})),
            (
                "spec.volumes[0].configMap.items[0].key",
                'configmap "app-config" has no key "lvl", did you mean "level"?',
            ),
            id="an item",
        ),
        pytest.param(
            pod(volume(secret={"secretName": "x"})),
            ("spec.volumes[0].secret.secretName", 'secret "x" is not in the input'),
            id="a volume of a Secret",
        ),
        pytest.param(
            pod(volume(projected={"sources": [{"secret": {"name": "x"}}]})),
            ("spec.volumes[0].projected.sources[0].secret.name", 'secret "x" is not in the input'),
            id="a projected source",
        ),
        pytest.param(
            pod(volume(persistentVolumeClaim={"claimName": "dta"})),
            (
                "spec.volumes[0].persistentVolumeClaim.claimName",
                'persistentvolumeclaim "dta" is not in the input, did you mean "data"?',
            ),
            id="a claim",
        ),
        pytest.param(
            pod({"imagePullSecrets": [{"name": "x"}]}),
            ("spec.imagePullSecrets[0].name", 'secret "x" is not in the input'),
            id="a pull secret",
        ),
        pytest.param(
            pod({"serviceAccountName": "shpo"}),
            ("spec.serviceAccountName", 'serviceaccount "shpo" is not in the input, did you mean "shop"?'),
            id="an account",
        ),
        pytest.param(
            pod({"serviceAccount": "x", "imagePullSecrets": [{}]}),
            ("spec.serviceAccountName", 'serviceaccount "x" is not in the input'),
            id="an account by its old field",
        ),
        pytest.param(
            pod({"initContainers": [{"name": "i", "image": "a", "envFrom": [{"configMapRef": {"name": "x"}}]}]}),
            ("spec.initContainers[0].envFrom[0].configMapRef.name", 'configmap "x" is not in the input'),
            id="an init container's",
        ),
        pytest.param(
            pod(readinessProbe={"httpGet": {"port": "htpp"}}),
            (
                "spec.containers[0].readinessProbe.httpGet.port",
                'container "main" has no port named "htpp", did you mean "http"?',
            ),
            id="a probe's port",
        ),
        pytest.param(
            pod(lifecycle={"preStop": {"tcpSocket": {"port": "x"}}}),
            ("spec.containers[0].lifecycle.preStop.tcpSocket.port", 'container "main" has no port named "x"'),
            id="a hook's port",
        ),
    ],
)
def test_a_name_that_is_nowhere_is_warned_of_with_the_nearest_one(value: Value, expected: tuple[str, str]) -> None:
    assert told(CONFIG, SECRET, CLAIM, ACCOUNT, value) == [expected]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(pod(**env("configMapKeyRef", name="app-config", key="level")), id="a key that is there"),
        pytest.param(pod(**env("configMapKeyRef", name="x", key="k", optional=True)), id="an optional key"),
        pytest.param(pod(envFrom=[{"configMapRef": {"name": "x", "optional": True}}]), id="an optional ConfigMap"),
        pytest.param(pod(volume(secret={"secretName": "x", "optional": True})), id="an optional volume"),
        pytest.param(pod(**env("fieldRef", fieldPath="metadata.name")), id="another source"),
        pytest.param(pod(volume(configMap={"name": "kube-root-ca.crt"})), id="what every namespace has"),
        pytest.param(pod({"serviceAccountName": "default"}), id="the default account"),
        pytest.param(pod({"serviceAccountName": "shop"}), id="an account"),
        pytest.param(pod(**env("secretKeyRef", name="tok", key="token")), id="a key that a controller makes"),
        pytest.param(pod(livenessProbe={"httpGet": {"port": "http"}}), id="a port by its name"),
        pytest.param(pod(livenessProbe={"tcpSocket": {"port": 8080}}), id="a port by its number"),
        pytest.param(pod(livenessProbe={"exec": {"command": ["a"]}}), id="no port"),
        pytest.param(pod(volume(emptyDir={})), id="no name at all"),
    ],
)
def test_what_is_there_or_need_not_be_is_not_warned_of(value: Value) -> None:
    objects = loaded(CONFIG, SECRET, TOKEN, ACCOUNT, value).objects
    assert (missing_names(objects), needs(objects)) == ((), ())


@pytest.mark.parametrize(
    ("selector", "target", "expected"),
    [
        pytest.param(
            {"app": "web"},
            "htp",
            ['no pod that service "s" selects has a port named "htp", did you mean "http"?'],
            id="unknown",
        ),
        pytest.param({"app": "web"}, "http", [], id="known"),
        pytest.param({"app": "web"}, 8080, [], id="a number"),
        pytest.param({"app": "elsewhere"}, "htp", [], id="its pods are not in the input"),
        pytest.param(None, "htp", [], id="without a selector"),
    ],
)
def test_named_targets_of_services_are_looked_for_in_the_pods_they_select(
    selector: Value | None, target: str | int, expected: list[str]
) -> None:
    spec = {"ports": [{"port": 80, "targetPort": target}, {"port": 81, "name": "b"}], "selector": selector}
    spec["ports"][0]["name"] = "a"  # type: ignore[index]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}
    assert [
        text for _, text in told(service, pod({"initContainers": [{"name": "i", "image": "a"}]}), CONFIG)
    ] == expected


def workload(kind: str, template: Value) -> Value:
    metadata = {"name": "w"}
    if kind == "CronJob":
        job = {"template": {"spec": {**template, "restartPolicy": "Never"}}}
        spec: Value = {"schedule": "* * * * *", "jobTemplate": {"spec": job}}
        return {"apiVersion": "batch/v1", "kind": kind, "metadata": metadata, "spec": spec}
    labels = {"app": "w"}
    spec = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": template}}
    if kind == "StatefulSet":
        template = {**CLAIM, "metadata": {"name": "v"}}
        spec |= {"serviceName": "w", "volumeClaimTemplates": [{k: template[k] for k in ("metadata", "spec")}]}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("Deployment", "spec.template.spec.volumes[0].configMap.name"),
        ("CronJob", "spec.jobTemplate.spec.template.spec.volumes[0].configMap.name"),
    ],
)
def test_templates_are_looked_at_too(kind: str, path: str) -> None:
    spec = pod(volume(configMap={"name": "x"}))["spec"]
    assert told(workload(kind, spec)) == [(path, 'configmap "x" is not in the input')]


def test_the_claims_that_a_stateful_set_makes_are_there() -> None:
    assert told(workload("StatefulSet", pod(volume(persistentVolumeClaim={"claimName": "v-w-0"}))["spec"])) == []
    other = pod({"volumes": [{"name": "o", "persistentVolumeClaim": {"claimName": "v-w-0"}}]})
    assert told(workload("StatefulSet", pod()["spec"]), other) == []


def test_a_place_is_that_of_the_name_and_a_name_is_warned_of_once() -> None:
    text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: a\n    image: a\n    envFrom:\n"
    text += "    - configMapRef:\n        name: x\n    - configMapRef: {name: x}\n"
    result = load([Source(name="f", text=text)])
    assert [(p.line, p.column) for p in missing_names(result.objects)] == [(10, 15)]


def test_what_comes_from_outside_is_listed_with_its_keys_and_users() -> None:
    first = pod(**env("configMapKeyRef", name="x", key="b"), envFrom=[{"configMapRef": {"name": "x"}}])
    first["spec"]["containers"].append({**first["spec"]["containers"][0], "name": "two", "ports": []})
    elsewhere = pod(namespace="other", **env("configMapKeyRef", name="app-config", key="a"))
    values = (
        CONFIG,
        first,
        elsewhere,
        workload("Deployment", pod(**env("configMapKeyRef", name="x", key="c"))["spec"]),
    )
    assert [str(need) for need in needs(loaded(*values).objects)] == [
        "configmap default/x (b, c) for pod/web, deployment/w",
        "configmap other/app-config (a) for pod/web",
    ]
