"""The rows of Services, ConfigMaps and Secrets in ``get``.

Mirrors pkg/printers/internalversion/printers.go (printService, printConfigMap, printSecret).
"""

from __future__ import annotations

from datetime import datetime

from runner.core.model import Json
from runner.core.printers.columns import age_since, label_pairs

OBJECT_COLUMNS = {
    "ConfigMap": ("NAME", "DATA", "AGE"),
    "Secret": ("NAME", "TYPE", "DATA", "AGE"),
    "Service": ("NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"),
}
WIDE_OBJECT_COLUMNS = {**OBJECT_COLUMNS, "Service": (*OBJECT_COLUMNS["Service"], "SELECTOR")}
_NONE = "<none>"


def object_cells(value: Json, now: datetime, *, wide: bool = False) -> tuple[str, ...]:
    """The cells of one of these kinds."""
    metadata = value.get("metadata") or {}
    name, age = str(metadata.get("name") or ""), age_since(metadata.get("creationTimestamp"), now)
    count = str(len(value.get("data") or {}) + len(value.get("binaryData") or {}))
    match value.get("kind"):
        case "Service":
            return (name, *_service_cells(value), age, *((_selector(value),) if wide else ()))
        case "Secret":
            return (name, str(value.get("type") or ""), count, age)
        case _:
            return (name, count, age)


def _service_cells(service: Json) -> tuple[str, str, str, str]:
    spec = service.get("spec") or {}
    kind = str(spec.get("type") or "ClusterIP")
    ports = ",".join(_port(port) for port in spec.get("ports") or ())
    return kind, str(spec.get("clusterIP") or _NONE), _external(kind, service), ports or _NONE


def _external(kind: str, service: Json) -> str:
    spec = service.get("spec") or {}
    if kind == "ExternalName":
        return str(spec.get("externalName") or "")
    addresses = ",".join(spec.get("externalIPs") or ())
    return addresses or ("<pending>" if kind == "LoadBalancer" else _NONE)


def _port(port: Json) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{node}/{port.get('protocol') or 'TCP'}"


def _selector(service: Json) -> str:
    selector = (service.get("spec") or {}).get("selector") or {}
    return label_pairs(selector) or _NONE
