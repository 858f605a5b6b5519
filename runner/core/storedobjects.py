"""What the API server adds to ConfigMaps, Secrets and Services when they are written, and what it keeps of them.

Mirrors pkg/registry/core/service/storage (alloc.go) and the metadata of k8s.io/apiserver.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from runner.core.labels import OWNER
from runner.core.model import Json
from runner.core.network.endpoints import needs_address
from runner.core.text.times import format_time

OWNER_ANNOTATION = OWNER
"""On objects that earlier versions wrote for as long as a run: the label of its process."""
_FIRST_NODE_PORT, _LAST_NODE_PORT = 30000, 32767
_WITH_NODE_PORTS = ("NodePort", "LoadBalancer")


def stored_object(
    value: Json, old: Json | None, *, uid: str, now: datetime, node_ports: Iterable[int] = ()
) -> dict[str, Any]:
    """The object as the registry keeps it: the server's own fields come from the stored object; a new object gets them.

    ``node_ports``: those that other Services use.
    """
    metadata = {key: part for key, part in (value.get("metadata") or {}).items() if key != "resourceVersion"}
    before = {} if old is None else old.get("metadata") or {}
    metadata["uid"] = before.get("uid") or uid
    metadata["creationTimestamp"] = before.get("creationTimestamp") or format_time(now)
    result = {**value, "metadata": without_owner(metadata)}
    if value.get("kind") == "Service":
        result["spec"] = _service_spec(result, old, metadata["uid"], set(node_ports))
        result["status"] = {"loadBalancer": {}}
    return result


def without_owner(metadata: Json) -> dict[str, Any]:
    """Metadata without what earlier versions wrote into it: it belongs to no process, whatever its manifest says."""
    annotations = {key: text for key, text in (metadata.get("annotations") or {}).items() if key != OWNER_ANNOTATION}
    rest = {key: part for key, part in metadata.items() if key != "annotations"}
    return {**rest, "annotations": annotations} if annotations else rest


def new_service(value: Json, taken: Iterable[int]) -> dict[str, Any]:
    """A new Service with node ports where it wants some, none of those that are taken; the Engine gives it its address."""
    spec = _service_spec(value, None, str(value["metadata"]["uid"]), set(taken))
    return {**value, "spec": spec, "status": {"loadBalancer": {}}}


def owner_of(value: Json) -> str:
    """The process that an earlier version's object lives as long as; empty for one that stays."""
    return str(((value.get("metadata") or {}).get("annotations") or {}).get(OWNER_ANNOTATION) or "")


def addressed(service: Json, address: str) -> dict[str, Any]:
    """The Service with another address of its own; without one when that is empty."""
    spec = {key: part for key, part in service["spec"].items() if key not in ("clusterIP", "clusterIPs")}
    if address:
        spec |= {"clusterIP": address, "clusterIPs": [address]}
    return {**service, "spec": spec}


def node_ports_of(services: Iterable[Json]) -> frozenset[int]:
    """The node ports that Services have."""
    return frozenset(
        int(port["nodePort"])
        for service in services
        for port in (service.get("spec") or {}).get("ports") or ()
        if port.get("nodePort")
    )


def _service_spec(service: Json, old: Json | None, uid: str, taken: set[int]) -> dict[str, Any]:
    spec = dict(service["spec"])
    if not needs_address(service):
        return spec
    # The Engine gives addresses, not the manifest.
    spec.pop("clusterIP", None)
    spec.pop("clusterIPs", None)
    old_spec = {} if old is None else old["spec"]
    if old_spec.get("clusterIP") not in (None, "", "None"):
        spec |= {"clusterIP": old_spec["clusterIP"], "clusterIPs": [old_spec["clusterIP"]]}
    if spec.get("type") in _WITH_NODE_PORTS:
        known = {_key(port): port.get("nodePort") for port in old_spec.get("ports") or ()}
        spec["ports"] = [_with_node_port(port, known, uid, taken) for port in spec.get("ports") or ()]
    return spec


def _with_node_port(port: Json, known: Mapping[tuple[str, int], Any], uid: str, taken: set[int]) -> Json:
    if port.get("nodePort"):
        return port
    number = known.get(_key(port)) or _free_node_port(f"{uid}{_key(port)}", taken)
    taken.add(number)
    return {**port, "nodePort": number}


def _free_node_port(seed: str, taken: set[int]) -> int:
    """A port that no other Service has; which one, the seed decides."""
    count = _LAST_NODE_PORT - _FIRST_NODE_PORT + 1
    start = int.from_bytes(hashlib.blake2b(seed.encode(), digest_size=4).digest(), "big")
    numbers = (_FIRST_NODE_PORT + (start + step) % count for step in range(count))
    return next(number for number in numbers if number not in taken)


def _key(port: Json) -> tuple[str, int]:
    return str(port.get("protocol") or "TCP"), int(port["port"])
