"""One row per rule about Services: what the server says of it, what it warns of, and what it makes of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.core.manifest import Source, load
from tests.support.manifests import LABEL, NAME_PART, SUBDOMAIN, said

PORT = "ports: [{port: 80}]"
ONLY_BALANCED = "Forbidden: may only be used when `type` is 'LoadBalancer'"
RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
POLICY = "spec.ipFamilyPolicy"
NEEDS_TWO = "must be 'RequireDualStack' or 'PreferDualStack' when multiple"
CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def service(spec: str, annotations: str = "") -> str:
    return (
        f"{{apiVersion: v1, kind: Service, metadata: {{name: web, annotations: {{{annotations}}}}}, "
        f"spec: {{selector: {{app: web}}, {spec}}}}}"
    )


SPECS: list[tuple[str, list[str]]] = [
    (f"type: LoadBalancer, {PORT}", []),
    ("ports: []", ["spec.ports: Required value"]),
    (
        f"type: Odd, {PORT}",
        [
            'spec.type: Unsupported value: "Odd": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'
        ],
    ),
    # ports
    (
        "ports: [{port: 0, targetPort: 0}]",
        [
            "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
            "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
        ],
    ),
    (
        "ports: [{port: 70000, targetPort: 0}]",
        [
            "spec.ports[0].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
            "spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
        ],
    ),
    ("ports: [{port: 80, targetPort: 0}]", []),
    ("ports: [{port: 80, targetPort: ''}]", []),
    (
        "ports: [{port: 80, targetPort: -1}]",
        ["spec.ports[0].targetPort: Invalid value: -1: must be between 1 and 65535, inclusive"],
    ),
    (
        "ports: [{port: 80}, {port: 81, name: A}, {port: 82, name: b}, {port: 83, name: b}]",
        [
            "spec.ports[0].name: Required value",
            f'spec.ports[1].name: Invalid value: "A": {LABEL}',
            'spec.ports[3].name: Duplicate value: "b"',
        ],
    ),
    (
        "ports: [{port: 80, protocol: HTTP}]",
        ['spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'],
    ),
    ("ports: [{port: 80, appProtocol: kubernetes.io/h2c}]", []),
    ("ports: [{port: 80, appProtocol: -x}]", [f'spec.ports[0].appProtocol: Invalid value: "-x": {NAME_PART}']),
    (
        "ports: [{port: 80, nodePort: 30080}]",
        ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ),
    # node ports are taken before anything else is looked at
    (
        "type: NodePort, ports: [{port: 80, name: a, nodePort: 30080}, {port: 81, name: B, nodePort: 30080}]",
        [
            "spec.ports[1].nodePort: Invalid value: 30080: provided port is already allocated",
        ],
    ),
    (
        "type: NodePort, ports: [{port: 53, name: a, nodePort: 30053}, {port: 53, name: b, protocol: UDP, nodePort: 30053}]",
        [],
    ),
    ("type: NodePort, ports: [{port: 53, name: a}, {port: 53, name: b, protocol: UDP, nodePort: 30053}]", []),
    (
        "type: NodePort, ports: [{port: 53, name: a, nodePort: 30053}, {port: 53, name: b, protocol: UDP, nodePort: 30054}]",
        [],
    ),
    (
        "type: NodePort, ports: [{port: 53, name: a, nodePort: 30053}, {port: 53, name: b, nodePort: 30053}]",
        [
            "spec.ports[1].nodePort: Duplicate value: 30053",
            'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":53,"TargetPort":0,'
            '"NodePort":0}',
        ],
    ),
    (
        "type: NodePort, ports: [{port: 80, nodePort: 70000}]",
        [
            "spec.ports[0].nodePort: Invalid value: 70000: provided port is not in the valid range. The range of valid ports is "
            "30000-32767",
        ],
    ),
    # the address is chosen before anything else is looked at
    (f"clusterIP: 1.2.3, sessionAffinity: x, {PORT}", [f'spec.clusterIPs[0]: Invalid value: "1.2.3": {ADDRESS}']),
    (f"clusterIP: fe80::1%eth0, {PORT}", [f'spec.clusterIPs[0]: Invalid value: "fe80::1%eth0": {ADDRESS}']),
    (f"clusterIP: 010.0.0.1, {PORT}", ['spec.clusterIPs[0]: Invalid value: "010.0.0.1": must not have leading 0s']),
    (
        f"clusterIP: '::ffff:10.0.0.1', {PORT}",
        [
            'spec.clusterIPs[0]: Invalid value: "::ffff:10.0.0.1": must not be an IPv4-mapped IPv6 address',
        ],
    ),
    (
        f"clusterIPs: [10.0.0.1], {PORT}",
        [
            'spec.clusterIPs: Invalid value: ["10.0.0.1"]: must be empty when `clusterIP` is not specified',
        ],
    ),
    (
        f"clusterIP: 10.0.0.1, clusterIPs: [10.0.0.2], {PORT}",
        [
            'spec.clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`',
        ],
    ),
    (
        "clusterIP: None, clusterIPs: [None, 10.0.0.1]",
        [
            'spec.clusterIPs: Invalid value: ["None","10.0.0.1"]: \'None\' must be the first and only value',
        ],
    ),
    (
        f"ipFamilyPolicy: PreferDualStack, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, '::1', 10.0.0.2], {PORT}",
        [
            'spec.clusterIPs: Invalid value: ["10.0.0.1","::1","10.0.0.2"]: may only hold up to 2 values',
        ],
    ),
    (
        f"ipFamilyPolicy: PreferDualStack, clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, 10.0.0.2], ipFamilies: [IPv4], {PORT}",
        [
            'spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family',
        ],
    ),
    (
        f"clusterIP: 10.0.0.1, ipFamilies: [IPv6], {PORT}",
        [
            'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
        ],
    ),
    (
        f"clusterIP: '2001:db8::1', ipFamilies: [IPv4], {PORT}",
        [
            'spec.clusterIPs[0]: Invalid value: "2001:db8::1": expected an IPv4 value as indicated by `ipFamilies[0]`',
        ],
    ),
    (
        f"clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1], ipFamilies: [IPv6], {PORT}",
        [
            'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
        ],
    ),
    (
        f"ipFamilies: [IPv5, IPv4, IPv4], {PORT}",
        [
            'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"',
            'spec.ipFamilies[2]: Duplicate value: "IPv4"',
        ],
    ),
    (
        f"ipFamilyPolicy: Both, {PORT}",
        [
            f'{POLICY}: Unsupported value: "Both": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
        ],
    ),
    (
        f"clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, '2001:db8::1'], {PORT}",
        [
            f'{POLICY}: Invalid value: "SingleStack": {NEEDS_TWO} cluster IPs are specified',
        ],
    ),
    (
        f"ipFamilies: [IPv4, IPv6], ipFamilyPolicy: SingleStack, {PORT}",
        [
            f'{POLICY}: Invalid value: "SingleStack": {NEEDS_TWO} IP families are specified',
        ],
    ),
    # types
    (
        f"type: NodePort, clusterIP: None, {PORT}",
        [
            "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
        ],
    ),
    (
        f"type: LoadBalancer, clusterIP: None, {PORT}",
        [
            "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for LoadBalancer services",
        ],
    ),
    ("type: ExternalName", ["spec.externalName: Required value"]),
    ("type: ExternalName, externalName: .", ["spec.externalName: Required value"]),
    ("type: ExternalName, externalName: a.example.com.", []),
    (
        "type: ExternalName, externalName: A.example.com.",
        [f'spec.externalName: Invalid value: "A.example.com": {SUBDOMAIN}'],
    ),
    (
        "type: ExternalName, externalName: a.b, clusterIP: 10.0.0.1, ipFamilies: [IPv4], ipFamilyPolicy: SingleStack",
        [
            "spec.clusterIPs: Forbidden: may not be set for ExternalName services",
            "spec.ipFamilies: Forbidden: may not be set for ExternalName services",
            "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services",
        ],
    ),
    ("type: ExternalName, externalName: a.b, clusterIP: ''", []),
    # affinity
    (
        f"sessionAffinity: Cookie, {PORT}",
        ['spec.sessionAffinity: Unsupported value: "Cookie": supported values: "ClientIP", "None"'],
    ),
    (f"sessionAffinity: ClientIP, sessionAffinityConfig: {{clientIP: {{timeoutSeconds: 86400}}}}, {PORT}", []),
    (
        f"sessionAffinity: ClientIP, sessionAffinityConfig: {{clientIP: {{timeoutSeconds: 0}}}}, {PORT}",
        [
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 0: must be greater than 0 and less than 86400",
        ],
    ),
    (
        f"sessionAffinity: ClientIP, sessionAffinityConfig: {{clientIP: {{timeoutSeconds: 86401}}}}, {PORT}",
        [
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than "
            "86400",
        ],
    ),
    # addresses outside
    (
        f"externalIPs: [1.2.3, 0.0.0.0, 127.0.0.1, 169.254.1.1, 224.0.0.1, 'ff02::1', 8.8.8.8], {PORT}",
        [
            f'spec.externalIPs[0]: Invalid value: "1.2.3": {ADDRESS}',
            'spec.externalIPs[1]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)',
            'spec.externalIPs[2]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
            'spec.externalIPs[3]: Invalid value: "169.254.1.1": may not be in the link-local range (169.254.0.0/16, fe80::/10)',
            'spec.externalIPs[4]: Invalid value: "224.0.0.1": may not be in the link-local multicast range (224.0.0.0/24, '
            "ff02::/10)",
            'spec.externalIPs[5]: Invalid value: "ff02::1": may not be in the link-local multicast range (224.0.0.0/24, '
            "ff02::/10)",
        ],
    ),
    # load balancers
    (f"loadBalancerSourceRanges: [10.0.0.0/8], {PORT}", [f"spec.LoadBalancerSourceRanges: {ONLY_BALANCED}"]),
    (
        f"type: LoadBalancer, loadBalancerSourceRanges: [' 10.0.0.0/8 ', 10.0.0.0, 10.0.0.1/8, 10.0.0.0/08, "
        f"'::ffff:1.2.3.4/128', 10.0.0.0/33, 'a/8', '2001:db8::/32'], {PORT}",
        [
            f'spec.LoadBalancerSourceRanges[1]: Invalid value: "10.0.0.0": {CIDR}',
            'spec.LoadBalancerSourceRanges[2]: Invalid value: "10.0.0.1/8": must not have bits set beyond the prefix length',
            'spec.LoadBalancerSourceRanges[3]: Invalid value: "10.0.0.0/08": must not have leading 0s in IP or prefix length',
            'spec.LoadBalancerSourceRanges[4]: Invalid value: "::ffff:1.2.3.4/128": must not have an IPv4-mapped IPv6 address',
            f'spec.LoadBalancerSourceRanges[5]: Invalid value: "10.0.0.0/33": {CIDR}',
            f'spec.LoadBalancerSourceRanges[6]: Invalid value: "a/8": {CIDR}',
        ],
    ),
    (
        f"allocateLoadBalancerNodePorts: false, loadBalancerClass: x/y, {PORT}",
        [
            f"spec.allocateLoadBalancerNodePorts: {ONLY_BALANCED}",
            f"spec.loadBalancerClass: {ONLY_BALANCED}",
        ],
    ),
    (
        f"type: LoadBalancer, loadBalancerClass: -x, {PORT}",
        [f'spec.loadBalancerClass: Invalid value: "-x": {NAME_PART}'],
    ),
    # traffic
    (
        f"externalTrafficPolicy: Local, {PORT}",
        [
            'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
        ],
    ),
    (f"externalIPs: [8.8.8.8], externalTrafficPolicy: Local, {PORT}", []),
    (
        f"type: NodePort, externalTrafficPolicy: Some, {PORT}",
        [
            'spec.externalTrafficPolicy: Unsupported value: "Some": supported values: "Cluster", "Local"',
        ],
    ),
    (
        f"type: NodePort, healthCheckNodePort: 30000, {PORT}",
        [
            "spec.healthCheckNodePort: Invalid value: 30000: may only be set when `type` is 'LoadBalancer' and "
            "`externalTrafficPolicy` is 'Local'",
        ],
    ),
    (f"type: LoadBalancer, externalTrafficPolicy: Local, {PORT}", []),
    (
        f"type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: -1, {PORT}",
        [
            "spec.healthCheckNodePort: Invalid value: -1: must be between 1 and 65535, inclusive",
        ],
    ),
    (
        f"internalTrafficPolicy: Near, trafficDistribution: Far, {PORT}",
        [
            'spec.internalTrafficPolicy: Unsupported value: "Near": supported values: "Cluster", "Local"',
            'spec.trafficDistribution: Unsupported value: "Far": supported values: "PreferClose", "PreferSameZone", '
            '"PreferSameNode"',
        ],
    ),
    (f"type: ExternalName, externalName: a.b, internalTrafficPolicy: Local, {PORT}", []),
]


@pytest.mark.parametrize(("spec", "expected"), SPECS, ids=[row[0][:70] for row in SPECS])
def test_what_the_server_says_of_a_service(spec: str, expected: list[str]) -> None:
    assert said(service(spec)) == expected


@pytest.mark.parametrize(
    ("annotations", "spec", "expected"),
    [
        (
            "service.kubernetes.io/topology-mode: Auto, service.kubernetes.io/topology-aware-hints: auto",
            PORT,
            [
                'metadata.annotations[service.kubernetes.io/topology-mode]: Invalid value: "Auto": must match '
                "annotations[service.kubernetes.io/topology-aware-hints] when both are specified"
            ],
        ),
        (f"{RANGES}: 10.0.0.0/8", PORT, [f"metadata.annotations[{RANGES}]: {ONLY_BALANCED}"]),
        (f"{RANGES}: ' '", f"type: LoadBalancer, {PORT}", []),
        (
            f"{RANGES}: '10.0.0.0/8 , x'",
            f"type: LoadBalancer, {PORT}",
            [f'metadata.annotations[{RANGES}]: Invalid value: "x": {CIDR}'],
        ),
    ],
)
def test_what_the_server_says_of_a_services_annotations(annotations: str, spec: str, expected: list[str]) -> None:
    assert said(service(spec, annotations)) == expected


WARNED: list[tuple[str, list[str]]] = [
    (PORT, []),
    (
        "clusterIP: None, loadBalancerIP: 1.2.3.4, externalIPs: [8.8.8.8], sessionAffinity: ClientIP",
        [
            "spec.loadBalancerIP is ignored for headless services",
            "spec.externalIPs is ignored for headless services",
            "spec.SessionAffinity is ignored for headless services",
        ],
    ),
    (
        f"externalIPs: ['2001:DB8::1'], {PORT}",
        [
            'spec.externalIPs[0]: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
        ],
    ),
    (
        "type: ExternalName, externalName: a.b, externalIPs: [8.8.8.8]",
        [
            'spec.externalIPs is ignored when spec.type is "ExternalName"',
        ],
    ),
    (
        f"externalName: a.b, trafficDistribution: PreferClose, {PORT}",
        [
            'spec.externalName is ignored when spec.type is not "ExternalName"',
            'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
        ],
    ),
    (
        f"type: LoadBalancer, loadBalancerIP: 010.1.2.3, {PORT}",
        [
            'spec.loadBalancerIP: non-standard IP address "010.1.2.3" is invalid: use "10.1.2.3"',
        ],
    ),
    (
        f"type: LoadBalancer, loadBalancerIP: '::ffff:1.2.3.4', {PORT}",
        [
            'spec.loadBalancerIP: non-standard IP address "::ffff:1.2.3.4" is invalid: use "1.2.3.4"',
        ],
    ),
    (f"type: LoadBalancer, loadBalancerIP: somewhere, {PORT}", []),
    (
        f"type: LoadBalancer, loadBalancerSourceRanges: ['2001:DB8::/32', ' ::/0', '::/0', 10.0.0.0/8], {PORT}",
        [
            'spec.loadBalancerSourceRanges[0]: IPv6 CIDR value "2001:DB8::/32" should be in RFC 5952 canonical format '
            '("2001:db8::/32")',
        ],
    ),
    # what only a cluster knows
    (
        f"clusterIP: 10.96.0.77, {PORT}",
        [
            "spec.clusterIP: only a cluster knows which addresses its Services have: this one gets another one here",
        ],
    ),
    (
        f"ipFamilyPolicy: RequireDualStack, {PORT}",
        [
            "spec.ipFamilyPolicy: only a cluster knows which IP families its Services have: this one has IPv4 addresses here",
        ],
    ),
    (
        f"ipFamilies: [IPv6], {PORT}",
        [
            "spec.ipFamilies: only a cluster knows which IP families its Services have: this one has IPv4 addresses here",
        ],
    ),
    (f"ipFamilyPolicy: PreferDualStack, {PORT}", []),
    (
        "type: NodePort, ports: [{port: 80, nodePort: 80}]",
        [
            "spec.ports[0].nodePort: only a cluster knows its range of node ports (30000-32767 unless it says otherwise): here "
            "80 is taken of this host",
        ],
    ),
    (
        f"type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 99, {PORT}",
        [
            "spec.healthCheckNodePort: only a cluster knows its range of node ports (30000-32767 unless it says otherwise): here "
            "99 is not answered",
        ],
    ),
    ("type: NodePort, ports: [{port: 80, nodePort: 30080}]", []),
]


def warned(text: str) -> list[str]:
    result = load([Source(name="f", text=text)])
    assert result.ok
    return [f"{one.field}: {one.message}" if one.field else one.message for one in result.warnings]


@pytest.mark.parametrize(("spec", "expected"), WARNED, ids=[row[0][:70] for row in WARNED])
def test_what_a_services_author_is_warned_of(spec: str, expected: list[str]) -> None:
    found = warned(service(spec))
    assert sorted(found) == sorted(expected)


def test_an_old_annotation_is_warned_of() -> None:
    old = "service.kubernetes.io/topology-aware-hints"
    assert warned(service(PORT, f"{old}: auto")) == [
        f"annotation {old} is deprecated, please use service.kubernetes.io/topology-mode instead"
    ]


@pytest.mark.parametrize(
    ("spec", "stored"),
    [
        ("sessionAffinity: None, sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}", {"sessionAffinity": "None"}),
        (
            "sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {}}",
            {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 10800}}},
        ),
        (
            "sessionAffinity: ClientIP, sessionAffinityConfig: {clientIP: {timeoutSeconds: 5}}",
            {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 5}}},
        ),
        ("externalIPs: [8.8.8.8]", {"externalTrafficPolicy": "Cluster"}),
        ("type: ExternalName, externalName: a.b, internalTrafficPolicy: Local", {"internalTrafficPolicy": None}),
        ("ipFamilies: [IPv6]", {"ipFamilies": ["IPv6"], "ipFamilyPolicy": "SingleStack"}),
        (
            "clusterIP: 10.0.0.1, clusterIPs: [10.0.0.1, '2001:db8::1'], ipFamilyPolicy: PreferDualStack",
            {"ipFamilies": ["IPv4", "IPv6"]},
        ),
        ("clusterIP: '2001:db8::1'", {"ipFamilies": ["IPv6"]}),
        ("clusterIP: None, selector: null", {"ipFamilies": ["IPv4", "IPv6"], "ipFamilyPolicy": "RequireDualStack"}),
        ("clusterIP: None, selector: null, ipFamilies: [IPv6]", {"ipFamilies": ["IPv6", "IPv4"]}),
        ("clusterIP: None, selector: null, ipFamilyPolicy: SingleStack", {"ipFamilies": ["IPv4"]}),
        ("clusterIP: None", {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "clusterIPs": ["None"]}),
    ],
)
def test_what_the_server_makes_of_a_service(spec: str, stored: dict[str, Any]) -> None:
    text = f"{{apiVersion: v1, kind: Service, metadata: {{name: a}}, spec: {{{PORT}, {spec}}}}}"
    if "selector" not in spec:
        text = service(f"{PORT}, {spec}")
    (found,) = load([Source(name="f", text=text)]).objects
    assert {key: found.value["spec"].get(key) for key in stored} == stored
    assert "sessionAffinityConfig" not in found.value["spec"] or found.value["spec"]["sessionAffinity"] == "ClientIP"


def test_errors_about_an_address_point_to_where_it_is_written() -> None:
    text = json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "a"},
            "spec": {"clusterIP": "x", "ports": [{"port": 1}]},
        },
        indent=1,
    )
    (problem,) = load([Source(name="f", text=text)]).problems
    assert text.splitlines()[problem.line - 1].strip().startswith('"clusterIP"')
