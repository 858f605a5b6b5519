"""The hosts file that a pod's containers share. Mirrors pkg/kubelet/kubelet_pods.go (ensureHostsFile and its helpers).

The Engine writes a hosts file of its own, which is all that most pods need: only one that asks for more gets this one.
"""

from __future__ import annotations

from runner.core.container.identity import domain, hostname
from runner.core.model import Pod

_HEADER = "# Kubernetes-managed hosts file"
_LOCAL = (
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
)


def needs_hosts_file(pod: Pod) -> bool:
    """Whether the pod's hosts file must say more than the Engine's own does: its address and its host name."""
    return bool(pod.spec.get("hostAliases")) or (bool(domain(pod)) and not pod.host_network)


def hosts_file(pod: Pod, ip: str, node_hosts: str) -> str:
    """The file's content. ``node_hosts`` is the node's own file, which pods in the node's network are given."""
    if pod.host_network:
        return f"{_HEADER} (host network).\n{node_hosts}{_aliases(pod)}"
    name, inside = hostname(pod), domain(pod)
    own = f"{ip}\t{name}.{inside}\t{name}" if inside else f"{ip}\t{name}"
    return "\n".join((f"{_HEADER}.", *_LOCAL, own)) + "\n" + _aliases(pod)


def _aliases(pod: Pod) -> str:
    aliases = pod.spec.get("hostAliases") or ()
    if not aliases:
        return ""
    lines = (f"{alias.get('ip')}\t" + "\t".join(alias.get("hostnames") or ()) for alias in aliases)
    return "\n# Entries added by HostAliases.\n" + "".join(f"{line}\n" for line in lines)
