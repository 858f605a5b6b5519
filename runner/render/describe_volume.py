"""The part of ``describe pod`` about volumes. Mirrors describeVolumes of k8s.io/kubectl/pkg/describe/describe.go."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runner.core.model import EMPTY, Json
from runner.core.quantity import parse_quantity
from runner.render.layout import Layout, annotation_lines, go_bool, label_lines

Rows = list[tuple[str, str]]


def describe_volumes(out: Layout, volumes: Sequence[Json], *, in_template: bool = False) -> None:
    """Add the section with all volumes of the pod, a level deeper in a workload's template."""
    title = "  Volumes" if in_template else "Volumes"
    if not volumes:
        out.field(0, title, "<none>")
        return
    out.line(0, f"{title}:")
    for volume in volumes:
        out.line(1, f"{' ' if in_template else ''}{volume.get('name', '')}:")
        kind = next((key for key in _SOURCES if volume.get(key) is not None), None)
        if kind is None:
            out.line(1, "<unknown>")
            continue
        text, rows = _SOURCES[kind]
        out.field(2, "Type", text)
        for label, value in rows(volume[kind]):
            if label.startswith("\t"):
                out.line(3, value)
            elif value == "\n":
                out.line(2, f"{label}:")
            else:
                out.field(2, label, value)


def _empty_dir(source: Json) -> Rows:
    limit = source.get("sizeLimit")
    is_set = limit is not None and not parse_quantity(str(limit)).is_zero
    return [("Medium", source.get("medium") or ""), ("SizeLimit", str(limit) if is_set else "<unset>")]


def _host_path(source: Json) -> Rows:
    kind = source.get("type")
    return [("Path", source.get("path") or ""), ("HostPathType", "<none>" if kind is None else kind)]


def _config_map(source: Json) -> Rows:
    return [("Name", source.get("name") or ""), ("Optional", go_bool(source.get("optional")))]


def _secret(source: Json) -> Rows:
    return [("SecretName", source.get("secretName") or ""), ("Optional", go_bool(source.get("optional")))]


def _downward_api(source: Json) -> Rows:
    rows: Rows = [("Items", "\n")]
    for item in source.get("items") or ():
        reference = (item.get("fieldRef") or EMPTY).get("fieldPath") or (item.get("resourceFieldRef") or EMPTY).get(
            "resource"
        )
        rows.append(("\titem", f"{reference} -> {item.get('path', '')}"))
    return rows


def _projected(source: Json) -> Rows:
    rows: Rows = []
    for part in source.get("sources") or ():
        if part.get("secret") is not None:
            rows.append(("SecretName", part["secret"].get("name") or ""))
            rows.append(("Optional", go_bool(part["secret"].get("optional"))))
        elif part.get("downwardAPI") is not None:
            rows.append(("DownwardAPI", "true"))
        elif part.get("configMap") is not None:
            rows.append(("ConfigMapName", part["configMap"].get("name") or ""))
            rows.append(("Optional", go_bool(part["configMap"].get("optional"))))
        elif part.get("serviceAccountToken") is not None:
            rows.append(("TokenExpirationSeconds", str(part["serviceAccountToken"].get("expirationSeconds") or 0)))
    return rows


def _claim(source: Json) -> Rows:
    return [("ClaimName", source.get("claimName") or ""), ("ReadOnly", go_bool(source.get("readOnly")))]


def _ephemeral(source: Json) -> Rows:
    template = source.get("volumeClaimTemplate") or EMPTY
    metadata, spec = template.get("metadata") or EMPTY, template.get("spec") or EMPTY
    rows: Rows = [("StorageClass", spec.get("storageClassName") or ""), ("Volume", spec.get("volumeName") or "")]
    for label, lines in (
        ("Labels", label_lines(metadata.get("labels"))),
        ("Annotations", annotation_lines(metadata.get("annotations"))),
    ):
        rows.append((label, lines[0] if lines else "<none>"))
        rows.extend(("\tmore", f"\t{line}") for line in lines[1:])
    rows.extend([("Capacity", ""), ("Access Modes", "")])
    if spec.get("volumeMode"):
        rows.append(("VolumeMode", spec["volumeMode"]))
    return rows


def _image(source: Json) -> Rows:
    return [("Reference", source.get("reference") or ""), ("PullPolicy", source.get("pullPolicy") or "")]


def _nfs(source: Json) -> Rows:
    read_only = go_bool(source.get("readOnly"))
    return [("Server", source.get("server") or ""), ("Path", source.get("path") or ""), ("ReadOnly", read_only)]


_SOURCES: dict[str, tuple[str, Callable[[Json], Rows]]] = {
    "hostPath": ("HostPath (bare host directory volume)", _host_path),
    "emptyDir": ("EmptyDir (a temporary directory that shares a pod's lifetime)", _empty_dir),
    "secret": ("Secret (a volume populated by a Secret)", _secret),
    "configMap": ("ConfigMap (a volume populated by a ConfigMap)", _config_map),
    "nfs": ("NFS (an NFS mount that lasts the lifetime of a pod)", _nfs),
    "persistentVolumeClaim": (
        "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
        _claim,
    ),
    "ephemeral": (
        "EphemeralVolume (an inline specification for a volume that gets created and deleted with the pod)",
        _ephemeral,
    ),
    "downwardAPI": ("DownwardAPI (a volume populated by information about the pod)", _downward_api),
    "projected": ("Projected (a volume that contains injected data from multiple sources)", _projected),
    "image": ("Image (a container image or OCI artifact)", _image),
}
