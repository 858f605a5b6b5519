"""What a pod is called, its hosts file and its resolv.conf."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.container.containerconfig import Mount, MountType
from runner.core.container.identity import domain, kernel_hostname
from runner.core.container.managedfiles import HOSTS, RESOLVER, managed_files, managed_mounts
from runner.core.container.messages import messages_plan
from runner.core.network.etchosts import hosts_file, needs_hosts_file
from runner.core.network.resolvconf import ResolverConfig, parse_resolver_config, resolver_config
from runner.core.objects import ConfigError
from runner.core.reasons import EventReason, EventType
from tests.support.pods import make_pod

# Names.

NAMES: list[tuple[str, dict[str, Any], str, str]] = [
    ("a pod has no domain of itself", {"setHostnameAsFQDN": True}, "", "web"),
    ("a subdomain is a domain of the cluster", {"subdomain": "sub"}, "sub.default.svc.cluster.local", "web"),
    (
        "the kernel is told the full name when asked to",
        {"subdomain": "sub", "setHostnameAsFQDN": True},
        "sub.default.svc.cluster.local",
        "web.sub.default.svc.cluster.local",
    ),
    ("an override has no domain", {"subdomain": "sub", "hostnameOverride": "x.example"}, "", "x.example"),
]


@pytest.mark.parametrize(("spec", "inside", "kernel"), [r[1:] for r in NAMES], ids=[r[0] for r in NAMES])
def test_a_pod_has_a_name_and_a_domain(spec: dict[str, Any], inside: str, kernel: str) -> None:
    pod = make_pod(**spec)
    assert (domain(pod), kernel_hostname(pod)) == (inside, kernel)


def test_a_full_name_of_64_characters_is_the_longest() -> None:
    suffix = ".sub.default.svc.cluster.local"
    fits = make_pod(hostname="h" * (64 - len(suffix)), subdomain="sub", setHostnameAsFQDN=True)
    assert len(kernel_hostname(fits)) == 64
    longer = make_pod(hostname="h" * (65 - len(suffix)), subdomain="sub", setHostnameAsFQDN=True)
    with pytest.raises(ConfigError) as caught:
        kernel_hostname(longer)
    assert str(caught.value) == (
        f"failed to construct FQDN from pod hostname and cluster domain, FQDN {'h' * 35}{suffix} is too long "
        "(64 characters is the max, 65 characters requested)"
    )


# The hosts file.

ALIASES = [{"ip": "10.1.2.3", "hostnames": ["foo.local", "bar"]}, {"ip": "10.1.2.4", "hostnames": ["baz"]}]
MANAGED = (
    "# Kubernetes-managed hosts file.\n"
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n"
)
ALIAS_BLOCK = "\n# Entries added by HostAliases.\n10.1.2.3\tfoo.local\tbar\n10.1.2.4\tbaz\n"
FILES: list[tuple[str, dict[str, Any], str]] = [
    ("address and name", {}, f"{MANAGED}172.17.0.2\tweb\n"),
    ("the full name first", {"subdomain": "s"}, f"{MANAGED}172.17.0.2\tweb.s.default.svc.cluster.local\tweb\n"),
    ("aliases in a block", {"hostAliases": ALIASES}, f"{MANAGED}172.17.0.2\tweb\n{ALIAS_BLOCK}"),
    (
        "the node's own file in its network",
        {"hostNetwork": True, "hostAliases": ALIASES},
        f"# Kubernetes-managed hosts file (host network).\n127.0.0.1 node\n{ALIAS_BLOCK}",
    ),
]


@pytest.mark.parametrize(("spec", "wanted"), [r[1:] for r in FILES], ids=[r[0] for r in FILES])
def test_the_hosts_file_is_the_kubelets(spec: dict[str, Any], wanted: str) -> None:
    assert hosts_file(make_pod(**spec), "172.17.0.2", "127.0.0.1 node\n") == wanted


@pytest.mark.parametrize(
    ("spec", "is_needed"),
    [
        ({}, False),
        ({"hostname": "other"}, False),
        ({"subdomain": "s"}, True),
        ({"hostAliases": ALIASES}, True),
        ({"hostNetwork": True, "subdomain": "s"}, False),
    ],
)
def test_a_pod_that_asks_for_nothing_more_has_the_hosts_file_of_the_engine(
    spec: dict[str, Any], is_needed: bool
) -> None:
    pod = make_pod(**spec)
    assert needs_hosts_file(pod) is is_needed
    assert managed_files(pod) == ((HOSTS,) if is_needed else ())


def test_managed_files_are_mounted_writable_unless_the_container_mounts_something_there() -> None:
    own = {"name": "own", "volumeMounts": [{"name": "v", "mountPath": "/etc/hosts"}]}
    pod = make_pod((), ("main", own), hostAliases=ALIASES, dnsPolicy="None", dnsConfig={"nameservers": ["1.1.1.1"]})
    plan = messages_plan(pod, "me")
    assert {HOSTS, RESOLVER} <= {entry.path for entry in plan.files}
    hosts, resolver = (
        Mount(type=MountType.VOLUME, source=plan.source, target=target, sub_path=path, is_own=True)
        for target, path in (("/etc/hosts", HOSTS), ("/etc/resolv.conf", RESOLVER))
    )
    main, other = pod.containers
    assert managed_mounts(pod, main, (plan,)) == (hosts, resolver)
    assert managed_mounts(pod, other, (plan,)) == (resolver,)
    assert managed_mounts(pod, main, ()) == ()


# resolv.conf.

NODE = ResolverConfig(servers=("10.0.0.2",), searches=("lan",), options=("ndots:1", "rotate"))


def test_a_resolver_file_is_read_as_a_kubelet_reads_it() -> None:
    text = "# made by\nnameserver 10.0.0.2\n\nnameserver\nsearch old\nsearch lan. . sub.lan\noptions ndots:1 rotate\nsortlist x\n"
    assert parse_resolver_config(text) == ResolverConfig(
        servers=("10.0.0.2",), searches=("lan", ".", "sub.lan"), options=("ndots:1", "rotate")
    )


def test_a_resolver_file_has_only_the_lines_that_say_something() -> None:
    assert NODE.text() == "nameserver 10.0.0.2\nsearch lan\noptions ndots:1 rotate\n"
    assert ResolverConfig().text() == ""


def test_the_pods_resolver_settings_are_merged_into_the_nodes() -> None:
    own = {
        "nameservers": ["10.0.0.2", "9.9.9.9"],
        "searches": ["lan", "a.b"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
    }
    config, notes = resolver_config(make_pod(dnsConfig=own), NODE)
    assert config == ResolverConfig(
        servers=("10.0.0.2", "9.9.9.9"), searches=("lan", "a.b"), options=("ndots:2", "rotate", "edns0")
    )
    assert notes == ()


def test_policy_none_leaves_only_the_pods_own_settings() -> None:
    config, _ = resolver_config(make_pod(dnsPolicy="None", dnsConfig={"nameservers": ["9.9.9.9"]}), NODE)
    assert config == ResolverConfig(servers=("9.9.9.9",))
    assert resolver_config(make_pod(dnsPolicy="None"), NODE) == (ResolverConfig(), ())


def limited(**own: Any) -> tuple[ResolverConfig, list[str]]:
    config, notes = resolver_config(make_pod(dnsConfig=own), NODE)
    assert all((note.type, note.reason) == (EventType.WARNING, EventReason.DNS_CONFIG_FORMING) for note in notes)
    return config, [note.message for note in notes]


def test_servers_over_the_limit_are_left_out() -> None:
    config, messages = limited(nameservers=["1.1.1.1", "2.2.2.2", "3.3.3.3"])
    assert config.servers == ("10.0.0.2", "1.1.1.1", "2.2.2.2")
    text = "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: "
    assert messages == [f"{text}10.0.0.2 1.1.1.1 2.2.2.2"]


SEARCH_LIMITS: list[tuple[str, list[str], int]] = [
    ("32 search paths are enough", [f"s{n}" for n in range(32)], 32),
    ("a search path longer than any name is none", ["x" * 254, "ok"], 2),
    ("2048 characters are enough", [f"{n}{'x' * 200}" for n in range(1, 10)] + ["y" * 225, "z"], 11),
]


@pytest.mark.parametrize(("searches", "kept"), [r[1:] for r in SEARCH_LIMITS], ids=[r[0] for r in SEARCH_LIMITS])
def test_search_paths_over_a_limit_are_left_out(searches: list[str], kept: int) -> None:
    config, messages = limited(searches=searches)
    assert len(config.searches) == kept
    text = "Search Line limits were exceeded, some search paths have been omitted, the applied search line is: "
    assert messages == [text + " ".join(config.searches)]
