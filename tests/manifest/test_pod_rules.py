"""One row a rule of pods: a fragment of a manifest, and exactly what the API server says about it, in its order."""

# ruff: noqa: E501 - the server's sentences are as long as they are

from __future__ import annotations

import pytest

from tests.support.manifests import LABEL, NAME_PART, SEARCH, SUBDOMAIN, said

C = "spec.containers[0]"
ENV = f"{C}.env[0].valueFrom"
LABEL_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
IP = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
NODES = f"spec.affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0]"
CLOUD = "spec.volumes[0]"
SIZES = "1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei"
ODD_WINDOWS = "cannot be set for a windows pod"
MANY = "may not specify more than 1 volume type"
LONG = "a" * 300


def ref(resource: str, divisor: str) -> str:
    return f"env: [{{name: A, valueFrom: {{resourceFieldRef: {{resource: {resource}, divisor: {divisor}}}}}}}]"


CONTAINERS = [
    (
        "a divisor by its spelling",
        ref("limits.cpu", "2m"),
        [
            f'{ENV}.resourceFieldRef.divisor: Invalid value: "limits.cpu": only divisor\'s values 1m and 1 are supported with the cpu resource'
        ],
    ),
    ("a divisor that is the same amount", ref("limits.cpu", "1000m"), []),
    (
        "a divisor of memory",
        ref("requests.memory", "1024"),
        [
            f'{ENV}.resourceFieldRef.divisor: Invalid value: "requests.memory": only divisor\'s values {SIZES} are supported with the memory resource'
        ],
    ),
    (
        "a divisor of disk",
        ref("limits.ephemeral-storage", "3"),
        [
            f'{ENV}.resourceFieldRef.divisor: Invalid value: "limits.ephemeral-storage": only divisor\'s values {SIZES} are supported with the local ephemeral storage resource'
        ],
    ),
    (
        "a divisor of pages",
        ref("limits.hugepages-2Mi", "5"),
        [
            f'{ENV}.resourceFieldRef.divisor: Invalid value: "limits.hugepages-2Mi": only divisor\'s values {SIZES} are supported with the hugepages resource'
        ],
    ),
    (
        "no divisor of an unknown resource",
        ref("limits.gpu", "5"),
        [
            f'{ENV}.resourceFieldRef.resource: Unsupported value: "limits.gpu": supported values: "limits.cpu", "limits.ephemeral-storage", "limits.memory", "requests.cpu", "requests.ephemeral-storage", "requests.memory"'
        ],
    ),
    ("the old name of the node", "env: [{name: A, valueFrom: {fieldRef: {fieldPath: spec.host}}}]", []),
    (
        "a field that only volumes have",
        "env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.labels}}}]",
        [
            f'{ENV}.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"'
        ],
    ),
    (
        "a subscript of another field",
        "env: [{name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.name['a']\"}}}]",
        [
            f"{ENV}.fieldRef.fieldPath: Invalid value: \"metadata.name['a']\": error converting fieldPath: field label does not support subscript: metadata.name['a']"
        ],
    ),
    (
        "an empty subscript",
        "env: [{name: A, valueFrom: {fieldRef: {fieldPath: \"metadata.labels['']\"}}}]",
        [
            f'{ENV}.fieldRef: Invalid value: "": name part must be non-empty',
            f'{ENV}.fieldRef: Invalid value: "": {NAME_PART}',
        ],
    ),
    (
        "a file in a folder that is no volume",
        "env: [{name: A, valueFrom: {fileKeyRef: {volumeName: A_b, path: ..x, key: k}}}]",
        [
            f'{ENV}.fileKeyRef.volumeName: Invalid value: "A_b": {LABEL}',
            f'{ENV}.fileKeyRef.volumeName: Not found: "A_b"',
        ],
    ),
    (
        "a file of nothing",
        "env: [{name: A, valueFrom: {fileKeyRef: {}}}]",
        [
            f"{ENV}.fileKeyRef.key: Required value",
            f"{ENV}.fileKeyRef.volumeName: Required value",
            f"{ENV}.fileKeyRef.path: Required value",
            f'{ENV}.fileKeyRef.volumeName: Not found: ""',
        ],
    ),
    ("a set that ends with a dash", "envFrom: [{configMapRef: {name: ab-}}]", []),
    (
        "a key that ends with a dash",
        "env: [{name: A, valueFrom: {configMapKeyRef: {name: ab-, key: k}}}]",
        [f'{ENV}.configMapKeyRef.name: Invalid value: "ab-": {SUBDOMAIN}'],
    ),
    (
        "a port of a probe that is empty",
        "livenessProbe: {tcpSocket: {port: ''}}",
        [
            f'{C}.livenessProbe.tcpSocket.port: Invalid value: "": must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)',
            f'{C}.livenessProbe.tcpSocket.port: Invalid value: "": must contain at least one letter (a-z)',
        ],
    ),
    (
        "a port of a probe that is not there",
        "livenessProbe: {grpc: {}}",
        [f"{C}.livenessProbe.grpc.port: Invalid value: 0: must be between 1 and 65535, inclusive"],
    ),
    (
        "a readiness probe's grace",
        "readinessProbe: {exec: {command: [a]}, terminationGracePeriodSeconds: 0}",
        [
            f"{C}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0",
            f"{C}.readinessProbe.terminationGracePeriodSeconds: Invalid value: 0: must not be set for readinessProbes",
        ],
    ),
    (
        "resizing without names",
        "resizePolicy: [{resourceName: '', restartPolicy: ''}]",
        [f"{C}.resizePolicy: Required value", f"{C}.resizePolicy: Required value"],
    ),
    (
        "resizing of the unknown",
        "resizePolicy: [{resourceName: gpu, restartPolicy: Maybe}]",
        [
            f'{C}.resizePolicy: Unsupported value: "gpu": supported values: "cpu", "memory"',
            f'{C}.resizePolicy: Unsupported value: "Maybe": supported values: "NotRequired", "RestartContainer"',
        ],
    ),
    (
        "exit codes are not looked at",
        "restartPolicy: Never, restartPolicyRules: [{action: Restart, exitCodes: {operator: In, values: [256, -1, 7, 7]}}]",
        [],
    ),
    (
        "too many rules are looked at all the same",
        f"restartPolicy: Never, restartPolicyRules: [{', '.join(['{action: Restart, exitCodes: {operator: In}}'] * 20)}, {{action: Stop}}]",
        [
            f"{C}.restartPolicyRules: Too many: 21: must have at most 20 items",
            f'{C}.restartPolicyRules[20].action: Unsupported value: "Stop": supported values: "Restart", "RestartAllContainers"',
            f"{C}.restartPolicyRules[20].exitCodes: Required value: must be specified",
        ],
    ),
    (
        "too many exit codes",
        f"restartPolicy: Never, restartPolicyRules: [{{action: Restart, exitCodes: {{operator: In, values: {[0] * 256}}}}}]",
        [f"{C}.restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items"],
    ),
    (
        "claims that the pod does not know",
        "resources: {claims: [{name: a}, {name: ''}, {name: a}, {name: b, request: A_}, {name: b, request: A_}, {name: b}, {name: b}]}",
        [
            f'{C}.resources.claims[0]: Not found: "a": must be one of the names in pod.spec.resourceClaims which is empty',
            f"{C}.resources.claims[1]: Required value",
            f'{C}.resources.claims[2]: Duplicate value: "a"',
            f'{C}.resources.claims[2]: Not found: "a": must be one of the names in pod.spec.resourceClaims which is empty',
            f'{C}.resources.claims[3].request: Invalid value: "A_": {LABEL}',
            f'{C}.resources.claims[3]: Not found: "b": must be one of the names in pod.spec.resourceClaims which is empty',
            f'{C}.resources.claims[4].request: Invalid value: "A_": {LABEL}',
            f'{C}.resources.claims[4]: Duplicate value: "b/A_"',
            f'{C}.resources.claims[4]: Not found: "b": must be one of the names in pod.spec.resourceClaims which is empty',
            f'{C}.resources.claims[5]: Duplicate value: "b"',
            f'{C}.resources.claims[5]: Not found: "b": must be one of the names in pod.spec.resourceClaims which is empty',
            f'{C}.resources.claims[6]: Duplicate value: "b"',
            f'{C}.resources.claims[6]: Not found: "b": must be one of the names in pod.spec.resourceClaims which is empty',
        ],
    ),
    (
        "a resource with a long name",
        f"resources: {{requests: {{{'a' * 64}: 1}}}}",
        [
            f'{C}.resources.requests[{"a" * 64}]: Invalid value: "{"a" * 64}": name part must be no more than 63 bytes',
            f'{C}.resources.requests[{"a" * 64}]: Invalid value: "{"a" * 64}": must be a standard resource for containers',
        ],
    ),
    (
        "a resource of a quota",
        "resources: {limits: {requests.example.com/a: 1, pods: 1500m}}",
        [
            f'{C}.resources.limits[pods]: Invalid value: "pods": must be a standard resource for containers',
            f'{C}.resources.limits[pods]: Invalid value: "1500m": must be an integer',
            f'{C}.resources.limits[requests.example.com/a]: Invalid value: "requests.example.com/a": doesn\'t follow extended resource name standard',
            f'{C}.resources.requests[pods]: Invalid value: "pods": must be a standard resource for containers',
            f'{C}.resources.requests[pods]: Invalid value: "1500m": must be an integer',
            f'{C}.resources.requests[requests.example.com/a]: Invalid value: "requests.example.com/a": doesn\'t follow extended resource name standard',
        ],
    ),
    (
        "a profile that is nowhere",
        "securityContext: {appArmorProfile: {type: Localhost, localhostProfile: ' a'}, seccompProfile: {type: Odd, localhostProfile: x}}",
        [
            f'{C}.securityContext.seccompProfile.type: Unsupported value: "Odd": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
            f'{C}.securityContext.seccompProfile.localhostProfile: Invalid value: {{"Type":"Odd","LocalhostProfile":"x"}}: can only be set when seccomp type is Localhost',
            f'{C}.securityContext.appArmorProfile.localhostProfile: Invalid value: " a": must not be padded with whitespace',
        ],
    ),
    (
        "a profile with a long name",
        f"securityContext: {{appArmorProfile: {{type: Localhost, localhostProfile: {'a' * 4096}}}}}",
        [f"{C}.securityContext.appArmorProfile.localhostProfile: Too long: may not be more than 4095 bytes"],
    ),
    (
        "an internal struct in full",
        "securityContext: {allowPrivilegeEscalation: false, privileged: true, seLinuxOptions: {level: s0}, windowsOptions: {hostProcess: false}, appArmorProfile: {type: Unconfined}, runAsUser: 5}",
        [
            f'{C}.securityContext: Invalid value: {{"Capabilities":null,"Privileged":true,"SELinuxOptions":{{"User":"","Role":"","Type":"","Level":"s0"}},"WindowsOptions":{{"GMSACredentialSpecName":null,"GMSACredentialSpec":null,"RunAsUserName":null,"HostProcess":false}},"RunAsUser":5,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":{{"Type":"Unconfined","LocalhostProfile":null}}}}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true'
        ],
    ),
    (
        "two devices of one name",
        "volumeMounts: [{name: c, mountPath: /b}], volumeDevices: [{name: '', devicePath: /a}, {name: '', devicePath: /../a}, {name: c, devicePath: /b}, {name: c, devicePath: /d}]",
        [
            f'{C}.volumeMounts[0].name: Invalid value: "c": must not already exist in volumeDevices',
            f"{C}.volumeDevices[0].name: Required value",
            f'{C}.volumeDevices[0].name: Not found: ""',
            f"{C}.volumeDevices[1].name: Required value",
            f'{C}.volumeDevices[1].name: Not found: ""',
            f"{C}.volumeDevices[1].devicePath: Invalid value: \"/../a\": can not contain backsteps ('..')",
            f'{C}.volumeDevices[2].name: Invalid value: "c": must not already exist in volumeMounts',
            f'{C}.volumeDevices[2].devicePath: Invalid value: "/b": must not already exist as a path in volumeMounts',
            f'{C}.volumeDevices[3].name: Invalid value: "c": must be unique',
            f'{C}.volumeDevices[3].name: Invalid value: "c": must not already exist in volumeMounts',
        ],
    ),
    (
        "windows' users",
        "securityContext: {windowsOptions: {gmsaCredentialSpecName: A, gmsaCredentialSpec: '', runAsUserName: ''}}",
        [
            f'{C}.securityContext.windowsOptions.gmsaCredentialSpecName: Invalid value: "A": {SUBDOMAIN}',
            f'{C}.securityContext.windowsOptions.gmsaCredentialSpec: Invalid value: "": gmsaCredentialSpec cannot be an empty string',
            f'{C}.securityContext.windowsOptions.runAsUserName: Invalid value: "": runAsUserName cannot be an empty string',
        ],
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), [r[1:] for r in CONTAINERS], ids=[r[0] for r in CONTAINERS])
def test_a_container(fields: str, wanted: list[str]) -> None:
    volumes = "[{name: v, emptyDir: {}}, {name: c, persistentVolumeClaim: {claimName: c}}]"
    spec = f"{{containers: [{{name: a, image: b, {fields}}}], volumes: {volumes}}}"
    assert said(f"{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {spec}}}") == wanted


WINDOWS_USERS = [
    ("a\\tb", [" cannot contain control characters"]),
    ("a\\\\b\\\\c", [" cannot contain more than one backslash"]),
    (
        f"{'a' * 256}\\\\b",
        ["'s Domain length must be under 256 characters", "'s Domain doesn't match the NetBios nor the DNS format"],
    ),
    ("dom\\\\", ["'s User cannot be empty"]),
    ("b" * 105, ["'s User length must not be longer than 104 characters"]),
    (". .", ["'s User cannot contain only periods or spaces"]),
    ("a@b", ["'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]"]),
    ("example.com\\\\b", []),
    ("NET BIOS\\\\b", []),
]


@pytest.mark.parametrize(("name", "wanted"), WINDOWS_USERS, ids=[row[0][:12] for row in WINDOWS_USERS])
def test_a_user_of_windows(name: str, wanted: list[str]) -> None:
    text = f'{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {{securityContext: {{windowsOptions: {{runAsUserName: "{name}"}}}}, containers: [{{name: a, image: b}}]}}}}'
    assert [line.partition(": runAsUserName")[2] for line in said(text)] == wanted


def test_the_specification_of_an_account_has_a_size() -> None:
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {{securityContext: {{windowsOptions: {{gmsaCredentialSpec: {'a' * 65537}}}}}, containers: [{{name: a, image: b}}]}}}}"
    (line,) = said(text)
    assert line.endswith('a": gmsaCredentialSpec size must be under 64 KiB')


def pod_affinity(term: str) -> str:
    return f"affinity: {{podAffinity: {{{REQUIRED}: [{{topologyKey: x, {term}}}]}}}}"


TERM = f"spec.affinity.podAffinity.{REQUIRED}[0]"
SPREAD = "spec.topologySpreadConstraints[0]"
KEEP = "maxSkew: 1, topologyKey: a, whenUnsatisfiable: DoNotSchedule"
PODS = [
    ("signals are dropped", "containers: [{name: a, image: b, lifecycle: {stopSignal: SIGUSR1}}]", []),
    (
        "another system",
        "os: {name: plan9}",
        ['spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'],
    ),
    ("a system without a name", "os: {}", ["spec.os.name: Required value"]),
    (
        "windows' options on linux",
        "os: {name: linux}, securityContext: {windowsOptions: {}}, initContainers: [{name: i, image: b, securityContext: {windowsOptions: {}}}]",
        [
            "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod",
            "spec.initContainers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod",
        ],
    ),
    (
        "linux' options on windows",
        "os: {name: windows}, hostUsers: true, securityContext: {seLinuxChangePolicy: Recursive, fsGroup: 1, seccompProfile: {type: Unconfined}}, containers: [{name: a, image: b, securityContext: {privileged: false}}]",
        [
            f"spec.hostUsers: Forbidden: {ODD_WINDOWS}",
            f"spec.securityContext.seccompProfile: Forbidden: {ODD_WINDOWS}",
            f"spec.securityContext.fsGroup: Forbidden: {ODD_WINDOWS}",
            f"spec.securityContext.seLinuxChangePolicy: Forbidden: {ODD_WINDOWS}",
            f"{C}.securityContext.privileged: Forbidden: {ODD_WINDOWS}",
        ],
    ),
    (
        "resources of a windows pod",
        "os: {name: windows}, resources: {limits: {gpu: 1}}",
        ["spec.resources: Forbidden: may not be set for a windows pod"],
    ),
    (
        "some processes of the host",
        "securityContext: {windowsOptions: {hostProcess: true}}, containers: [{name: a, image: b}, {name: c, image: b, securityContext: {windowsOptions: {hostProcess: false}}}]",
        [
            "spec.containers[1].securityContext.windowsOptions.hostProcess: Invalid value: false: pod hostProcess value must be identical if both are specified, was true",
            'spec: Invalid value: "": If pod contains any hostProcess containers then all containers must be HostProcess containers',
            "spec.hostNetwork: Invalid value: false: hostNetwork must be true if pod contains any hostProcess containers",
        ],
    ),
    (
        "processes of the host",
        "hostNetwork: true, containers: [{name: a, image: b, securityContext: {windowsOptions: {hostProcess: true}}}]",
        [],
    ),
    (
        "labels of SELinux",
        "securityContext: {seLinuxChangePolicy: MountOption, supplementalGroupsPolicy: X, fsGroupChangePolicy: Z}",
        [
            'spec.securityContext.fsGroupChangePolicy: Unsupported value: "Z": supported values: "Always", "OnRootMismatch"',
            'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "X": supported values: "Merge", "Strict"',
            'spec.securityContext.seLinuxChangePolicy: Unsupported value: "MountOption": supported values: "Recursive"',
        ],
    ),
    (
        "block devices in a user namespace",
        "hostUsers: false, volumes: [{name: d, persistentVolumeClaim: {claimName: d}}], containers: [{name: a, image: b, volumeDevices: [{name: d, devicePath: /d}]}]",
        [f"{C}.volumeDevices: Forbidden: when `hostUsers` is false"],
    ),
    (
        "sysctls with slashes",
        "hostNetwork: true, hostIPC: true, securityContext: {sysctls: [{name: net/ipv4/conf/a.b/x, value: '1'}, {name: kernel/sem, value: '1'}, {name: kernel.shm_other, value: '1'}]}",
        [
            "spec.securityContext.sysctls[0].name: Invalid value: \"net/ipv4/conf/a.b/x\": may not be specified when 'hostNetwork' is true",
            "spec.securityContext.sysctls[1].name: Invalid value: \"kernel/sem\": may not be specified when 'hostIPC' is true",
        ],
    ),
    (
        "sysctls by two spellings",
        "securityContext: {sysctls: [{name: net/a, value: '1'}, {name: net.a, value: '1'}, {name: net.a, value: '1'}]}",
        ['spec.securityContext.sysctls[2].name: Duplicate value: "net.a"'],
    ),
    ("a mode of preemption that is empty", "preemptionPolicy: ''", ["spec.preemptionPolicy: Required value"]),
    (
        "a class of runtimes that is empty",
        "runtimeClassName: ''",
        [f'spec.runtimeClassName: Invalid value: "": {SUBDOMAIN}'],
    ),
    (
        "overhead of a class",
        "runtimeClassName: a, overhead: {gpu: 1}",
        [
            'spec.overhead.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
            'spec.overhead.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
        ],
    ),
    (
        "addresses",
        "dnsConfig: {nameservers: [1.2.3.04, '::ffff:1.2.3.4', '00001::1']}, hostAliases: [{ip: 'fe80::1%eth0'}, {ip: 010.1.1.1}]",
        [
            'spec.dnsConfig.nameservers[0]: Invalid value: "1.2.3.04": must not have leading 0s',
            'spec.dnsConfig.nameservers[1]: Invalid value: "::ffff:1.2.3.4": must not be an IPv4-mapped IPv6 address',
            'spec.dnsConfig.nameservers[2]: Invalid value: "00001::1": must not have leading 0s',
            f'spec.hostAliases[0].ip: Invalid value: "fe80::1%eth0": {IP}',
            'spec.hostAliases[1].ip: Invalid value: "010.1.1.1": must not have leading 0s',
        ],
    ),
    (
        "an address of long groups",
        "hostAliases: [{ip: '1::00001'}]",
        ['spec.hostAliases[0].ip: Invalid value: "1::00001": must not have leading 0s'],
    ),
    (
        "search domains with underscores",
        "dnsConfig: {searches: [_a.b_c.d, a_.b]}",
        [f'spec.dnsConfig.searches[1]: Invalid value: "a_.b": {SEARCH}'],
    ),
    (
        "a long search domain",
        f"dnsConfig: {{searches: [{LONG}_]}}",
        [
            f'spec.dnsConfig.searches[0]: Invalid value: "{LONG}_": must be no more than 253 characters',
            f'spec.dnsConfig.searches[0]: Invalid value: "{LONG}_": {SEARCH}',
        ],
    ),
    (
        "host names",
        "hostAliases: [{ip: 1.2.3.4, hostnames: [a, B_]}]",
        [f'spec.hostAliases[0].hostnames[1]: Invalid value: "B_": {SUBDOMAIN}'],
    ),
    (
        "a hostname in everybody's way",
        f"setHostnameAsFQDN: true, hostNetwork: true, hostnameOverride: {'a' * 65}.",
        [
            "spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true",
            "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true",
            "spec.hostnameOverride: Too long: may not be more than 64 bytes",
            f'spec.hostnameOverride: Invalid value: "{"a" * 65}.": {SUBDOMAIN}',
        ],
    ),
    (
        "init containers' ports on the host's network",
        "hostNetwork: true, initContainers: [{name: i, image: b, ports: [{containerPort: 1, hostPort: 2}]}]",
        [],
    ),
    (
        "an image with blanks is told last",
        "containers: [{name: a, image: ' b'}], nodeSelector: {a: 'b c'}, initContainers: [{name: i, image: 'b '}]",
        [
            f'spec.nodeSelector: Invalid value: "b c": {LABEL_VALUE}',
            f'{C}.image: Invalid value: " b": must not have leading or trailing whitespace',
            'spec.initContainers[0].image: Invalid value: "b ": must not have leading or trailing whitespace',
        ],
    ),
    (
        "an init container whose policy is wrong",
        "initContainers: [{name: a, image: b, restartPolicy: X}]",
        [
            'spec.initContainers[0].restartPolicy: Unsupported value: "X": supported values: "Always", "Never", "OnFailure"',
            'spec.initContainers[0].name: Duplicate value: "a"',
        ],
    ),
    (
        "an init container with rules and no policy",
        "initContainers: [{name: i, image: b, restartPolicyRules: [{action: X}]}]",
        [
            "spec.initContainers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used"
        ],
    ),
    (
        "ephemeral containers",
        "ephemeralContainers: [{name: a, image: ' b', targetContainerName: z, ports: [{containerPort: 1}], volumeMounts: [{name: v, mountPath: /a, subPath: x, subPathExpr: z}, {name: w, mountPath: /b}]}]",
        [
            'spec.ephemeralContainers[0].volumeMounts[0].name: Not found: "v"',
            'spec.ephemeralContainers[0].volumeMounts[0].subPathExpr: Invalid value: "z": subPathExpr and subPath are mutually exclusive',
            'spec.ephemeralContainers[0].volumeMounts[1].name: Not found: "w"',
            'spec.ephemeralContainers[0].image: Invalid value: " b": must not have leading or trailing whitespace',
            'spec.ephemeralContainers[0].name: Duplicate value: "a"',
            'spec.ephemeralContainers[0].targetContainerName: Not found: "z"',
            "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
            "spec.ephemeralContainers[0].volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container",
            "spec.ephemeralContainers[0].volumeMounts[0].subPathExpr: Forbidden: cannot be set for an Ephemeral Container",
            "spec.ephemeralContainers: Forbidden: cannot be set on create",
        ],
    ),
    (
        "nodes by values",
        f"affinity: {{nodeAffinity: {{{REQUIRED}: {{nodeSelectorTerms: [{{matchExpressions: [{{key: a, operator: In, values: ['b c']}}], matchFields: [{{key: metadata.name, operator: In, values: [A]}}, {{key: b, operator: Exists}}, {{key: metadata.name, operator: NotIn}}]}}]}}}}}}",
        [
            f'{NODES}.matchExpressions[0].values[0]: Invalid value: "b c": {LABEL_VALUE}',
            f'{NODES}.matchFields[0].values[0]: Invalid value: "A": {SUBDOMAIN}',
            f'{NODES}.matchFields[1].operator: Invalid value: "Exists": not a valid selector operator',
            f'{NODES}.matchFields[1].key: Invalid value: "b": not a valid field selector key',
            f"{NODES}.matchFields[2].values: Required value: must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
        ],
    ),
    (
        "labels' keys without a selector",
        pod_affinity("matchLabelKeys: [a], mismatchLabelKeys: ['b c']"),
        [
            f"{TERM}.matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
            f"{TERM}.mismatchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
        ],
    ),
    (
        "labels' keys that are no keys",
        pod_affinity("labelSelector: {}, matchLabelKeys: ['b c', a], mismatchLabelKeys: [a]"),
        [
            f'{TERM}.matchLabelKeys[0]: Invalid value: "b c": {NAME_PART}',
            f'{TERM}.matchLabelKeys[1]: Invalid value: "a": exists in both matchLabelKeys and mismatchLabelKeys',
        ],
    ),
    (
        "labels' keys that the selector has",
        pod_affinity("labelSelector: {matchLabels: {app: x}}, matchLabelKeys: [app]"),
        [f'{TERM}[0]: Invalid value: "app": exists in both matchLabelKeys and labelSelector'],
    ),
    (
        "labels' keys of a spread",
        f"topologySpreadConstraints: [{{{KEEP}, labelSelector: {{matchLabels: {{app: x}}}}, matchLabelKeys: [z, app]}}]",
        [f'{SPREAD}[1]: Invalid value: "app": exists in both matchLabelKeys and labelSelector'],
    ),
    (
        "spreads that are one",
        f"topologySpreadConstraints: [{{{KEEP}}}, {{{KEEP}}}, {{{KEEP}}}]",
        [
            'spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{a, DoNotSchedule}"',
            'spec.topologySpreadConstraints[1].{topologyKey, whenUnsatisfiable}: Duplicate value: "{a, DoNotSchedule}"',
        ],
    ),
    (
        "comparing tolerations",
        "tolerations: [{key: a, operator: Gt, value: '1'}, {key: a, operator: Lot}]",
        [
            'spec.tolerations[0].operator: Unsupported value: "Gt": supported values: "Equal", "Exists", "Lt", "Gt"',
            'spec.tolerations[1].operator: Unsupported value: "Lot": supported values: "Equal", "Exists"',
        ],
    ),
    (
        "claims of devices",
        "resourceClaims: [{name: A, resourceClaimName: B}, {name: a, resourceClaimTemplateName: C}, {name: a}, {}]",
        [
            f'spec.resourceClaims[0].name: Invalid value: "A": {LABEL}',
            f'spec.resourceClaims[0].resourceClaimName: Invalid value: "B": {SUBDOMAIN}',
            f'spec.resourceClaims[1].resourceClaimTemplateName: Invalid value: "C": {SUBDOMAIN}',
            'spec.resourceClaims[2].name: Duplicate value: "a"',
            'spec.resourceClaims[2]: Invalid value: {"Name":"a","ResourceClaimName":null,"ResourceClaimTemplateName":null}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
            "spec.resourceClaims[3].name: Required value",
            'spec.resourceClaims[3]: Invalid value: {"Name":"","ResourceClaimName":null,"ResourceClaimTemplateName":null}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
        ],
    ),
    (
        "a claim that the pod knows",
        "resourceClaims: [{name: b, resourceClaimName: b}, {name: c, resourceClaimName: b}], containers: [{name: a, image: b, resources: {claims: [{name: b}, {name: z}]}}]",
        [f'{C}.resources.claims[1]: Not found: "z": must be one of the names in pod.spec.resourceClaims: b, c'],
    ),
    (
        "claims at pod level",
        "resources: {claims: [{name: a}], limits: {storage: 1, a b: 1}}",
        [
            "spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level",
            f'spec.resources.limits[a b]: Invalid value: "a b": {NAME_PART}',
            'spec.resources.limits[storage]: Unsupported value: "storage": supported values: "cpu", "hugepages-", "memory"',
            'spec.resources.claims[0]: Not found: "a": must be one of the names in pod.spec.resourceClaims which is empty',
        ],
    ),
    (
        "huge pages at pod level",
        "resources: {limits: {hugepages-2Mi: 2Mi, cpu: 1}}, containers: [{name: a, image: b, resources: {limits: {hugepages-2Mi: 4Mi, cpu: 1}}}]",
        [
            'spec.resources.requests[hugepages-2Mi]: Invalid value: "2Mi": must be greater than or equal to aggregate container requests of 4Mi',
            'spec.resources.limits[hugepages-2Mi]: Invalid value: "2Mi": must be greater than or equal to aggregate container limits of 4Mi',
            'spec.resources.containers[0][hugepages-2Mi].limits: Invalid value: "4Mi": must be less than or equal to pod limits of 2Mi',
        ],
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), [r[1:] for r in PODS], ids=[r[0] for r in PODS])
def test_a_pod(fields: str, wanted: list[str]) -> None:
    containers = (
        ""
        if "containers: [" in fields.replace("initContainers", "").replace("ephemeralContainers", "")
        else "containers: [{name: a, image: b}], "
    )
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{name: web, labels: {{app: x}}}}, spec: {{{containers}{fields}}}}}"
    assert said(text) == wanted


VOLUMES = [
    (
        "a repository with two faults",
        "gitRepo: {repository: r, directory: /../a}",
        [
            'gitRepo.directory: Invalid value: "/../a": must be a relative path',
            "gitRepo.directory: Invalid value: \"/../a\": must not contain '..'",
        ],
    ),
    ("a file without a path", "configMap: {name: c, items: [{key: k}]}", ["configMap.items[0].path: Required value"]),
    (
        "a share with a relative path",
        "nfs: {server: s, path: x}",
        ['nfs.path: Invalid value: "x": must be an absolute path'],
    ),
    (
        "one kind after another",
        "emptyDir: {}, downwardAPI: {}, cephfs: {monitors: [m]}, nfs: {server: s, path: /x}",
        [f"nfs: Forbidden: {MANY}", f"cephFS: Forbidden: {MANY}", f"downwarAPI: Forbidden: {MANY}"],
    ),
    (
        "a disk of Google's",
        "gcePersistentDisk: {partition: 256}",
        [
            "persistentDisk.pdName: Required value",
            "persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive",
        ],
    ),
    (
        "a disk of Amazon's",
        "awsElasticBlockStore: {volumeID: a, partition: -1}",
        ["awsElasticBlockStore.partition: Invalid value: -1: must be between 1 and 255, inclusive"],
    ),
    (
        "a target without a form",
        "iscsi: {targetPortal: p, iqn: x, lun: 256, chapAuthSession: true, initiatorName: iqn.2020-01.a}",
        [
            'iscsi.iqn: Invalid value: "x": must be valid format starting with iqn, eui, or naa',
            "iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive",
            "iscsi.secretRef: Required value",
            'iscsi.initiatorname: Invalid value: "iqn.2020-01.a": must be valid format',
        ],
    ),
    (
        "targets of other forms",
        "iscsi: {targetPortal: p, iqn: eui.0123456789abcdef, lun: 1, initiatorName: naa.0}",
        ['iscsi.initiatorname: Invalid value: "naa.0": must be valid format'],
    ),
    (
        "a target with a long portal",
        f"iscsi: {{targetPortal: {'p' * 63}, iqn: 'iqn.2001-04.com.example:storage', lun: 1, initiatorName: 'iqn.2001-04.com.example:me'}}",
        [
            'name: Invalid value: "v": Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.'
        ],
    ),
    ("a target that is right", "iscsi: {targetPortal: p, iqn: eui.0123456789abcdef, lun: 1}", []),
    (
        "fibre without names",
        "fc: {}",
        ["fc.targetWWNs: Required value: must specify either targetWWNs or wwids, but not both"],
    ),
    (
        "fibre with both names",
        "fc: {targetWWNs: [a], wwids: [b]}",
        [
            'fc.targetWWNs: Invalid value: ["a"]: targetWWNs and wwids can not be specified simultaneously',
            "fc.lun: Required value: lun is required if targetWWNs is specified",
        ],
    ),
    (
        "fibre with a wrong number",
        "fc: {targetWWNs: [a], lun: 256}",
        ["fc.lun: Invalid value: 256: must be between 0 and 255, inclusive"],
    ),
    ("fibre by identifiers", "fc: {wwids: [b]}", []),
    (
        "a data set of nothing",
        "flocker: {}",
        ["flocker: Required value: one of datasetName and datasetUUID is required"],
    ),
    (
        "a data set by both",
        "flocker: {datasetName: a/b, datasetUUID: u}",
        [
            'flocker: Invalid value: "resource": datasetName and datasetUUID can not be specified simultaneously',
            "flocker.datasetName: Invalid value: \"a/b\": must not contain '/'",
        ],
    ),
    (
        "a registry of nothing",
        "quobyte: {}",
        [
            "quobyte.registry: Required value: must be a host:port pair or multiple pairs separated by commas",
            "quobyte.volume: Required value",
        ],
    ),
    (
        "a registry without a port",
        "quobyte: {registry: 'a,b:1', volume: v}",
        ['quobyte.registry: Invalid value: "a,b:1": must be a host:port pair or multiple pairs separated by commas'],
    ),
    (
        "a tenant with a long name",
        f"quobyte: {{registry: 'b:1', volume: v, tenant: {'t' * 65}}}",
        ["quobyte.tenant: Required value: must be a UUID and may not exceed a length of 64 characters"],
    ),
    (
        "a driver with reserved options",
        "flexVolume: {driver: d, options: {K8s.io/a: b, a.kubernetes.io: c, x: z}}",
        [
            'flexVolume.options[K8s.io/a]: Invalid value: "K8s.io/a": kubernetes.io and k8s.io namespaces are reserved',
            'flexVolume.options[a.kubernetes.io]: Invalid value: "a.kubernetes.io": kubernetes.io and k8s.io namespaces are reserved',
        ],
    ),
    (
        "a disk of Microsoft's",
        "azureDisk: {diskName: d, diskURI: x, cachingMode: X, kind: Z}",
        [
            'azureDisk.cachingMode: Unsupported value: "X": supported values: "None", "ReadOnly", "ReadWrite"',
            'azureDisk.kind: Unsupported value: "Z": supported values: "Dedicated", "Managed", "Shared"',
            'azureDisk.diskURI: Unsupported value: "x": supported values: "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"',
        ],
    ),
    (
        "a managed disk of Microsoft's",
        "azureDisk: {diskName: d, diskURI: 'https://x', kind: Managed}",
        [
            'azureDisk.diskURI: Unsupported value: "https://x": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"'
        ],
    ),
    ("a disk of Microsoft's that is right", "azureDisk: {diskName: d, diskURI: 'https://x'}", []),
    (
        "a volume of StorageOS",
        "storageos: {volumeName: A, volumeNamespace: B, secretRef: {}}",
        [
            f'storageos.volumeName: Invalid value: "A": {LABEL}',
            f'storageos.volumeNamespace: Invalid value: "B": {LABEL}',
            "storageos.secretRef.name: Required value",
        ],
    ),
    ("a volume of Cinder", "cinder: {volumeID: a, secretRef: {name: s}}", []),
    (
        "a driver's secret",
        "csi: {driver: A.b, nodePublishSecretRef: {name: B_}}",
        [f'csi.name: Invalid value: "B_": {SUBDOMAIN}'],
    ),
    (
        "a claim's template with a name",
        "ephemeral: {volumeClaimTemplate: {metadata: {name: a, uid: u, labels: {a: b}}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}",
        [
            "ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set",
            "ephemeral.volumeClaimTemplate.metadata.uID: Forbidden: cannot be set",
        ],
    ),
    (
        "two sources in one",
        "projected: {sources: [{secret: {}, configMap: {name: c, items: [{key: k, path: p}, {key: l, path: p}]}, downwardAPI: {items: [{path: p, fieldRef: {fieldPath: metadata.name}}]}}]}",
        [
            "projected.sources[0].secret.name: Required value",
            'projected: Invalid value: "c": conflicting duplicate paths',
            'projected: Invalid value: "p": conflicting duplicate paths',
            "projected.sources[0]: Forbidden: may not specify more than 1 volume type per source",
        ],
    ),
    (
        "a token",
        "projected: {sources: [{serviceAccountToken: {path: ..x, expirationSeconds: 0}}]}",
        [
            "projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 0: may not specify a duration less than 10 minutes",
            "projected.path: Invalid value: \"..x\": must not start with '..'",
            "projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set",
        ],
    ),
    ("an image of nothing", "image: {pullPolicy: Always}", ["image.reference: Required value"]),
]


@pytest.mark.parametrize(("source", "wanted"), [r[1:] for r in VOLUMES], ids=[r[0] for r in VOLUMES])
def test_a_volume(source: str, wanted: list[str]) -> None:
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {{volumes: [{{name: v, {source}}}], containers: [{{name: a, image: b}}]}}}}"
    assert said(text) == [f"{CLOUD}.{line}" for line in wanted]


CLAIM = (
    "ephemeral: {volumeClaimTemplate: {spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}}"
)


def test_a_claim_that_a_pod_makes_is_not_one_that_it_uses() -> None:
    volumes = f"[{{name: v, {CLAIM}}}, {{name: w, persistentVolumeClaim: {{claimName: web-v}}}}]"
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{name: web}}, spec: {{volumes: {volumes}, containers: [{{name: a, image: b}}]}}}}"
    assert said(text) == [
        'spec.volumes[1].persistentVolumeClaim.claimName: Invalid value: "web-v": must not reference a PVC that gets created for an ephemeral volume'
    ]


def test_the_name_of_a_claim_that_a_pod_makes_has_an_end() -> None:
    name = "a" * 252
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{volumes: [{{name: v, {CLAIM}}}], containers: [{{name: a, image: b}}]}}}}"
    assert said(text) == [
        f'spec.volumes[0].name: Invalid value: "v": PVC name "{name}-v": must be no more than 253 characters'
    ]


METADATA = [
    (
        "an unqualified finalizer",
        "finalizers: [a, example.com/b, kubernetes]",
        [
            'metadata.finalizers[0]: Invalid value: "a": name is neither a standard finalizer name nor is it fully qualified'
        ],
    ),
    (
        "finalizers that exclude each other",
        "finalizers: [orphan, foregroundDeletion]",
        [
            'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set'
        ],
    ),
    (
        "an owner that is an event",
        "ownerReferences: [{apiVersion: v1, kind: Event, name: a, uid: u, controller: true}]",
        [
            'metadata.ownerReferences: Invalid value: {"apiVersion":"v1","kind":"Event","name":"a","uid":"u","controller":true}: /v1, Kind=Event is disallowed from being an owner'
        ],
    ),
    (
        "an owner of two groups",
        "ownerReferences: [{apiVersion: a/b/c, kind: K, name: a, uid: u}]",
        ['metadata.ownerReferences.apiVersion: Invalid value: "a/b/c": version must not be empty'],
    ),
    (
        "three controllers",
        "ownerReferences: [{apiVersion: v1, kind: A, name: a, uid: u, controller: true}, {apiVersion: v1, kind: B, name: b, uid: u}, {apiVersion: v1, kind: C, name: c, uid: u, controller: true, blockOwnerDeletion: false}]",
        [
            'metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind":"A","name":"a","uid":"u","controller":true},{"apiVersion":"v1","kind":"B","name":"b","uid":"u"},{"apiVersion":"v1","kind":"C","name":"c","uid":"u","controller":true,"blockOwnerDeletion":false}]: Only one reference can have Controller set to true. Found "true" in references for A/a and C/c'
        ],
    ),
    (
        "long parts of a key",
        f"annotations: {{{'a' * 254}/{'b' * 64}: x}}",
        [
            f'metadata.annotations: Invalid value: "{"a" * 254}/{"b" * 64}": prefix part must be no more than 253 bytes',
            f'metadata.annotations: Invalid value: "{"a" * 254}/{"b" * 64}": name part must be no more than 63 bytes',
        ],
    ),
    (
        "a mirror without a node",
        "annotations: {kubernetes.io/config.mirror: x}",
        [
            'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set'
        ],
    ),
    (
        "what it costs to delete a pod",
        "annotations: {controller.kubernetes.io/pod-deletion-cost: '+1'}",
        [
            'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer'
        ],
    ),
    ("a cost that is a number", "annotations: {controller.kubernetes.io/pod-deletion-cost: '-100'}", []),
    (
        "old profiles",
        "annotations: {seccomp.security.alpha.kubernetes.io/pod: x, container.seccomp.security.alpha.kubernetes.io/a: localhost//x, container.seccomp.security.alpha.kubernetes.io/b: docker/default}",
        [
            'metadata.annotations.seccomp.security.alpha.kubernetes.io/pod: Invalid value: "x": must be a valid seccomp profile',
            'metadata.annotations.container.seccomp.security.alpha.kubernetes.io/a: Invalid value: "/x": must be a relative path',
        ],
    ),
    (
        "old profiles of AppArmor",
        "annotations: {container.apparmor.security.beta.kubernetes.io/z: odd}",
        [
            'metadata.annotations[container.apparmor.security.beta.kubernetes.io/z]: Invalid value: "z": container not found',
            'metadata.annotations[container.apparmor.security.beta.kubernetes.io/z]: Invalid value: "odd": invalid AppArmor profile name: "odd"',
        ],
    ),
    (
        "old tolerations",
        'annotations: {scheduler.alpha.kubernetes.io/tolerations: \'[{"operator": "Exists", "value": "v"}]\'}',
        [
            "metadata.annotations.scheduler.alpha.kubernetes.io/tolerations[0].operator: Invalid value: \"v\": value must be empty when `operator` is 'Exists'"
        ],
    ),
    (
        "old tolerations that are none",
        "annotations: {scheduler.alpha.kubernetes.io/tolerations: '{}'}",
        [
            'metadata.annotations: Invalid value: "scheduler.alpha.kubernetes.io/tolerations": a list of tolerations is wanted'
        ],
    ),
]


@pytest.mark.parametrize(("fields", "wanted"), [r[1:] for r in METADATA], ids=[r[0] for r in METADATA])
def test_metadata(fields: str, wanted: list[str]) -> None:
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{name: web, {fields}}}, spec: {{containers: [{{name: a, image: b}}]}}}}"
    assert said(text) == wanted


@pytest.mark.parametrize(("prefix", "is_right"), [("web-", True), ("web_-", False), ("Web-", False)])
def test_a_prefix_of_a_name_is_checked_without_its_end(prefix: str, is_right: bool) -> None:
    """The server cuts two characters, so only the made name shows the underscore."""
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{generateName: {prefix}}}, spec: {{containers: [{{name: a, image: b}}]}}}}"
    fields = [line.partition(":")[0] for line in said(text)]
    assert fields == (
        [] if is_right else ["metadata.name"] if prefix == "web_-" else ["metadata.generateName", "metadata.name"]
    )


def test_a_static_pod_has_no_claims() -> None:
    text = "{apiVersion: v1, kind: Pod, metadata: {name: web, annotations: {kubernetes.io/config.mirror: x}}, spec: {nodeName: node, resourceClaims: [{}], containers: [{name: a, image: b}]}}"
    assert said(text) == [": Forbidden: static pods do not support resource claims"]


SECCOMP, ARMOR = "container.seccomp.security.alpha.kubernetes.io/a", "container.apparmor.security.beta.kubernetes.io/a"
POD_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
PROFILES = [
    (
        f"{POD_SECCOMP}: unconfined",
        "seccompProfile: {type: RuntimeDefault}",
        "",
        ["spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match"],
    ),
    (f"{POD_SECCOMP}: docker/default", "seccompProfile: {type: RuntimeDefault}", "", []),
    (
        f"{SECCOMP}: localhost/x",
        "",
        "seccompProfile: {type: Localhost, localhostProfile: z}",
        [
            f"{C}.securityContext.seccompProfile.localhostProfile: Forbidden: seccomp profile in annotation and field must match"
        ],
    ),
    (
        f"{SECCOMP}: runtime/default",
        "",
        "seccompProfile: {type: Unconfined}",
        [f"{C}.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match"],
    ),
    (
        f"{ARMOR}: runtime/default",
        "",
        "appArmorProfile: {type: Localhost, localhostProfile: z}",
        [f"{C}.securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match"],
    ),
    (f"{ARMOR}: localhost/z", "", "appArmorProfile: {type: Localhost, localhostProfile: z}", []),
    # The annotation was copied into the container, so it is not compared with the pod's own profile.
    (f"{ARMOR}: unconfined", "appArmorProfile: {type: RuntimeDefault}", "", []),
    (
        f"{ARMOR}: localhost/",
        "appArmorProfile: {type: RuntimeDefault}",
        "",
        [f"{C}.securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match"],
    ),
]


@pytest.mark.parametrize(
    ("annotation", "pod", "container", "wanted"), PROFILES, ids=[row[0] + row[1] + row[2] for row in PROFILES]
)
def test_old_annotations_and_fields_agree(annotation: str, pod: str, container: str, wanted: list[str]) -> None:
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{name: web, annotations: {{{annotation}}}}}, spec: {{securityContext: {{{pod}}}, containers: [{{name: a, image: b, securityContext: {{{container}}}}}]}}}}"
    assert said(text) == wanted


def test_windows_knows_no_app_armor_and_old_annotations_about_it_are_left_alone() -> None:
    text = f"{{apiVersion: v1, kind: Pod, metadata: {{name: web, annotations: {{{ARMOR}: unconfined}}}}, spec: {{os: {{name: windows}}, containers: [{{name: a, image: b, securityContext: {{appArmorProfile: {{type: RuntimeDefault}}}}}}]}}}}"
    assert said(text) == [f"{C}.securityContext.appArmorProfile: Forbidden: {ODD_WINDOWS}"]


TEMPLATES = [
    (
        "labels and annotations without their metadata",
        "metadata: {labels: {a: 'b c'}, annotations: {controller.kubernetes.io/pod-deletion-cost: x}}, spec: {containers: [{name: a, image: b}]}",
        [
            f'template.labels: Invalid value: "b c": {LABEL_VALUE}',
            'template.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "x": must be a 32bit integer',
        ],
    ),
    (
        "what only pods must have",
        "spec: {hostNetwork: true, volumes: [{name: v, image: {}}, {name: w, projected: {sources: [{serviceAccountToken: {path: t}}]}}], containers: [{name: a, image: ' b', ports: [{containerPort: 1}]}]}",
        [],
    ),
    (
        "ports that are others",
        "spec: {hostNetwork: true, containers: [{name: a, image: b, ports: [{containerPort: 1, hostPort: 2}]}]}",
        [
            "template.spec.containers[0].ports[0].hostPort: Invalid value: 2: must match `containerPort` when `hostNetwork` is true"
        ],
    ),
    (
        "a negative time to end",
        "spec: {terminationGracePeriodSeconds: -5, containers: [{name: a, image: b, lifecycle: {preStop: {sleep: {seconds: 0}}}}]}",
        [
            "template.spec.containers[0].lifecycle.preStop.sleep: Invalid value: 0: must be non-negative and less than terminationGracePeriodSeconds (-5)"
        ],
    ),
    (
        "ephemeral containers",
        "spec: {containers: [{name: a, image: b}], ephemeralContainers: [{name: e, image: b}]}",
        ["template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"],
    ),
    (
        "old annotations",
        f"metadata: {{annotations: {{{ARMOR}: unconfined}}}}, spec: {{containers: [{{name: a, image: b, securityContext: {{appArmorProfile: {{type: RuntimeDefault}}}}}}]}}",
        [
            "template.spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match"
        ],
    ),
]


@pytest.mark.parametrize(("template", "wanted"), [r[1:] for r in TEMPLATES], ids=[r[0] for r in TEMPLATES])
def test_a_template(template: str, wanted: list[str]) -> None:
    assert said(f"{{apiVersion: v1, kind: PodTemplate, metadata: {{name: web}}, template: {{{template}}}}}") == wanted
