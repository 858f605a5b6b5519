"""What becomes of a pod between its text and the store: defaults, what is dropped or merged, warnings, decode errors."""

# ruff: noqa: E501 - the server's sentences are as long as they are

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.core.manifest import LoadResult, ProblemType, Source, load
from runner.core.manifest.answer import server_status


def loaded(fields: str, metadata: str = "name: web", containers: str = "[{name: a, image: b}]") -> LoadResult:
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{{metadata}}}, spec: {{containers: {containers}, {fields}}}}}"
    return load([Source(name="f", text=text)])


def spec_of(fields: str, metadata: str = "name: web", containers: str = "[{name: a, image: b}]") -> dict[str, Any]:
    result = loaded(fields, metadata, containers)
    assert [str(problem) for problem in result.problems] == []
    return dict(result.objects[0].value["spec"])


def template_of(template: str) -> dict[str, Any]:
    result = load(
        [
            Source(
                name="f",
                text=f"{{apiVersion: v1, kind: PodTemplate, metadata: {{name: web}}, template: {{{template}}}}}",
            )
        ]
    )
    assert [str(problem) for problem in result.problems] == []
    return dict(result.objects[0].value["template"])


def test_a_negative_grace_of_a_pod_is_stored_as_one_and_a_templates_is_kept() -> None:
    result = loaded("terminationGracePeriodSeconds: -5")
    assert result.objects[0].value["spec"]["terminationGracePeriodSeconds"] == 1
    assert result.warnings == ()
    assert (
        template_of("spec: {terminationGracePeriodSeconds: -5, containers: [{name: a, image: b}]}")["spec"][
            "terminationGracePeriodSeconds"
        ]
        == -5
    )


ARMOR = "container.apparmor.security.beta.kubernetes.io/a"
PROFILES = [
    ("unconfined", "", {"type": "Unconfined"}),
    ("runtime/default", "", {"type": "RuntimeDefault"}),
    ("localhost/x", "", {"type": "Localhost", "localhostProfile": "x"}),
    ("localhost/", "", None),
    ("localhost/ x", "", None),
    (f"localhost/{'x' * 4096}", "", None),
    # What the pod's own profile says already is not repeated.
    ("unconfined", "securityContext: {appArmorProfile: {type: Unconfined}}", None),
]


@pytest.mark.parametrize(
    ("annotation", "fields", "profile"), PROFILES, ids=[row[0][:14] + row[1][:8] for row in PROFILES]
)
def test_an_old_annotation_about_app_armor_becomes_a_field(
    annotation: str, fields: str, profile: dict[str, str] | None
) -> None:
    result = loaded(fields, f"name: web, annotations: {{{ARMOR}: '{annotation}'}}")
    container = result.objects[0].value["spec"]["containers"][0]
    assert container.get("securityContext", {}).get("appArmorProfile") == profile
    told = [f"{warning.field}: {warning.message}" for warning in result.warnings]
    text = f'metadata.annotations[{ARMOR}]: deprecated since v1.30; use the "appArmorProfile" field instead'
    assert told == ([] if fields else [text])


def test_an_old_annotation_beside_a_field_and_one_of_windows_change_nothing() -> None:
    own = "[{name: a, image: b, securityContext: {appArmorProfile: {type: Unconfined}}}]"
    assert spec_of("", f"name: web, annotations: {{{ARMOR}: unconfined}}", own)["containers"][0]["securityContext"] == {
        "appArmorProfile": {"type": "Unconfined"}
    }
    windows = spec_of("os: {name: windows}", f"name: web, annotations: {{{ARMOR}: unconfined}}")
    assert "securityContext" not in windows["containers"][0]


def test_annotations_of_the_time_before_init_containers_go() -> None:
    result = loaded("", "name: web, annotations: {pod.beta.kubernetes.io/init-containers: '[]', a: b}")
    assert result.objects[0].value["metadata"]["annotations"] == {"a": "b"}
    assert (
        "annotations"
        not in template_of(
            "metadata: {annotations: {pod.alpha.kubernetes.io/init-container-statuses: x}}, spec: {containers: [{name: a, image: b}]}"
        )["metadata"]
    )


def test_the_labels_of_match_label_keys_are_merged_into_selectors() -> None:
    spec = spec_of(
        "affinity: {podAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, podAffinityTerm: {topologyKey: t, labelSelector: {}, matchLabelKeys: [app, none]}}]}, "
        "podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: t, labelSelector: {matchExpressions: [{key: k, operator: Exists}]}, mismatchLabelKeys: [app]}]}}, "
        "topologySpreadConstraints: [{maxSkew: 1, topologyKey: t, whenUnsatisfiable: DoNotSchedule, labelSelector: {}, matchLabelKeys: [app]}]",
        "name: web, labels: {app: x}",
    )
    wanted = {"key": "app", "operator": "In", "values": ["x"]}
    affinity = spec["affinity"]
    assert affinity["podAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"][
        "labelSelector"
    ] == {"matchExpressions": [wanted]}
    anti = affinity["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]["labelSelector"]
    assert anti == {"matchExpressions": [{"key": "k", "operator": "Exists"}, {**wanted, "operator": "NotIn"}]}
    assert spec["topologySpreadConstraints"][0]["labelSelector"] == {"matchExpressions": [wanted]}


def test_a_stop_signal_and_a_scheduling_group_are_dropped_with_a_word() -> None:
    containers = "[{name: a, image: b, lifecycle: {stopSignal: SIGUSR1}}, {name: c, image: b, lifecycle: {stopSignal: SIGUSR1, preStop: {sleep: {seconds: 1}}}}, {name: d, image: b, lifecycle: {}}]"
    result = loaded("schedulingGroup: {podGroupName: g}", containers=containers)
    spec = result.objects[0].value["spec"]
    assert "schedulingGroup" not in spec
    assert [container.get("lifecycle") for container in spec["containers"]] == [
        None,
        {"preStop": {"sleep": {"seconds": 1}}},
        {},
    ]
    assert [warning.field for warning in result.warnings] == [
        "spec.containers[0].lifecycle.stopSignal",
        "spec.containers[1].lifecycle.stopSignal",
        "spec.schedulingGroup",
    ]


CLUSTERS = [
    (
        "priorityClassName: gold",
        ['spec.priorityClassName: only a cluster knows the PriorityClass "gold": here the pod has no priority'],
    ),
    ("priorityClassName: system-node-critical", []),
    (
        "priority: 5",
        ["spec.priority: only a cluster knows priorities, and takes them from PriorityClasses: here it is only shown"],
    ),
    ("priority: 0", []),
    (
        "runtimeClassName: gvisor, overhead: {cpu: 1}",
        [
            'spec.runtimeClassName: only a cluster knows the RuntimeClass "gvisor": here the Engine\'s default runtime runs every container'
        ],
    ),
    # What is refused is not advised on.
    ("runtimeClassName: gvisor, hostname: A_", []),
]


@pytest.mark.parametrize(("fields", "notes"), CLUSTERS, ids=[row[0] for row in CLUSTERS])
def test_what_only_a_cluster_knows_is_not_refused_but_told_of(fields: str, notes: list[str]) -> None:
    result = loaded(fields)
    assert [f"{warning.field}: {warning.message}" for warning in result.warnings] == notes
    assert result.ok == ("A_" not in fields)


def test_templates_are_told_of_too() -> None:
    job = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: a}, spec: {schedule: '* * * * *', jobTemplate: {spec: {template: {spec: {restartPolicy: Never, runtimeClassName: r, containers: [{name: a, image: b}]}}}}}}"
    controller = "{apiVersion: v1, kind: ReplicationController, metadata: {name: a}, spec: {selector: {a: b}}}"
    template = "{apiVersion: v1, kind: PodTemplate, metadata: {name: a}, template: {spec: {runtimeClassName: r, containers: [{name: a, image: b}]}}}"
    fields = [
        [warning.field for warning in load([Source(name="f", text=text)]).warnings]
        for text in (job, controller, template)
    ]
    assert fields == [["spec.jobTemplate.spec.template.spec.runtimeClassName"], [], ["template.spec.runtimeClassName"]]


def test_a_foreign_namespace_is_told_of_once_and_one_among_the_objects_never() -> None:
    maps = [
        f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}, namespace: {namespace}}}}}"
        for name, namespace in (
            ("a", "shop"),
            ("b", "shop"),
            ("c", "kube-system"),
            ("d", "own"),
            ("e", "made"),
            ("f", "A_"),
        )
    ]
    text = "\n---\n".join([*maps, "{apiVersion: v1, kind: Namespace, metadata: {name: made}}"])
    result = load([Source(name="f", text=text)], namespace="own")
    assert [(warning.line, warning.message) for warning in result.warnings] == [
        (1, 'only a cluster knows the namespace "shop": here it exists as soon as something is in it')
    ]


POD_LEVEL = [
    # Without limits nothing is made up.
    ("resources: {requests: {cpu: 1}}", {"limits": {"memory": "1Gi"}}, {"requests": {"cpu": "1"}}),
    (
        "resources: {limits: {cpu: 1}}",
        {"requests": {"memory": "1Gi", "ephemeral-storage": "1"}},
        {"limits": {"cpu": "1"}, "requests": {"memory": "1Gi", "cpu": "1"}},
    ),
    (
        "resources: {limits: {cpu: 1}}",
        {"limits": {"hugepages-2Mi": "4Mi", "cpu": "500m"}},
        {"limits": {"cpu": "1", "hugepages-2Mi": "4Mi"}, "requests": {"cpu": "500m", "hugepages-2Mi": "4Mi"}},
    ),
    (
        "resources: {limits: {hugepages-2Mi: 8Mi, cpu: 1}}",
        {"limits": {"hugepages-2Mi": "4Mi", "cpu": "1"}},
        {"limits": {"cpu": "1", "hugepages-2Mi": "8Mi"}, "requests": {"cpu": "1", "hugepages-2Mi": "8Mi"}},
    ),
]


@pytest.mark.parametrize(("fields", "own", "wanted"), POD_LEVEL, ids=[row[0] + str(row[1])[:40] for row in POD_LEVEL])
def test_resources_of_a_pod_come_from_its_containers_where_there_are_limits(
    fields: str, own: dict[str, Any], wanted: dict[str, Any]
) -> None:
    containers = json.dumps([{"name": "a", "image": "b", "resources": own}])
    assert spec_of(fields, containers=containers)["resources"] == wanted


def test_only_claims_on_their_own_get_both_names_of_their_source() -> None:
    claim = "accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}, dataSource: {kind: PersistentVolumeClaim, name: c}"
    (volume,) = spec_of(f"volumes: [{{name: v, ephemeral: {{volumeClaimTemplate: {{spec: {{{claim}}}}}}}}}]")["volumes"]
    source = {"apiGroup": None, "kind": "PersistentVolumeClaim", "name": "c"}
    stored = volume["ephemeral"]["volumeClaimTemplate"]["spec"]
    assert stored["dataSource"] == source
    assert "dataSourceRef" not in stored
    both = claim.replace("dataSource:", "dataSourceRef:")
    for spec, names in (
        (claim, {"dataSource", "dataSourceRef"}),
        (both, {"dataSource", "dataSourceRef"}),
        (both.replace("name: c", "name: c, namespace: n1"), set()),
    ):
        text = f"{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: a}}, spec: {{{spec}}}}}"
        value = load([Source(name="f", text=text)]).objects[0].value["spec"]
        assert {name for name in value if name.startswith("dataSource")} == names
        assert all({key: value[name][key] for key in source} == source for name in names)


C = "spec.containers[0]"
SPREAD = "maxSkew: 1, topologyKey: {key}, whenUnsatisfiable: DoNotSchedule"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
NULL = "a null labelSelector results in matching no pod"
SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
WARNINGS = [
    (
        "old labels of nodes",
        "nodeSelector: {beta.kubernetes.io/os: linux}",
        "",
        ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
    ),
    (
        "old labels in affinity",
        f"affinity: {{nodeAffinity: {{{REQUIRED}: {{nodeSelectorTerms: [{{matchExpressions: [{{key: node-role.kubernetes.io/master, operator: Exists}}]}}]}}, {PREFERRED}: [{{weight: 1, preference: {{matchExpressions: [{{key: a, operator: In, values: ['b_']}}]}}}}]}}}}",
        "",
        [
            f'spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0].key: node-role.kubernetes.io/master is use "node-role.kubernetes.io/control-plane" instead',
            f"spec.affinity.nodeAffinity.{PREFERRED}[0].preference.matchExpressions[0].values[0]: b_ is invalid, a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
        ],
    ),
    (
        "a spread over nothing",
        f"topologySpreadConstraints: [{{{SPREAD.format(key='failure-domain.beta.kubernetes.io/zone')}}}]",
        "",
        [
            'spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
            f"spec.topologySpreadConstraints[0].labelSelector: {NULL}",
        ],
    ),
    (
        "terms without selectors",
        f"affinity: {{podAffinity: {{{REQUIRED}: [{{topologyKey: t}}], {PREFERRED}: [{{weight: 1, podAffinityTerm: {{topologyKey: t}}}}]}}}}",
        "",
        [
            f"spec.affinity.podAffinity.{REQUIRED}[0].labelSelector: {NULL}",
            f"spec.affinity.podAffinity.{PREFERRED}[0].podAffinityTerm.labelSelector: {NULL}",
        ],
    ),
    (
        "old annotations",
        "",
        "annotations: {scheduler.alpha.kubernetes.io/critical-pod: '', seccomp.security.alpha.kubernetes.io/pod: unconfined, container.seccomp.security.alpha.kubernetes.io/a: unconfined}",
        [
            'metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the "priorityClassName" field instead',
            f"metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: {SECCOMP}",
            f"metadata.annotations[container.seccomp.security.alpha.kubernetes.io/a]: {SECCOMP}",
        ],
    ),
    (
        "names twice",
        "hostAliases: [{ip: 1.1.1.1}, {ip: 1.1.1.1}], imagePullSecrets: [{name: s}, {name: s}]",
        "",
        ['spec.hostAliases[1].ip: duplicate ip "1.1.1.1"', 'spec.imagePullSecrets[1].name: duplicate name "s"'],
    ),
    (
        "a part of a byte",
        "runtimeClassName: r, overhead: {memory: 500m}",
        "",
        ['spec.overhead[memory]: fractional byte value "500m" is invalid, must be an integer'],
    ),
    (
        "an ephemeral claim's part of a byte",
        "volumes: [{name: v, ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1500m}}}}}}]",
        "",
        [
            'spec.volumes[0].ephemeral.volumeClaimTemplate.spec.resources.requests[storage]: fractional byte value "1500m" is invalid, must be an integer'
        ],
    ),
    (
        "more bytes than 64 bits can count thousandths of",
        "runtimeClassName: r, overhead: {memory: 16Ei, ephemeral-storage: 9223372036854775808}",
        "",
        [],
    ),
    (
        "unusual addresses",
        "dnsConfig: {nameservers: ['2001:DB8::1', 1.1.1.1, '::1']}",
        "",
        [
            'spec.dnsConfig.nameservers[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")'
        ],
    ),
    (
        "files in each other's way",
        "volumes: [{name: v, configMap: {name: c, items: [{key: a, path: x}, {key: b, path: x/y}, {key: c, path: z}]}}, {name: w, secret: {secretName: s, items: [{key: a, path: x/}, {key: b, path: x}]}}, {name: d, downwardAPI: {items: [{path: p, fieldRef: {fieldPath: metadata.name}}, {path: p/q, fieldRef: {fieldPath: metadata.name}}]}}]",
        "",
        [
            'volume "v" (ConfigMap "c"): overlapping paths: "x/y" with "x"',
            'volume "w" (Secret "s"): overlapping paths: "x" with "x"',
            'volume "d" (DownwardAPI): overlapping paths: "p/q" with "p"',
        ],
    ),
    (
        "files of several sources",
        "serviceAccountName: x, volumes: [{name: v, projected: {sources: [{secret: {name: s, items: [{key: k, path: a/b}]}}, {downwardAPI: {items: [{path: c, fieldRef: {fieldPath: metadata.name}}]}}, {serviceAccountToken: {path: a}}, {configMap: {name: m}}]}}]",
        "",
        ['volume "v" (Projected): overlapping paths: "a" (ServiceAccountToken) with "a/b" (Secret "s")'],
    ),
]


@pytest.mark.parametrize(("fields", "metadata", "wanted"), [r[1:] for r in WARNINGS], ids=[r[0] for r in WARNINGS])
def test_warnings(fields: str, metadata: str, wanted: list[str]) -> None:
    result = loaded(fields, f"name: web, {metadata}")
    assert [str(problem) for problem in result.problems] == []
    told = sorted(result.warnings, key=lambda warning: warning.order)
    texts = [f"{warning.field}: {warning.message}" if warning.field else warning.message for warning in told]
    assert [text for text in texts if "only a cluster knows" not in text] == wanted


PORTS = [
    (
        "{containerPort: 1, hostIP: 1.1.1.1, name: n1}",
        "",
        [
            f"{C}.ports[0]: hostIP set without hostPort: {{Name:n1 HostPort:0 ContainerPort:1 Protocol:TCP HostIP:1.1.1.1}}"
        ],
    ),
    ("{containerPort: 1}", "{containerPort: 1}", [f"{C}.ports[1]: duplicate port definition with {C}.ports[0]"]),
    (
        "{containerPort: 1}",
        "{containerPort: 1, hostPort: 5}",
        [f"{C}.ports[1]: overlapping port definition with {C}.ports[0]"],
    ),
    (
        "{containerPort: 1, hostPort: 5}",
        "{containerPort: 1, hostPort: 5, hostIP: 1.1.1.1}",
        [f"{C}.ports[1]: dangerously ambiguous port definition with {C}.ports[0]"],
    ),
    ("{containerPort: 1, hostPort: 5}", "{containerPort: 1, hostPort: 6}", []),
    ("{containerPort: 1}", "{containerPort: 1, protocol: UDP}", []),
]


@pytest.mark.parametrize(("first", "second", "wanted"), PORTS, ids=[row[0] + row[1] for row in PORTS])
def test_warnings_about_ports(first: str, second: str, wanted: list[str]) -> None:
    result = loaded("", containers=f"[{{name: a, image: b, ports: [{first}{', ' if second else ''}{second}]}}]")
    assert [f"{warning.field}: {warning.message}" for warning in result.warnings] == wanted


def test_a_variable_hides_another_one_unless_it_builds_on_it() -> None:
    env = "[{name: A, value: x}, {name: A, value: '$(A):b'}, {name: A, value: '$(A)'}, {name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]"
    result = loaded("", containers=f"[{{name: a, image: b, env: {env}}}]")
    assert [warning.field for warning in result.warnings] == [f"{C}.env[2]", f"{C}.env[3]"]


def test_a_templates_old_annotation_is_told_of_unless_the_pods_profile_says_the_same() -> None:
    def told(context: str, own: str = "{}") -> list[str]:
        text = f"{{apiVersion: v1, kind: PodTemplate, metadata: {{name: web}}, template: {{metadata: {{annotations: {{{ARMOR}: unconfined}}}}, spec: {{securityContext: {context}, containers: [{{name: a, image: b, securityContext: {own}}}]}}}}}}"
        return [warning.field for warning in load([Source(name="f", text=text)]).warnings]

    assert told("{}") == [f"template.metadata.annotations[{ARMOR}]"]
    assert told("{appArmorProfile: {type: RuntimeDefault}}", "{appArmorProfile: {type: Unconfined}}") == []
    assert told("{appArmorProfile: {type: Unconfined}}") == []


DECODED = [
    (
        "spec: {containers: [{name: a, image: b, resources: {limits: [a]}}]}",
        "json: cannot unmarshal array into Go struct field ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
    ),
    (
        "spec: {overhead: 5, containers: []}",
        "json: cannot unmarshal number into Go struct field PodSpec.spec.overhead of type v1.ResourceList",
    ),
    (
        "spec: {nodeSelector: a, containers: []}",
        "json: cannot unmarshal string into Go struct field PodSpec.spec.nodeSelector of type map[string]string",
    ),
    (
        "spec: {topologySpreadConstraints: [{nodeTaintsPolicy: 1}], containers: []}",
        "json: cannot unmarshal number into Go struct field TopologySpreadConstraint.spec.topologySpreadConstraints.nodeTaintsPolicy of type v1.NodeInclusionPolicy",
    ),
    (
        "spec: {activeDeadlineSeconds: 18446744073709551615, containers: []}",
        "json: cannot unmarshal number 18446744073709552000 into Go struct field PodSpec.spec.activeDeadlineSeconds of type int64",
    ),
    # A quantity ends the reading, so it is told of before what stands before it.
    (
        "spec: {containers: [{name: a, image: b, args: x, resources: {limits: {cpu: x}}}]}",
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ),
    (
        "spec: {containers: [{name: a, image: b, args: x, livenessProbe: {httpGet: {port: {}}}}]}",
        "json: cannot unmarshal object into Go struct field HTTPGetAction.spec.containers.livenessProbe.ProbeHandler.httpGet.port of type int32",
    ),
    # A type is told of before any unknown field, the first of two before the second.
    (
        "spec: {containers: [{name: a, image: b, aaa: x, args: x, tty: x}]}",
        "json: cannot unmarshal string into Go struct field Container.spec.containers.args of type []string",
    ),
    # kubectl reads metadata on its own first.
    (
        "metadata: {name: 5}, spec: {containers: [{name: a, args: x, resources: {limits: {cpu: x}}}]}",
        "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.name of type string",
    ),
    (
        "metadata: {name: 5, creationTimestamp: 2026-01-02}, spec: {containers: []}",
        'parsing time "2026-01-02" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"',
    ),
]


@pytest.mark.parametrize(("fields", "sentence"), DECODED, ids=[row[0][:60] for row in DECODED])
def test_who_tells_of_a_wrong_type_first_and_in_which_words(fields: str, sentence: str) -> None:
    problems = load([Source(name="f", text=f"{{apiVersion: v1, kind: Pod, {fields}}}")]).problems
    found = [p.detail for p in sorted(problems, key=lambda p: p.order) if p.type is ProblemType.DECODE]
    assert found[0] == sentence


def test_the_server_is_not_asked_about_metadata_that_kubectl_cannot_read() -> None:
    for metadata, is_asked in (("{name: 5}", False), ("[]", False), ("{name: a, lables: {}}", True)):
        problems = load(
            [
                Source(
                    name="f",
                    text=f"{{apiVersion: v1, kind: Pod, metadata: {metadata}, spec: {{containers: [{{name: a, image: b}}]}}}}",
                )
            ]
        ).problems
        assert (server_status(problems) is not None) == is_asked


TIMES = [
    ("2026-01-02T10:00:00Z", ""),
    ("2026-01-02T1:00:00.5+14:00", ""),
    ("2026-01-02T10:00:00+25:00", "time zone offset hour out of range"),
    ("2026-01-02T10:00:00+10:61", "time zone offset minute out of range"),
    ("2026-01-02T10:00:00Zx", 'extra text: "x"'),
    ("2026-02-29T10:00:00Z", "day out of range"),
    ("2024-02-29T10:00:00Z", ""),
    ("0000-02-29T10:00:00Z", ""),
]


def test_a_time_needs_a_zone() -> None:
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a, creationTimestamp: '2026-01-02T10:00:00.5+0100'}}"
    (problem,) = load([Source(name="f", text=text)]).problems
    assert problem.detail.endswith('as "2006-01-02T15:04:05Z07:00": cannot parse "+0100" as "Z07:00"')


@pytest.mark.parametrize(("text", "end"), TIMES, ids=[row[0] for row in TIMES])
def test_times_are_read_as_go_reads_them(text: str, end: str) -> None:
    result = load(
        [
            Source(
                name="f",
                text=f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a, creationTimestamp: '{text}'}}}}",
            )
        ]
    )
    assert [problem.detail for problem in result.problems] == ([f'parsing time "{text}": {end}'] if end else [])


def test_what_go_always_writes_is_stored_though_nothing_was_written() -> None:
    text = "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: a}, spec: {selector: {matchLabels: {a: b}}, ordinals: {}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}}"
    spec = load([Source(name="f", text=text)]).objects[0].value["spec"]
    assert (spec["serviceName"], spec["ordinals"]) == ("", {"start": 0})


TOKEN = """
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers: [{name: main, image: a}]
  volumes: [{name: t, projected: {sources: [{serviceAccountToken: {path: token}}]}}]
"""


def test_a_pod_that_is_run_has_an_account_for_its_token_and_one_as_written_has_none() -> None:
    source = Source(name="pod.yaml", text=TOKEN)
    assert load([source], is_admitted=True).problems == ()
    (problem,) = load([source]).problems
    assert problem.field == "spec.volumes[0].projected.sources[0].serviceAccountToken"
