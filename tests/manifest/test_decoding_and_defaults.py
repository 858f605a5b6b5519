"""Strict decoding, hints, defaults and checks that the recorded cases do not show."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.manifest import LoadResult, Source, load

HEAD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n"


def loaded(spec: str) -> LoadResult:
    return load([Source(name="f", text=HEAD + spec)])


def spec_of(spec: str) -> dict[str, Any]:
    result = loaded(spec)
    assert [str(problem) for problem in result.problems] == []
    value: dict[str, Any] = result.objects[0].value["spec"]
    return value


def container_of(fields: str) -> dict[str, Any]:
    container: dict[str, Any] = spec_of(f"  containers: [{{name: a, image: nginx, {fields}}}]\n")["containers"][0]
    return container


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.27", "IfNotPresent"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:abc", "IfNotPresent"),
        (f"nginx:latest@sha256:{'a' * 64}", "Always"),
        ("nginx:latest@sha256:abc", "IfNotPresent"),
        ("nginx:1@sha256:abc", "IfNotPresent"),
    ],
)
def test_the_pull_policy_follows_the_tag(image: str, policy: str) -> None:
    assert spec_of(f"  containers: [{{name: a, image: '{image}'}}]\n")["containers"][0]["imagePullPolicy"] == policy


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("1000m", "1"),
        ("0.5", "500m"),
        ("1024Mi", "1Gi"),
        ("1e3", "1k"),
        ("100u", "1m"),
        ("0Mi", "0"),
        ("'1.5Gi'", "1536Mi"),
    ],
)
def test_quantities_are_stored_in_canonical_form_and_requests_follow_limits(written: str, stored: str) -> None:
    resources = container_of(f"resources: {{limits: {{cpu: {written}}}}}")["resources"]
    assert resources == {"limits": {"cpu": stored}, "requests": {"cpu": stored}}


def test_empty_values_are_dropped_and_pointers_keep_theirs() -> None:
    container = container_of(
        "args: [], stdin: false, workingDir: '', securityContext: {runAsUser: 0, privileged: false}, env: [{name: A, value: ''}]"
    )
    assert "args" not in container
    assert "stdin" not in container
    assert "workingDir" not in container
    assert container["securityContext"] == {"privileged": False, "runAsUser": 0}
    assert container["env"] == [{"name": "A"}]


def test_templates_get_the_shared_defaults_but_not_those_of_pods() -> None:
    text = """
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: r}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec:
      hostNetwork: true
      containers: [{name: a, image: nginx, ports: [{containerPort: 80, hostPort: 80}], resources: {limits: {cpu: 1}}}]
"""
    result = load([Source(name="f", text=text)])
    assert result.ok
    spec = result.objects[0].value["spec"]["template"]["spec"]
    assert "enableServiceLinks" not in spec
    assert spec["containers"][0]["resources"] == {"limits": {"cpu": "1"}}
    assert spec["dnsPolicy"] == "ClusterFirst"


def test_secret_text_is_encoded_over_data_and_never_shown() -> None:
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: YQ==, b: Yg==}\nstringData: {b: new}\n"
    secret = load([Source(name="f", text=text)]).objects[0].value
    assert secret["data"] == {"a": "YQ==", "b": "bmV3"}
    assert "stringData" not in secret
    bad = text.replace("YQ==", "7777777777").replace("new", "123456789")
    found = "\n".join(f"{problem}{problem.detail}" for problem in load([Source(name="f", text=bad)]).problems)
    assert "illegal" not in found
    assert "quote it" in found
    assert "777" not in found
    assert "123" not in found


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (
            "  initContainer: []\n  containers: [{name: a, image: b}]\n",
            'unknown field "spec.initContainer", did you mean "initContainers"?',
        ),
        (
            "  containers: [{name: a, image: b, working_dir: /}]\n",
            'unknown field "spec.containers[0].working_dir", did you mean "workingDir"?',
        ),
        (
            "  containers: [{name: a, image: b, runAsUser: 1}]\n",
            'unknown field "spec.containers[0].runAsUser", did you mean "securityContext.runAsUser"?',
        ),
        ("  containers: [{name: a, image: b, zzz: 1}]\n", 'unknown field "spec.containers[0].zzz"'),
        (
            "  terminationGracePeriodSeconds: '5'\n  containers: [{name: a, image: b}]\n",
            "json: cannot unmarshal string into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64 "
            "(write a number without quotes)",
        ),
        (
            "  containers: [{name: a, image: b, command: sh -c x}]\n",
            "json: cannot unmarshal string into Go struct field Container.spec.containers.command of type []string "
            "(a list is wanted: start each item with a dash)",
        ),
        (
            "  containers: [{name: a, image: b, resources: {limits: {memory: 1 gib}}}]\n",
            '"1 gib" is not a quantity (did you mean "1Gi"?): quantities must match the regular expression '
            "'^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
    ],
)
def test_hints_say_what_was_probably_meant(spec: str, expected: str) -> None:
    assert [problem.message for problem in loaded(spec).problems] == [expected]


def test_a_value_that_cannot_be_read_causes_no_second_complaint() -> None:
    """Not "Required value" as well, for the field, its parts, or the name that was probably meant."""
    assert [problem.field for problem in loaded("  containers: text\n").problems] == ["spec.containers"]
    assert [problem.field for problem in loaded("  contaniers: []\n").problems] == ["spec.contaniers"]


def test_unknown_fields_and_invalid_values_come_together() -> None:
    result = loaded("  restartPolicy: Sometimes\n  containers: [{name: a, image: b, foo: 1}]\n")
    assert [(problem.type.value, problem.field) for problem in result.problems] == [
        ("NotSupported", "spec.restartPolicy"),
        ("Decode", "spec.containers[0].foo"),
    ]


def test_sidecars_may_have_probes_and_hooks_and_their_ports_do_not_clash() -> None:
    spec_of(
        """\
  initContainers:
    - name: side
      image: busybox
      restartPolicy: Always
      ports: [{containerPort: 1, hostPort: 1}]
      lifecycle: {preStop: {sleep: {seconds: 30}}}
      livenessProbe: {tcpSocket: {port: 1}}
  containers: [{name: a, image: b, ports: [{containerPort: 2, hostPort: 1}]}]
"""
    )


def test_the_place_of_an_error_in_the_third_init_container_is_right_though_the_servers_path_says_the_first() -> None:
    result = loaded(
        """\
  initContainers:
    - {name: first, image: b}
    - {name: second, image: b}
    - name: third
      image: b
      ports:
        - {containerPort: 1, hostPort: 1}
        - {containerPort: 2, hostPort: 1}
  containers: [{name: a, image: b}]
"""
    )
    (problem,) = result.problems
    assert (problem.field, problem.line) == ("spec.initContainers[0].ports[1].hostPort", 12)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("2025-02-30T00:00:00Z", "day"),
        ("2025-13-01T00:00:00Z", "month"),
        ("2025-01-01T24:00:00Z", "hour"),
        ("2025-01-01T00:60:00Z", "minute"),
    ],
)
def test_impossible_times_are_refused(text: str, part: str) -> None:
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a, creationTimestamp: '{text}'}}\n"
    (problem,) = load([Source(name="f", text=manifest)]).problems
    assert problem.message == f'parsing time "{text}": {part} out of range'


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ("  os: {name: plan9}\n", ["spec.os"]),
        (
            "  os: {name: windows}\n  hostPID: true\n  securityContext: {runAsUser: 1}\n",
            ["spec.hostPID", "spec.securityContext.runAsUser"],
        ),
        ("  os: {name: linux}\n  securityContext: {windowsOptions: {}}\n", ["spec.securityContext.windowsOptions"]),
        ("  dnsPolicy: None\n", ["spec.dnsConfig"]),
        ("  hostNetwork: true\n  hostnameOverride: a\n", ["spec.hostnameOverride"]),
        ("  hostUsers: false\n  hostIPC: true\n", ["spec.HostIPC"]),
        ("  schedulingGates: [{name: a}, {name: a}]\n", ["spec.schedulingGates[1]"]),
        (
            "  affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: []}}}\n",
            ["spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"],
        ),
        (
            "  volumes: [{name: v, projected: {sources: [{serviceAccountToken: {expirationSeconds: 5}}]}}]\n",
            [
                "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds",
                "spec.volumes[0].projected.path",
                "spec.volumes[0].projected.sources[0].serviceAccountToken",
            ],
        ),
        ("  volumes: [{name: v, nfs: {server: s, path: relative}}]\n", ["spec.volumes[0].nfs.path"]),
        ("  volumes: [{name: v, emptyDir: {sizeLimit: -1Gi}}]\n", ["spec.volumes[0].emptyDir.sizeLimit"]),
    ],
)
def test_checks_beyond_the_recorded_cases(spec: str, expected: list[str]) -> None:
    result = loaded(spec + "  containers: [{name: a, image: b}]\n")
    fields = [problem.field for problem in sorted(result.problems, key=lambda problem: problem.order)]
    assert fields == expected
