"""One row per rule: a field of a pod or a container, and what is said about it. Texts are the API server's."""

from __future__ import annotations

import pytest

from runner.core.manifest import Source, load
from tests.support.manifests import LABEL, NAME_PART, SEARCH, SUBDOMAIN, said

CONTAINER = "spec.containers[0]"
TERMS = (
    "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions"
)
IN_VALUES = "must be specified when `operator` is 'In' or 'NotIn'"
EXISTS_VALUES = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
REQUIRED_AFFINITY = "requiredDuringSchedulingIgnoredDuringExecution"


OF_A_CONTAINER = [
    ("name: My_App", [f'{CONTAINER}.name: Invalid value: "My_App": {LABEL}']),
    ("image: ' nginx'", [f'{CONTAINER}.image: Invalid value: " nginx": must not have leading or trailing whitespace']),
    (
        "imagePullPolicy: Sometimes",
        [
            (
                f'{CONTAINER}.imagePullPolicy: Unsupported value: "Sometimes": supported values: '
                f'"Always", "IfNotPresent", "Never"'
            )
        ],
    ),
    (
        "ports: [{containerPort: 1, name: -a}]",
        [f'{CONTAINER}.ports[0].name: Invalid value: "-a": must not begin or end with a hyphen'],
    ),
    (
        "ports: [{containerPort: 1, name: a--b}]",
        [f'{CONTAINER}.ports[0].name: Invalid value: "a--b": must not contain consecutive hyphens'],
    ),
    (
        "ports: [{containerPort: 1, hostPort: -1}]",
        [f"{CONTAINER}.ports[0].hostPort: Invalid value: -1: must be between 1 and 65535, inclusive"],
    ),
    ("env: [{value: a}]", [f"{CONTAINER}.env[0].name: Required value"]),
    (
        "env: [{name: A, valueFrom: {secretKeyRef: {name: s}}}]",
        [f"{CONTAINER}.env[0].valueFrom.secretKeyRef.key: Required value"],
    ),
    (
        "env: [{name: A, valueFrom: {fileKeyRef: {volumeName: w, path: ../x, key: a=b}}}]",
        [
            (
                f'{CONTAINER}.env[0].valueFrom.fileKeyRef.key: Invalid value: "a=b": a valid '
                f"environment variable name must "
                "consist only of printable ASCII characters other than '='"
            ),
            f"{CONTAINER}.env[0].valueFrom.fileKeyRef.path: Invalid value: \"../x\": must not contain '..'",
            f'{CONTAINER}.env[0].valueFrom.fileKeyRef.volumeName: Not found: "w"',
        ],
    ),
    (
        "env: [{name: A, valueFrom: {resourceFieldRef: {}}}]",
        [f"{CONTAINER}.env[0].valueFrom.resourceFieldRef.resource: Required value"],
    ),
    (
        "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 2}}}]",
        [
            (
                f'{CONTAINER}.env[0].valueFrom.resourceFieldRef.divisor: Invalid value: "limits.cpu": only '
                f"divisor's values 1m and 1 "
                "are supported with the cpu resource"
            ),
        ],
    ),
    ("env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}]", []),
    (
        "env: [{name: A, valueFrom: {fieldRef: {fieldPath: 'spec.x[''a'']'}}}]",
        [
            (
                f"{CONTAINER}.env[0].valueFrom.fieldRef.fieldPath: Invalid value: \"spec.x['a']\": "
                f"error converting fieldPath: "
                "field label does not support subscript: spec.x['a']"
            ),
        ],
    ),
    ("envFrom: [{}]", [f'{CONTAINER}.envFrom: Invalid value: "": must specify one of: `configMapRef` or `secretRef`']),
    (
        "envFrom: [{configMapRef: {name: a}, secretRef: {name: b}}]",
        [f'{CONTAINER}.envFrom: Invalid value: "": may not have more than one field specified at a time'],
    ),
    (
        "volumeMounts: [{name: v, mountPath: /a, subPath: /x}]",
        [f'{CONTAINER}.volumeMounts.subPath: Invalid value: "/x": must be a relative path'],
    ),
    (
        "volumeMounts: [{name: v, mountPath: /a, mountPropagation: Bidirectional}]",
        [
            (
                f"{CONTAINER}.volumeMounts.mountPropagation: Forbidden: Bidirectional mount "
                f"propagation is available only to privileged containers"
            )
        ],
    ),
    (
        "volumeMounts: [{name: v, mountPath: /a, mountPropagation: Both}]",
        [
            (
                f'{CONTAINER}.volumeMounts.mountPropagation: Unsupported value: "Both": supported '
                f'values: "Bidirectional", "HostToContainer", "None"'
            )
        ],
    ),
    (
        "volumeMounts: [{name: v, mountPath: /a, recursiveReadOnly: Enabled}]",
        [f"{CONTAINER}.volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true"],
    ),
    (
        (
            "volumeMounts: [{name: v, mountPath: /a, readOnly: true, recursiveReadOnly: Enabled, "
            "mountPropagation: HostToContainer}]"
        ),
        [
            (
                f"{CONTAINER}.volumeMounts.recursiveReadOnly: Forbidden: may only be specified when "
                f"mountPropagation is None or not specified"
            )
        ],
    ),
    ("volumeMounts: [{name: v, mountPath: /a, recursiveReadOnly: Disabled}]", []),
    (
        "volumeDevices: [{name: v, devicePath: ''}, {name: nope, devicePath: /a/../b}]",
        [
            f'{CONTAINER}.volumeDevices[0].name: Invalid value: "v": can only use volume source type of '
            "PersistentVolumeClaim or Ephemeral for block mode",
            f"{CONTAINER}.volumeDevices[0].devicePath: Required value",
            f'{CONTAINER}.volumeDevices[1].name: Not found: "nope"',
            f"{CONTAINER}.volumeDevices[1].devicePath: Invalid value: \"/a/../b\": can not contain backsteps ('..')",
        ],
    ),
    (
        (
            "volumeMounts: [{name: c, mountPath: /x}], volumeDevices: [{name: c, devicePath: /x}, "
            "{name: c, devicePath: /x}]"
        ),
        [
            f'{CONTAINER}.volumeMounts[0].name: Invalid value: "c": must not already exist in volumeDevices',
            (
                f'{CONTAINER}.volumeMounts[0].mountPath: Invalid value: "/x": must not already exist '
                f"as a path in volumeDevices"
            ),
            f'{CONTAINER}.volumeDevices[0].name: Invalid value: "c": must not already exist in volumeMounts',
            (
                f'{CONTAINER}.volumeDevices[0].devicePath: Invalid value: "/x": must not already '
                f"exist as a path in volumeMounts"
            ),
            f'{CONTAINER}.volumeDevices[1].name: Invalid value: "c": must be unique',
            f'{CONTAINER}.volumeDevices[1].devicePath: Invalid value: "/x": must be unique',
            f'{CONTAINER}.volumeDevices[1].name: Invalid value: "c": must not already exist in volumeMounts',
            (
                f'{CONTAINER}.volumeDevices[1].devicePath: Invalid value: "/x": must not already '
                f"exist as a path in volumeMounts"
            ),
        ],
    ),
    (
        "resources: {requests: {memory: 128Mi}, limits: {memory: 64Mi}}",
        [f'{CONTAINER}.resources.requests: Invalid value: "128Mi": must be less than or equal to memory limit of 64Mi'],
    ),
    ("resources: {limits: {example.com/x: 2}}", []),
    (
        (
            "resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}, {resourceName: cpu, "
            "restartPolicy: NotRequired}]"
        ),
        [f'{CONTAINER}.resizePolicy[1]: Duplicate value: "cpu"'],
    ),
    (
        "restartPolicy: Never, restartPolicyRules: [{action: Restart}]",
        [f"{CONTAINER}.restartPolicyRules[0].exitCodes: Required value: must be specified"],
    ),
    (
        "restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: Is, values: [1]}}]",
        [
            (
                f'{CONTAINER}.restartPolicyRules[0].exitCodes.operator: Unsupported value: "Is": '
                f'supported values: "In", "NotIn"'
            )
        ],
    ),
    (
        "lifecycle: {postStart: {httpGet: {path: '', port: a_b}}}",
        [
            (
                f'{CONTAINER}.lifecycle.postStart.httpGet.port: Invalid value: "a_b": must contain '
                f"only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
            )
        ],
    ),
    ("lifecycle: {preStop: {sleep: {seconds: 30}}}", []),
    (
        "readinessProbe: {grpc: {port: 0}}",
        [f"{CONTAINER}.readinessProbe.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive"],
    ),
    (
        "securityContext: {seccompProfile: {type: Localhost}, appArmorProfile: {type: Localhost}}",
        [
            (
                f"{CONTAINER}.securityContext.seccompProfile.localhostProfile: Required value: must "
                f"be set when seccomp type is Localhost"
            ),
            (
                f"{CONTAINER}.securityContext.appArmorProfile.localhostProfile: Required value: must "
                f"be set when AppArmor type is Localhost"
            ),
        ],
    ),
    (
        (
            "securityContext: {seccompProfile: {type: RuntimeDefault, localhostProfile: x}, "
            "appArmorProfile: {type: Unconfined, localhostProfile: x}}"
        ),
        [
            (
                f"{CONTAINER}.securityContext.seccompProfile.localhostProfile: Invalid value: "
                f'{{"Type":"RuntimeDefault","LocalhostProfile":"x"}}: '
                f"can only be set when seccomp type is Localhost"
            ),
            (
                f'{CONTAINER}.securityContext.appArmorProfile.localhostProfile: Invalid value: "x": '
                f"can only be set when AppArmor type is Localhost"
            ),
        ],
    ),
    (
        "securityContext: {seccompProfile: {}, appArmorProfile: {}}",
        [
            (
                f"{CONTAINER}.securityContext.seccompProfile.type: Required value: type is required "
                f"when seccompProfile is set"
            ),
            (
                f"{CONTAINER}.securityContext.appArmorProfile.type: Required value: type is required "
                f"when appArmorProfile is set"
            ),
        ],
    ),
]

OF_A_POD = [
    (
        "restartPolicy: always",
        ['spec.restartPolicy: Unsupported value: "always": supported values: "Always", "OnFailure", "Never"'],
    ),
    (
        "dnsPolicy: X",
        [
            (
                'spec.dnsPolicy: Unsupported value: "X": supported values: '
                '"ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"'
            )
        ],
    ),
    ("dnsPolicy: None", ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"]),
    (
        "dnsConfig: {nameservers: [1.1.1.1, 1.1.1.2, 1.1.1.3, x], searches: [., a_b., 'A B']}",
        [
            (
                'spec.dnsConfig.nameservers: Invalid value: ["1.1.1.1","1.1.1.2","1.1.1.3","x"]: '
                "must not have more than 3 nameservers"
            ),
            (
                'spec.dnsConfig.nameservers[3]: Invalid value: "x": must be a valid IP address, '
                "(e.g. 10.9.8.7 or 2001:db8::ffff)"
            ),
            f'spec.dnsConfig.searches[2]: Invalid value: "A B": {SEARCH}',
        ],
    ),
    ("hostname: a.b", ['spec.hostname: Invalid value: "a.b": must not contain dots']),
    (
        "hostNetwork: true, hostnameOverride: a",
        ["spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true"],
    ),
    (
        "setHostnameAsFQDN: true, hostnameOverride: a",
        ["spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true"],
    ),
    (
        "hostAliases: [{ip: 1.2.3.4, hostnames: [A]}]",
        [f'spec.hostAliases[0].hostnames[0]: Invalid value: "A": {SUBDOMAIN}'],
    ),
    (
        "hostPID: true, shareProcessNamespace: true",
        [
            (
                "spec.securityContext.shareProcessNamespace: Invalid value: true: "
                "ShareProcessNamespace and HostPID cannot both be enabled"
            )
        ],
    ),
    (
        "hostIPC: true, securityContext: {sysctls: [{name: kernel/shmmax, value: a}, {name: '', value: b}]}",
        [
            (
                'spec.securityContext.sysctls[0].name: Invalid value: "kernel/shmmax": may not be '
                "specified when 'hostIPC' is true"
            ),
            "spec.securityContext.sysctls[1].name: Required value",
        ],
    ),
    (
        "preemptionPolicy: Maybe",
        ['spec.preemptionPolicy: Unsupported value: "Maybe": supported values: "PreemptLowerPriority", "Never"'],
    ),
    ("priorityClassName: A", [f'spec.priorityClassName: Invalid value: "A": {SUBDOMAIN}']),
    (
        "schedulingGates: [{name: a}], nodeName: node-1",
        ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
    ),
    ("nodeSelector: {'a b': x}", [f'spec.nodeSelector: Invalid value: "a b": {NAME_PART}']),
    ("nodeSelector: {/a: x}", ['spec.nodeSelector: Invalid value: "/a": prefix part must be non-empty']),
    (
        (
            f"affinity: {{nodeAffinity: {{{REQUIRED_AFFINITY}: {{nodeSelectorTerms: [{{matchExpressions: ["
            "{key: a, operator: In}, {key: a, operator: Exists, values: [x]}, {key: a, operator: "
            "Gt}, {key: a, operator: Like}]}]}}}"
        ),
        [
            f"{TERMS}[0].values: Required value: {IN_VALUES}",
            f"{TERMS}[1].values: Forbidden: {EXISTS_VALUES}",
            f"{TERMS}[2].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
            f'{TERMS}[3].operator: Invalid value: "Like": not a valid selector operator',
        ],
    ),
    (
        (
            "topologySpreadConstraints: [{maxSkew: 1, topologyKey: z, whenUnsatisfiable: "
            "ScheduleAnyway, minDomains: 0, nodeTaintsPolicy: X}]"
        ),
        [
            "spec.topologySpreadConstraints[0].minDomains: Invalid value: 0: must be greater than zero",
            "spec.topologySpreadConstraints[0].minDomains: Invalid value: 0: can only use minDomains if "
            "whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
            (
                'spec.topologySpreadConstraints[0].nodeTaintsPolicy: Unsupported value: "X": '
                'supported values: "Honor", "Ignore"'
            ),
        ],
    ),
    (
        "tolerations: [{key: a, operator: Exists, effect: NoSchedule, tolerationSeconds: 1}, {key: a, effect: Never}]",
        [
            (
                'spec.tolerations[0].effect: Invalid value: "NoSchedule": effect must be '
                "'NoExecute' when `tolerationSeconds` is set"
            ),
            (
                'spec.tolerations[1].effect: Unsupported value: "Never": supported values: '
                '"NoSchedule", "PreferNoSchedule", "NoExecute"'
            ),
        ],
    ),
    (
        "resourceClaims: [{name: a}, {name: a, resourceClaimName: x}]",
        [
            (
                "spec.resourceClaims[0]: Invalid value: "
                '{"Name":"a","ResourceClaimName":null,"ResourceClaimTemplateName":null}: '
                "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            ),
            'spec.resourceClaims[1].name: Duplicate value: "a"',
        ],
    ),
    ("volumes: [{name: a, csi: {driver: 'x y'}}]", [f'spec.volumes[0].csi.driver: Invalid value: "x y": {SUBDOMAIN}']),
    (
        "volumes: [{name: a, gitRepo: {repository: r, directory: ../x}}]",
        ["spec.volumes[0].gitRepo.directory: Invalid value: \"../x\": must not contain '..'"],
    ),
    (
        "volumes: [{name: a, persistentVolumeClaim: {}}]",
        ["spec.volumes[0].persistentVolumeClaim.claimName: Required value"],
    ),
    (
        "volumes: [{name: a, projected: {sources: [{configMap: {}}]}}]",
        ["spec.volumes[0].projected.sources[0].configMap.name: Required value"],
    ),
    (
        "volumes: [{name: a, downwardAPI: {items: [{path: x, resourceFieldRef: {resource: limits.cpu}}]}}]",
        ["spec.volumes[0].downwardAPI.resourceFieldRef.containerName: Required value"],
    ),
    (
        "resources: {limits: {cpu: 1}, requests: {cpu: 2}}",
        [
            'spec.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
        ],
    ),
]


@pytest.mark.parametrize(("fields", "expected"), OF_A_CONTAINER, ids=[row[0] for row in OF_A_CONTAINER])
def test_a_containers_field(fields: str, expected: list[str]) -> None:
    start = "" if fields.startswith("name:") else "name: a, "
    start += "" if fields.startswith("image:") else "image: nginx, "
    assert (
        said(
            "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n"
            "  volumes: [{name: v}, {name: c, persistentVolumeClaim: {claimName: c}}]\n"
            f"  containers: [{{{start}{fields}}}]\n"
        )
        == expected
    )


@pytest.mark.parametrize(("fields", "expected"), OF_A_POD, ids=[row[0] for row in OF_A_POD])
def test_a_pods_field(fields: str, expected: list[str]) -> None:
    text = (
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec: {{containers: [{{name: a, image: b}}], {fields}}}\n"
    )
    assert said(text) == expected


OF_OTHER_KINDS = [
    (
        "v1",
        "ConfigMap",
        "data: {a: x}, binaryData: {a: eA==}",
        ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ),
    ("v1", "ConfigMap", f"data: {{a: {'x' * 1048577}}}", [": Too long: may not be more than 1048576 bytes"]),
    (
        "v1",
        "Secret",
        "type: kubernetes.io/basic-auth",
        ["data[username]: Required value", "data[password]: Required value"],
    ),
    ("v1", "Secret", "type: kubernetes.io/ssh-auth", ["data[ssh-privatekey]: Required value"]),
    (
        "v1",
        "Secret",
        "type: kubernetes.io/dockerconfigjson, stringData: {.dockerconfigjson: nope}",
        [
            "data[.dockerconfigjson]: Invalid value: \"<secret contents redacted>\": invalid character 'o' in literal null "
            "(expecting 'u')"
        ],
    ),
    ("v1", "ServiceAccount", "automountServiceAccountToken: false", []),
    ("v1", "Namespace", "spec: {}", []),
    (
        "v1",
        "Service",
        "spec: {type: Odd, ports: [{port: 1, name: a, targetPort: A}, {port: 2}], sessionAffinity: x}",
        [
            (
                'spec.ports[0].targetPort: Invalid value: "A": must contain only alpha-numeric '
                "characters (a-z, 0-9), and hyphens (-)"
            ),
            'spec.ports[0].targetPort: Invalid value: "A": must contain at least one letter (a-z)',
            "spec.ports[1].name: Required value",
            'spec.sessionAffinity: Unsupported value: "x": supported values: "ClientIP", "None"',
            (
                'spec.type: Unsupported value: "Odd": supported values: "ClusterIP", '
                '"ExternalName", "LoadBalancer", "NodePort"'
            ),
        ],
    ),
    ("v1", "Service", "spec: {type: LoadBalancer, sessionAffinity: ClientIP, ports: [{port: 1}]}", []),
    ("v1", "ReplicationController", "spec: {}", ["spec.selector: Required value", "spec.template: Required value"]),
    (
        "v1",
        "ReplicationController",
        (
            "spec: {template: {metadata: {labels: {a: b}}, spec: {restartPolicy: Never, containers: "
            "[{name: a, image: b}]}}}"
        ),
        ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ),
    ("v1", "PodTemplate", "template: {spec: {containers: []}}", ["template.spec.containers: Required value"]),
    (
        "apps/v1",
        "Deployment",
        "spec: {selector: {matchLabels: {a: b}}, progressDeadlineSeconds: 0, strategy: {rollingUpdate: {maxSurge: 1x, "
        "maxUnavailable: 200%}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}",
        [
            (
                'spec.strategy.rollingUpdate.maxSurge: Invalid value: "1x": a valid percent string '
                "must be a numeric string "
                "followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
            ),
            'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "200%": must not be greater than 100%',
            "spec.progressDeadlineSeconds: Invalid value: 0: must be greater than minReadySeconds",
        ],
    ),
    (
        "apps/v1",
        "Deployment",
        "spec: {selector: {matchLabels: {a: b}}, strategy: {type: Recreate, rollingUpdate: {}}, "
        "template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}}",
        ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    ),
    (
        "apps/v1",
        "DaemonSet",
        (
            "spec: {selector: {matchExpressions: [{key: a, operator: In}, {key: a, operator: "
            "Exists, values: [x]}, {key: a, operator: Is}]}, "
            "updateStrategy: {type: Now}, template: {metadata: {labels: {a: b}}, spec: {containers: "
            "[{name: a, image: b}]}}}"
        ),
        [
            f"spec.selector.matchExpressions[0].values: Required value: {IN_VALUES}",
            f"spec.selector.matchExpressions[1].values: Forbidden: {EXISTS_VALUES}",
            'spec.selector.matchExpressions[2].operator: Invalid value: "Is": not a valid selector operator',
            'spec.updateStrategy: Unsupported value: {"Type":"Now","RollingUpdate":null}: supported values: '
            '"RollingUpdate", "OnDelete"',
        ],
    ),
    (
        "batch/v1",
        "CronJob",
        "spec: {concurrencyPolicy: Skip, jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: b}]}}}}}",
        [
            "spec.schedule: Required value",
            'spec.concurrencyPolicy: Unsupported value: "Skip": supported values: "Allow", "Forbid", "Replace"',
            'spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
        ],
    ),
    (
        "batch/v1",
        "Job",
        (
            "spec: {manualSelector: true, completionMode: X, template: {spec: {restartPolicy: "
            "Never, containers: [{name: a, image: b}]}}}"
        ),
        [
            'spec.completionMode: Unsupported value: "X": supported values: "NonIndexed", "Indexed"',
            "spec.selector: Required value",
            "spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`",
        ],
    ),
]


@pytest.mark.parametrize(
    ("version", "kind", "fields", "expected"), OF_OTHER_KINDS, ids=[f"{row[1]} {row[2][:60]}" for row in OF_OTHER_KINDS]
)
def test_a_field_of_another_kind(version: str, kind: str, fields: str, expected: list[str]) -> None:
    assert said(f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: x}}, {fields}}}") == expected


OF_METADATA = [
    ("{}", ["metadata.name: Required value: name or generateName is required"]),
    ("{name: My_Pod}", [f'metadata.name: Invalid value: "My_Pod": {SUBDOMAIN}']),
    ("{generateName: web-}", []),
    ("{name: a, namespace: a.b}", ['metadata.namespace: Invalid value: "a.b": must not contain dots']),
    (f"{{name: {'a' * 254}}}", [f'metadata.name: Invalid value: "{"a" * 254}": must be no more than 253 characters']),
    (
        f"{{name: a, labels: {{{'k' * 64}: v}}}}",
        [f'metadata.labels: Invalid value: "{"k" * 64}": name part must be no more than 63 bytes'],
    ),
    (
        "{name: a, labels: {a/: v}}",
        [
            'metadata.labels: Invalid value: "a/": name part must be non-empty',
            f'metadata.labels: Invalid value: "a/": {NAME_PART}',
        ],
    ),
    ("{name: a, annotations: {UPPER.example/X: v}}", []),
    (
        f"{{name: a, annotations: {{a: {'x' * 262144}}}}}",
        ["metadata.annotations: Too long: may not be more than 262144 bytes"],
    ),
    (
        "{name: a, finalizers: ['a b']}",
        [
            f'metadata.finalizers: Invalid value: "a b": {NAME_PART}',
            'metadata.finalizers[0]: Invalid value: "a b": name is neither a standard finalizer name nor is it fully qualified',
        ],
    ),
    (
        (
            "{name: a, ownerReferences: [{apiVersion: v1, kind: A, name: a, uid: u, controller: "
            "true}, {apiVersion: v1, kind: B, name: b, uid: u, controller: true}]}"
        ),
        ["metadata.ownerReferences"],
    ),
]


@pytest.mark.parametrize(("metadata", "expected"), OF_METADATA, ids=[row[0][:60] for row in OF_METADATA])
def test_metadata(metadata: str, expected: list[str]) -> None:
    found = said(f"{{apiVersion: v1, kind: Pod, metadata: {metadata}, spec: {{containers: [{{name: a, image: b}}]}}}}")
    assert len(found) == len(expected)
    for text, start in zip(found, expected, strict=True):
        assert text.startswith(start)


def test_a_cluster_scoped_object_has_no_namespace() -> None:
    assert said("{apiVersion: v1, kind: Namespace, metadata: {name: x, namespace: shop}}") == [
        "metadata.namespace: Forbidden: not allowed on this type"
    ]


def test_warnings_about_what_is_accepted() -> None:
    text = (
        "{apiVersion: v1, kind: Pod, metadata: {name: x}, spec: {terminationGracePeriodSeconds: -1, "
        "imagePullSecrets: [{}], containers: [{name: a, image: b, env: [{name: PATH, value: "
        "/a}, {name: PATH, value: '$(PATH):/b'}]}]}}"
    )
    assert [f"{warning.field}: {warning.message}" for warning in load([Source(name="f", text=text)]).warnings] == [
        'spec.imagePullSecrets[0].name: invalid empty name ""',
    ]
