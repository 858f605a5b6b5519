"""Rules of the API server about what people seldom write, one row each."""

from __future__ import annotations

import base64
import json

import pytest

from runner.core.manifest import Source, load
from tests.support.manifests import LABEL, NAME_PART, SUBDOMAIN, said

C = "spec.containers[0]"
CONTEXT = f"{C}.securityContext"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
NODE = "spec.affinity.nodeAffinity"
NODE_TERM = f"{NODE}.{REQUIRED}.nodeSelectorTerms[0].matchExpressions"
POD_TERM = f"spec.affinity.podAffinity.{REQUIRED}[0]"
SPREAD = "spec.topologySpreadConstraints"
NAMED = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
IN_VALUES = "must be specified when `operator` is 'In' or 'NotIn'"
EXISTS_VALUES = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"


LONG_SEARCHES = ["a" * 63 + ".b"] * 32


def encoded(size: int) -> str:
    return base64.b64encode(b"x" * size).decode()


OF_A_CONTAINER = [
    (
        "an unknown recursion",
        "volumeMounts: [{name: v, mountPath: /a, recursiveReadOnly: Maybe}]",
        [
            f'{C}.volumeMounts.recursiveReadOnly: Unsupported value: "Maybe": supported values: '
            '"Disabled", "Enabled", "IfPossible"'
        ],
    ),
    (
        "a device without a name",
        "volumeDevices: [{devicePath: /dev/x}]",
        [f"{C}.volumeDevices[0].name: Required value", f'{C}.volumeDevices[0].name: Not found: ""'],
    ),
    (
        "a key of a file that is not given",
        "env: [{name: A, valueFrom: {fileKeyRef: {volumeName: v}}}]",
        [
            f"{C}.env[0].valueFrom.fileKeyRef.key: Required value",
            f"{C}.env[0].valueFrom.fileKeyRef.path: Required value",
        ],
    ),
    (
        "a volume of a file that is not given",
        "env: [{name: A, valueFrom: {fileKeyRef: {path: p, key: k}}}]",
        [
            f"{C}.env[0].valueFrom.fileKeyRef.volumeName: Required value",
            f'{C}.env[0].valueFrom.fileKeyRef.volumeName: Not found: ""',
        ],
    ),
    (
        "a file's volume of another kind",
        "env: [{name: A, valueFrom: {fileKeyRef: {volumeName: c, path: p, key: k}}}]",
        [f'{C}.env[0].valueFrom.fileKeyRef.volumeName: Invalid value: "c": referenced volume must be of type emptyDir'],
    ),
    (
        "a field of another version",
        "env: [{name: A, valueFrom: {fieldRef: {apiVersion: v2, fieldPath: metadata.name}}}]",
        [
            f'{C}.env[0].valueFrom.fieldRef.fieldPath: Invalid value: "metadata.name": '
            "error converting fieldPath: unsupported pod version: v2"
        ],
    ),
    (
        "a divisor of an unknown resource",
        "env: [{name: A, valueFrom: {resourceFieldRef: {resource: limits.fish, divisor: 3}}}]",
        [
            f'{C}.env[0].valueFrom.resourceFieldRef.resource: Unsupported value: "limits.fish": supported values: '
            '"limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", '
            '"requests.memory"'
        ],
    ),
    (
        "a resource of no standard",
        "resources: {limits: {requests.example.com/x: 1}}",
        [
            f'{C}.resources.{side}[requests.example.com/x]: Invalid value: "requests.example.com/x": '
            "doesn't follow extended resource name standard"
            for side in ("limits", "requests")
        ],
    ),
    (
        "a resource with a space",
        "resources: {requests: {'a b': 1}}",
        [
            f'{C}.resources.requests[a b]: Invalid value: "a b": {NAME_PART}',
            f'{C}.resources.requests[a b]: Invalid value: "a b": must be a standard resource for containers',
        ],
    ),
    (
        "pages without a size",
        "resources: {limits: {hugepages-big: 1, hugepages-0: 1, hugepages-1m: 1, cpu: 1}}",
        [
            f'{C}.resources.{side}[hugepages-{size}]: Invalid value: "1": 1 is not positive integer multiple of hugepages-{size}'
            for side in ("limits", "requests")
            for size in ("0", "1m", "big")
        ],
    ),
    (
        "no escalation with a capability that allows it",
        "securityContext: {allowPrivilegeEscalation: false, capabilities: {add: [CAP_SYS_ADMIN]}}",
        [
            f'{CONTEXT}: Invalid value: {{"Capabilities":{{"Add":["CAP_SYS_ADMIN"],"Drop":null}},"Privileged":null,'
            '"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,'
            '"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,'
            '"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'
        ],
    ),
    (
        "an unknown system call profile",
        "securityContext: {seccompProfile: {type: Strict}}",
        [
            f'{CONTEXT}.seccompProfile.type: Unsupported value: "Strict": supported values: '
            '"Localhost", "RuntimeDefault", "Unconfined"'
        ],
    ),
    ("a profile", "securityContext: {appArmorProfile: {type: Localhost, localhostProfile: a}}", []),
    (
        "a padded profile",
        "securityContext: {appArmorProfile: {type: Localhost, localhostProfile: ' a'}}",
        [f'{CONTEXT}.appArmorProfile.localhostProfile: Invalid value: " a": must not be padded with whitespace'],
    ),
    (
        "an empty profile",
        "securityContext: {appArmorProfile: {type: Localhost, localhostProfile: ''}}",
        [f"{CONTEXT}.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost"],
    ),
    (
        "a text that Go escapes",
        'imagePullPolicy: "\\a\\u200b"',
        [
            f'{C}.imagePullPolicy: Unsupported value: "\\u0007\u200b": supported values: "Always", "IfNotPresent", "Never"'
        ],
    ),
    (
        "a plain text that Go escapes",
        'ports: [{containerPort: 1, name: "<\\a\\u200b"}]',
        [
            f'{C}.ports[0].name: Invalid value: "<\\a\\u200b": '
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
            f'{C}.ports[0].name: Invalid value: "<\\a\\u200b": must contain at least one letter (a-z)',
        ],
    ),
    (
        "a named text that Go escapes for HTML",
        "imagePullPolicy: <&>",
        [
            f'{C}.imagePullPolicy: Unsupported value: "\\u003c\\u0026\\u003e": '
            'supported values: "Always", "IfNotPresent", "Never"'
        ],
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), [r[1:] for r in OF_A_CONTAINER], ids=[r[0] for r in OF_A_CONTAINER])
def test_containers(fields: str, wanted: list[str]) -> None:
    volumes = "[{name: v, emptyDir: {}}, {name: c, configMap: {name: c}}]"
    found = said(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n"
        f"  volumes: {volumes}\n  containers: [{{name: a, image: nginx, {fields}}}]\n"
    )
    assert found == wanted


def volume(source: str) -> str:
    return f"volumes: [{{name: a, {source}}}]"


OF_A_POD = [
    (
        "resizing under Never",
        "restartPolicy: Never, initContainers: [{name: i, image: b, resizePolicy: "
        "[{resourceName: cpu, restartPolicy: RestartContainer}]}]",
        [
            'spec.initContainers[0].resizePolicy: Invalid value: "RestartContainer": '
            "must be 'NotRequired' when pod `restartPolicy` is 'Never'",
            'spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: "RestartContainer": '
            "must not be set to 'RestartContainer' for non-sidecar initContainers",
        ],
    ),
    (
        "resizing that needs no restart",
        "initContainers: [{name: i, image: b, resizePolicy: [{resourceName: cpu, restartPolicy: NotRequired}]}]",
        [],
    ),
    (
        "claims without or with bad names",
        "resourceClaims: [{resourceClaimName: x}, {name: A.b, resourceClaimName: x}]",
        [
            "spec.resourceClaims[0].name: Required value",
            f'spec.resourceClaims[1].name: Invalid value: "A.b": {LABEL}',
        ],
    ),
    (
        "a search list that is too long",
        f"dnsConfig: {{searches: [{', '.join(LONG_SEARCHES)}]}}",
        [
            f"spec.dnsConfig.searches: Invalid value: {json.dumps(LONG_SEARCHES, separators=(',', ':'))}: "
            "must not have more than 2048 characters (including spaces) in the search list"
        ],
    ),
    (
        "a search path that is too long",
        f"dnsConfig: {{searches: [{'a' * 254}]}}",
        [f'spec.dnsConfig.searches[0]: Invalid value: "{"a" * 254}": must be no more than 253 characters'],
    ),
    (
        "a long host name",
        f"hostnameOverride: {'a' * 65}",
        ["spec.hostnameOverride: Too long: may not be more than 64 bytes"],
    ),
    (
        "namespaces that windows has not",
        "os: {name: windows}, hostPID: true, hostIPC: true, hostUsers: true, shareProcessNamespace: false",
        [
            "spec.hostUsers: Forbidden: cannot be set for a windows pod",
            "spec.hostPID: Forbidden: cannot be set for a windows pod",
            "spec.hostIPC: Forbidden: cannot be set for a windows pod",
            "spec.shareProcessNamespace: Forbidden: cannot be set for a windows pod",
        ],
    ),
    (
        "a network volume without its place",
        volume("nfs: {}"),
        [
            "spec.volumes[0].nfs.server: Required value",
            "spec.volumes[0].nfs.path: Required value",
            'spec.volumes[0].nfs.path: Invalid value: "": must be an absolute path',
        ],
    ),
    (
        "a network volume by a relative path",
        volume("nfs: {server: s, path: x}"),
        ['spec.volumes[0].nfs.path: Invalid value: "x": must be an absolute path'],
    ),
    ("a network volume", volume("nfs: {server: s, path: /x}"), []),
    ("a repository without its place", volume("gitRepo: {}"), ["spec.volumes[0].gitRepo.repository: Required value"]),
    (
        "a file of the pod's own fields without a name",
        volume("downwardAPI: {items: [{fieldRef: {fieldPath: metadata.name}}]}"),
        ["spec.volumes[0].downwardAPI.path: Required value"],
    ),
    (
        "a token that lasts too long",
        volume("projected: {sources: [{serviceAccountToken: {path: t, expirationSeconds: 4294967297}}]}"),
        [
            "spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 4294967297: "
            "may not specify a duration larger than 2^32 seconds",
            "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: "
            "must not be specified when serviceAccountName is not set",
        ],
    ),
    (
        "a driver with a long name",
        volume(f"csi: {{driver: {'a' * 64}}}"),
        ["spec.volumes[0].csi.driver: Too long: may not be more than 63 bytes"],
    ),
    (
        "a driver whose secret has no name",
        volume("csi: {driver: d, nodePublishSecretRef: {}}"),
        ["spec.volumes[0].csi.nodePublishSecretRef.name: Required value"],
    ),
    (
        "resources of the pod that only containers have",
        "resources: {limits: {ephemeral-storage: 1}}",
        [
            'spec.resources.limits[ephemeral-storage]: Unsupported value: "ephemeral-storage": '
            'supported values: "cpu", "hugepages-", "memory"'
        ],
    ),
    (
        "negative resources of the pod",
        "resources: {requests: {cpu: -1}}",
        ['spec.resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0'],
    ),
    (
        "a pod that asks for less than its containers",
        "resources: {requests: {cpu: 1}}, initContainers: [{name: i, image: b, resources: {requests: {cpu: 1}}}, "
        "{name: s, image: b, restartPolicy: Always, resources: {requests: {cpu: 1500m}}}]",
        [
            'spec.resources.requests[cpu]: Invalid value: "1": '
            "must be greater than or equal to aggregate container requests of 1500m"
        ],
    ),
    (
        "a container that may use more than its pod",
        "resources: {limits: {cpu: 1}}, initContainers: [{name: i, image: b, resources: {limits: {cpu: 2, memory: 1}, "
        "requests: {cpu: 1, memory: 1}}}]",
        [],
    ),
    ("resources of the pod that say nothing", "resources: {}", []),
    (
        "gates without a name",
        "readinessGates: [{conditionType: 'a b'}], schedulingGates: [{name: 'c d'}]",
        [
            f'spec.readinessGates[0].conditionType: Invalid value: "a b": {NAME_PART}',
            f'spec.schedulingGates[0]: Invalid value: "c d": {NAME_PART}',
        ],
    ),
    (
        "tolerations",
        "tolerations: [{key: 'a b', operator: Exists}, {key: a, value: 'b c'}]",
        [
            f'spec.tolerations[0].key: Invalid value: "a b": {NAME_PART}',
            f'spec.tolerations[1].operator: Invalid value: "b c": {NAMED}',
        ],
    ),
    (
        "spread constraints",
        "topologySpreadConstraints: [{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule, minDomains: 1}, "
        "{maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule}, "
        "{maxSkew: 1, whenUnsatisfiable: ScheduleAnyway, minDomains: 0}]",
        [
            f'{SPREAD}[0].{{topologyKey, whenUnsatisfiable}}: Duplicate value: "{{a, DoNotSchedule}}"',
            f"{SPREAD}[2].topologyKey: Required value: can not be empty",
            f"{SPREAD}[2].minDomains: Invalid value: 0: must be greater than zero",
            f"{SPREAD}[2].minDomains: Invalid value: 0: "
            "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
        ],
    ),
    (
        "preferred nodes",
        f"affinity: {{nodeAffinity: {{{PREFERRED}: [{{weight: 0, preference: "
        "{matchExpressions: [{key: 'a b', operator: Gt, values: ['1']}]}}]}}",
        [
            f"{NODE}.{PREFERRED}[0].weight: Invalid value: 0: must be in the range 1-100",
            f'{NODE}.{PREFERRED}[0].preference.matchExpressions[0].key: Invalid value: "a b": {NAME_PART}',
        ],
    ),
    (
        "required nodes",
        f"affinity: {{nodeAffinity: {{{REQUIRED}: {{nodeSelectorTerms: [{{matchExpressions: ["
        "{key: a, operator: Exists}, {key: a, operator: In, values: [b]}, {key: a, operator: Exists, values: [b]}, "
        "{key: a, operator: Gt}]}]}}}",
        [
            f"{NODE_TERM}[2].values: Forbidden: {EXISTS_VALUES}",
            f"{NODE_TERM}[3].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
        ],
    ),
    (
        "required pods",
        f"affinity: {{podAffinity: {{{REQUIRED}: [{{namespaces: [A_b], labelSelector: {{matchExpressions: ["
        "{key: a, operator: In}, {key: a, operator: Exists, values: [b]}, {key: 'a b', operator: NotIn, values: ['b c']}, "
        "{key: a, operator: DoesNotExist}, {key: a, operator: Near}]}}, {topologyKey: 'a b'}]}}",
        [
            f"{POD_TERM}.labelSelector.matchExpressions[0].values: Required value: {IN_VALUES}",
            f"{POD_TERM}.labelSelector.matchExpressions[1].values: Forbidden: {EXISTS_VALUES}",
            f'{POD_TERM}.labelSelector.matchExpressions[2].key: Invalid value: "a b": {NAME_PART}',
            f'{POD_TERM}.labelSelector.matchExpressions[2].values[0]: Invalid value: "b c": {NAMED}',
            f'{POD_TERM}.labelSelector.matchExpressions[4].operator: Invalid value: "Near": not a valid selector operator',
            f'{POD_TERM}.namespace: Invalid value: "A_b": {LABEL}',
            f"{POD_TERM}.topologyKey: Required value: can not be empty",
            f'{POD_TERM}.topologyKey: Invalid value: "": name part must be non-empty',
            f'{POD_TERM}.topologyKey: Invalid value: "": {NAME_PART}',
            f'{POD_TERM.replace("[0]", "[1]")}.topologyKey: Invalid value: "a b": {NAME_PART}',
        ],
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), [r[1:] for r in OF_A_POD], ids=[r[0] for r in OF_A_POD])
def test_pods(fields: str, wanted: list[str]) -> None:
    containers = "containers: [{name: a, image: b}]"
    assert said(f"{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {{{containers}, {fields}}}}}") == wanted


METADATA = [
    (
        "an annotation's key",
        "annotations: {'a b': c}",
        [f'metadata.annotations: Invalid value: "a b": {NAME_PART}'],
    ),
    (
        "an owner",
        "ownerReferences: [{apiVersion: apps/, kind: A, name: b}]",
        [
            'metadata.ownerReferences.apiVersion: Invalid value: "apps/": version must not be empty',
            'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
        ],
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), [r[1:] for r in METADATA], ids=[r[0] for r in METADATA])
def test_metadata(fields: str, wanted: list[str]) -> None:
    assert said(f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: web, {fields}}}}}") == wanted


def test_a_token_of_an_account_is_fine() -> None:
    annotations = "annotations: {kubernetes.io/service-account.name: robot}"
    assert said(f"{{apiVersion: v1, kind: Secret, metadata: {{name: x, {annotations}}}, type: {TOKEN}}}") == []


def test_an_object_needs_a_namespace_when_there_is_no_default_one() -> None:
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}"
    (problem,) = load([Source(name="f", text=text)], namespace="").problems
    assert (problem.field, problem.message) == ("metadata.namespace", "Required value")


TOKEN = "kubernetes.io/service-account-token"
PEM = base64.b64encode(b"-----BEGIN CERTIFICATE-----").decode()
TEMPLATE = "{metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: b}]}}"
ONCE = "{metadata: {labels: {a: b}}, spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}"
PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)
PROTOCOLS = 'supported values: "SCTP", "TCP", "UDP"'

OF_OTHERS: list[tuple[str, str, str, str, list[str]]] = [
    (
        "a secret's key",
        "v1",
        "Secret",
        "data: {'a b': ''}",
        [
            "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' "
            "or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
        ],
    ),
    (
        "a secret's size",
        "v1",
        "Secret",
        f"data: {{a: {encoded(1024 * 1024 + 1)}}}",
        ["data: Too long: may not be more than 1048576 bytes"],
    ),
    ("a secret of the largest size", "v1", "Secret", f"data: {{a: {encoded(1024 * 1024)}}}", []),
    (
        "a token of nobody",
        "v1",
        "Secret",
        f"type: {TOKEN}",
        ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
    ),
    ("a certificate", "v1", "Secret", f"type: kubernetes.io/tls, data: {{tls.crt: {PEM}, tls.key: ''}}", []),
    (
        "a volume that offers nothing",
        "v1",
        "PersistentVolume",
        "spec: {}",
        [
            "spec.accessModes: Required value",
            "spec.capacity: Required value",
            'spec.capacity: Unsupported value: null: supported values: "storage"',
            "spec: Required value: must specify a volume type",
        ],
    ),
    (
        "a volume",
        "v1",
        "PersistentVolume",
        "spec: {accessModes: [ReadWriteOnce], capacity: {storage: 1}, hostPath: {path: /x}}",
        [],
    ),
    (
        "a name outside",
        "v1",
        "Service",
        "spec: {type: ExternalName, externalName: a_b}",
        [f'spec.externalName: Invalid value: "a_b": {SUBDOMAIN}'],
    ),
    ("a good name outside", "v1", "Service", "spec: {type: ExternalName, externalName: example.com.}", []),
    (
        "ports of a service",
        "v1",
        "Service",
        "spec: {ports: [{name: A.b, port: 1}, {name: c, port: 2}, {name: c, port: 3, protocol: tcp}]}",
        [
            f'spec.ports[0].name: Invalid value: "A.b": {LABEL}',
            'spec.ports[2].name: Duplicate value: "c"',
            f'spec.ports[2].protocol: Unsupported value: "tcp": {PROTOCOLS}',
        ],
    ),
    (
        "a template of a short life",
        "apps/v1",
        "ReplicaSet",
        "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: "
        "[{name: a, image: b}], ephemeralContainers: [{name: e, image: b}]}}}",
        ["spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"],
    ),
    (
        "a selector of labels that the template has not",
        "apps/v1",
        "ReplicaSet",
        f"spec: {{selector: {{matchExpressions: [{{key: a, operator: NotIn, values: [b]}}]}}, template: {TEMPLATE}}}",
        ['spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
    ),
    (
        "fewer than no pods",
        "apps/v1",
        "Deployment",
        f"spec: {{selector: {{matchLabels: {{a: b}}}}, template: {TEMPLATE}, "
        "strategy: {rollingUpdate: {maxSurge: -1, maxUnavailable: 5x}}}",
        [
            f'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "5x": {PERCENT}',
            "spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or equal to 0",
        ],
    ),
    (
        "a controller whose selector selects others",
        "v1",
        "ReplicationController",
        f"spec: {{selector: {{a: c}}, template: {ONCE}}}",
        [
            'spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`',
            'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
        ],
    ),
    ("a controller", "v1", "ReplicationController", f"spec: {{template: {TEMPLATE}}}", []),
    ("a template alone", "v1", "PodTemplate", f"template: {ONCE}", []),
    (
        "an unknown order",
        "apps/v1",
        "StatefulSet",
        f"spec: {{podManagementPolicy: Random, updateStrategy: {{type: Now}}, "
        f"selector: {{matchLabels: {{a: b}}}}, template: {TEMPLATE}}}",
        [
            "spec.podManagementPolicy: Invalid value: \"Random\": must be 'OrderedReady' or 'Parallel'",
            'spec.updateStrategy: Invalid value: {"Type":"Now","RollingUpdate":null}: '
            "must be 'RollingUpdate' or 'OnDelete'",
        ],
    ),
    (
        "a job that selects other pods",
        "batch/v1",
        "Job",
        f"spec: {{manualSelector: true, selector: {{matchLabels: {{a: c}}}}, template: {ONCE}}}",
        ['spec.template.metadata.labels: Invalid value: {"a":"b"}: `selector` does not match template `labels`'],
    ),
    (
        "a job that selects its own",
        "batch/v1",
        "Job",
        f"spec: {{manualSelector: true, selector: {{matchLabels: {{a: b}}}}, template: {ONCE}}}",
        [],
    ),
]


@pytest.mark.parametrize(
    ("version", "kind", "fields", "wanted"), [r[1:] for r in OF_OTHERS], ids=[r[0] for r in OF_OTHERS]
)
def test_other_kinds(version: str, kind: str, fields: str, wanted: list[str]) -> None:
    assert said(f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: x}}, {fields}}}") == wanted


def test_the_name_of_a_cron_job_leaves_room_for_its_jobs() -> None:
    spec = f"{{schedule: '* * * * *', jobTemplate: {{spec: {{template: {ONCE}}}}}}}"
    longest, longer = "a" * 52, "a" * 53
    text = "{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: {name}}}, spec: {spec}}}"
    assert said(text.format(name=longest, spec=spec)) == []
    assert said(text.format(name=longer, spec=spec)) == [
        f'metadata.name: Invalid value: "{longer}": must be no more than 52 characters'
    ]
