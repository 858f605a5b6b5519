"""The resolv.conf that a pod's dnsPolicy and dnsConfig ask for. Mirrors pkg/kubelet/network/dns/dns.go.

What the node's own file says is taken from the one that the Engine makes for a pod, which has no servers that a pod cannot
reach; where the sandbox resolves names (ClusterFirst), it has put itself and the cluster's domains into that file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from runner.core.model import Json, Pod
from runner.core.reasons import EventReason, Note, warning

_SERVERS = 3
_SEARCHES = 32
_SEARCH_CHARACTERS = 2048
_NAME_LENGTH = 253


class ResolverConfig(Struct, frozen=True, kw_only=True):
    """Servers, search paths and options (``name`` or ``name:value``) of a resolver."""

    servers: tuple[str, ...] = ()
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()

    def text(self) -> str:
        """The file's content."""
        lines = [f"nameserver {server}" for server in self.servers]
        lines += [f"search {' '.join(self.searches)}"] if self.searches else []
        lines += [f"options {' '.join(self.options)}"] if self.options else []
        return "".join(f"{line}\n" for line in lines)


def needs_resolver_config(pod: Pod) -> bool:
    """Whether the pod asks for anything but what the Engine gives it."""
    return pod.spec.get("dnsPolicy") == "None" or bool(pod.spec.get("dnsConfig"))


def parse_resolver_config(text: str) -> ResolverConfig:
    """Read a resolv.conf; the last search line and the last options line count, as for a kubelet."""
    servers: list[str] = []
    searches: list[str] = []
    options: list[str] = []
    for line in text.splitlines():
        keyword, *values = line.split() or [""]
        if keyword == "nameserver":
            servers += values[:1]
        elif keyword == "search":
            searches = [value.rstrip(".") if value != "." else value for value in values]
        elif keyword == "options":
            options = values
    return ResolverConfig(servers=tuple(servers), searches=tuple(searches), options=tuple(options))


def resolver_config(pod: Pod, node: ResolverConfig) -> tuple[ResolverConfig, tuple[Note, ...]]:
    """The pod's configuration, and an event for each limit that it is over; what is over a limit is left out."""
    base = ResolverConfig() if pod.spec.get("dnsPolicy") == "None" else node
    own: Json = pod.spec.get("dnsConfig") or {}
    merged = ResolverConfig(
        servers=_once((*base.servers, *(own.get("nameservers") or ()))),
        searches=_once((*base.searches, *(own.get("searches") or ()))),
        options=_merged(base.options, own.get("options") or ()),
    )
    notes = []
    if len(merged.servers) > _SERVERS:
        merged = replace(merged, servers=merged.servers[:_SERVERS])
        notes.append(_omitted("Nameserver limits", "nameservers", "nameserver", merged.servers))
    searches = _fitting(merged.searches)
    if searches != merged.searches:
        merged = replace(merged, searches=searches)
        notes.append(_omitted("Search Line limits", "search paths", "search", searches))
    return merged, tuple(notes)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(str(value) for value in values))


def _merged(base: Sequence[str], own: Sequence[Json]) -> tuple[str, ...]:
    """Options by name; the pod's win."""
    options = {option.partition(":")[0]: option for option in base}
    for option in own:
        name, value = str(option.get("name")), option.get("value")
        options[name] = f"{name}:{value}" if value else name
    return tuple(options.values())


def _fitting(searches: tuple[str, ...]) -> tuple[str, ...]:
    kept = [search for search in searches[:_SEARCHES] if len(search) <= _NAME_LENGTH]
    while len(" ".join(kept)) > _SEARCH_CHARACTERS:
        kept.pop()
    return tuple(kept)


def _omitted(limits: str, what: str, line: str, applied: Sequence[str]) -> Note:
    text = f"{limits} were exceeded, some {what} have been omitted, the applied {line} line is: {' '.join(applied)}"
    return warning(EventReason.DNS_CONFIG_FORMING, text)
