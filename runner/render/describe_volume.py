"""The part of ``describe pod`` about volumes. Mirrors describeVolumes of k8s.io/kubectl/pkg/describe/describe.go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from runner.core.model import EMPTY, Json
from runner.core.printers.claimcolumns import storage_class
from runner.core.text.gotext import join_list
from runner.core.text.quantity import parse_quantity
from runner.render.layout import LONGEST_ANNOTATION, Layout, annotation_lines, go_bool, label_lines

Rows = list[tuple[str, str]]
"""Labels with their values. A label of a tab and a word: a line of another kind, see ``describe_volumes``."""
_RAW = "\traw"
"""A whole line as it stands there."""
_LEVEL_2 = "    "


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
            if label == _RAW:
                out.line(0, value)
            elif label.startswith("\t"):
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
    template = source.get("volumeClaimTemplate")
    if template is None:
        return []
    metadata, spec = template.get("metadata") or EMPTY, template.get("spec") or EMPTY
    annotations = metadata.get("annotations") or EMPTY
    rows: Rows = [("StorageClass", storage_class(template)), ("Volume", spec.get("volumeName") or "")]
    rows += _nested("Labels", label_lines(metadata.get("labels")))
    rows += _nested("Annotations", annotation_lines(annotations))
    rows += [("Capacity", "0" if spec.get("volumeName") else ""), ("Access Modes", "")]
    if spec.get("volumeMode") is not None:
        rows.append(("VolumeMode", spec["volumeMode"]))
    origin = spec.get("dataSource")
    if origin is not None:
        group = [("APIGroup", origin["apiGroup"])] if origin.get("apiGroup") is not None else []
        rows.append(("DataSource", "\n"))
        named = [*group, ("Kind", origin.get("kind") or ""), ("Name", origin.get("name") or "")]
        rows += [("\tpart", f"{name}:\t{text}") for name, text in named]
    return rows


def _nested(label: str, lines: list[str]) -> Rows:
    """Labels or annotations through a writer of level 2, which indents each piece that kubectl writes of a line."""
    first, *rest = lines or ["<none>"]
    rows: Rows = [(label, _LEVEL_2 + first)]
    for line in rest:
        if label == "Labels":
            rows.append((_RAW, f"{_LEVEL_2}{_LEVEL_2}\t{_LEVEL_2}{line}"))
        else:  # What stands below its key is one piece with its column.
            rows.append((_RAW, f"{_LEVEL_2}\t{'' if line.startswith('  ') else _LEVEL_2}{line}"))
    return rows


def _csi(source: Json) -> Rows:
    read_only = go_bool(source.get("readOnly"))
    rows: Rows = [
        ("Driver", source.get("driver") or ""),
        ("FSType", source.get("fsType") or ""),
        ("ReadOnly", read_only),
    ]
    lines = [
        line if len(line) <= LONGEST_ANNOTATION else f"{line[:LONGEST_ANNOTATION]}..."
        for line in label_lines(source.get("volumeAttributes"))
    ]
    if not lines:
        return [*rows, ("VolumeAttributes", "<none>")]
    rows.append(("VolumeAttributes", _LEVEL_2 + lines[0]))
    return rows + [(_RAW, f"{_LEVEL_2}{_LEVEL_2}\t{_LEVEL_2}{line}") for line in lines[1:]]


def _iscsi(source: Json) -> Rows:
    text = _Printed(source)
    return [
        *text.rows("TargetPortal=targetPortal IQN=iqn Lun=lun#"),
        (_RAW, f"{_LEVEL_2}ISCSIInterface\t{text.value('iscsiInterface')}"),
        *text.rows("FSType=fsType ReadOnly=readOnly? Portals=portals* DiscoveryCHAPAuth=chapAuthDiscovery?"),
        *text.rows("SessionCHAPAuth=chapAuthSession? SecretRef=secretRef&"),
        ("InitiatorName", _or_none(source.get("initiatorName"))),
    ]


def _azure_disk(source: Json) -> Rows:
    text = _Printed(source)
    return [
        *text.rows("DiskName=diskName DiskURI=diskURI"),
        (_RAW, f"{_LEVEL_2}Kind: \t{text.value('kind')}"),
        *text.rows("FSType=fsType CachingMode=cachingMode ReadOnly=readOnly?"),
    ]


def _fibre_channel(source: Json) -> Rows:
    names = ", ".join(source.get("targetWWNs") or ())
    return [
        ("TargetWWNs", names),
        ("LUN", _or_none(source.get("lun"))),
        *_Printed(source).rows("FSType=fsType ReadOnly=readOnly?"),
    ]


def _or_none(value: object) -> str:
    return "<none>" if value is None else str(value)


class _Printed:
    """A source whose fields are printed as Go's ``%v`` prints them."""

    def __init__(self, source: Json) -> None:
        self._source = source

    def rows(self, columns: str) -> Rows:
        """``Label=field`` words, ``_`` for a blank in a label; the mark after a field tells its type, see ``value``."""
        pairs = [column.split("=") for column in columns.split()]
        return [(label.replace("_", " "), self.value(field)) for label, field in pairs]

    def value(self, field: str) -> str:
        """``?`` a bool, ``#`` a number, ``*`` a list, ``&`` a reference, ``@`` a map; a text has no mark."""
        name, mark = (field[:-1], field[-1]) if field[-1] in "?#*&@" else (field, "")
        found = self._source.get(name)
        return _GO[mark](found)


_GO: dict[str, Callable[[Any], str]] = {
    "": lambda found: str(found or ""),
    "?": go_bool,
    "#": lambda found: str(found or 0),
    "*": lambda found: join_list(found or ()),
    "&": lambda found: "nil" if found is None else f"&LocalObjectReference{{Name:{found.get('name') or ''},}}",
    "@": lambda found: f"map[{' '.join(f'{key}:{text}' for key, text in sorted((found or {}).items()))}]",
}


def _fields(columns: str) -> Callable[[Json], Rows]:
    return lambda source: _Printed(source).rows(columns)


def _image(source: Json) -> Rows:
    return [("Reference", source.get("reference") or ""), ("PullPolicy", source.get("pullPolicy") or "")]


_SOURCES: dict[str, tuple[str, Callable[[Json], Rows]]] = {
    "hostPath": ("HostPath (bare host directory volume)", _host_path),
    "emptyDir": ("EmptyDir (a temporary directory that shares a pod's lifetime)", _empty_dir),
    "secret": ("Secret (a volume populated by a Secret)", _secret),
    "configMap": ("ConfigMap (a volume populated by a ConfigMap)", _config_map),
    "nfs": (
        "NFS (an NFS mount that lasts the lifetime of a pod)",
        _fields("Server=server Path=path ReadOnly=readOnly?"),
    ),
    "gcePersistentDisk": (
        "GCEPersistentDisk (a Persistent Disk resource in Google Compute Engine)",
        _fields("PDName=pdName FSType=fsType Partition=partition# ReadOnly=readOnly?"),
    ),
    "awsElasticBlockStore": (
        "AWSElasticBlockStore (a Persistent Disk resource in AWS)",
        _fields("VolumeID=volumeID FSType=fsType Partition=partition# ReadOnly=readOnly?"),
    ),
    "gitRepo": (
        "GitRepo (a volume that is pulled from git when the pod is created)",
        _fields("Repository=repository Revision=revision"),
    ),
    "iscsi": (
        "ISCSI (an ISCSI Disk resource that is attached to a kubelet's host machine and then exposed to the pod)",
        _iscsi,
    ),
    "glusterfs": (
        "Glusterfs (a Glusterfs mount on the host that shares a pod's lifetime)",
        _fields("EndpointsName=endpoints Path=path ReadOnly=readOnly?"),
    ),
    "rbd": (
        "RBD (a Rados Block Device mount on the host that shares a pod's lifetime)",
        _fields(
            "CephMonitors=monitors* RBDImage=image FSType=fsType RBDPool=pool RadosUser=user Keyring=keyring"
            " SecretRef=secretRef& ReadOnly=readOnly?"
        ),
    ),
    "quobyte": (
        "Quobyte (a Quobyte mount on the host that shares a pod's lifetime)",
        _fields("Registry=registry Volume=volume ReadOnly=readOnly?"),
    ),
    "azureDisk": ("AzureDisk (an Azure Data Disk mount on the host and bind mount to the pod)", _azure_disk),
    "vsphereVolume": (
        "vSphereVolume (a Persistent Disk resource in vSphere)",
        _fields("VolumePath=volumePath FSType=fsType StoragePolicyName=storagePolicyName"),
    ),
    "cinder": (
        "Cinder (a Persistent Disk resource in OpenStack)",
        _fields("VolumeID=volumeID FSType=fsType ReadOnly=readOnly? SecretRef=secretRef&"),
    ),
    "photonPersistentDisk": (
        "PhotonPersistentDisk (a Persistent Disk resource in photon platform)",
        _fields("PdID=pdID FSType=fsType"),
    ),
    "portworxVolume": ("PortworxVolume (a Portworx Volume resource)", _fields("VolumeID=volumeID")),
    "scaleIO": (
        "ScaleIO (a persistent volume backed by a block device in ScaleIO)",
        _fields(
            "Gateway=gateway System=system Protection_Domain=protectionDomain Storage_Pool=storagePool"
            " Storage_Mode=storageMode VolumeName=volumeName FSType=fsType ReadOnly=readOnly?"
        ),
    ),
    "cephfs": (
        "CephFS (a CephFS mount on the host that shares a pod's lifetime)",
        _fields("Monitors=monitors* Path=path User=user SecretFile=secretFile SecretRef=secretRef& ReadOnly=readOnly?"),
    ),
    "storageos": (
        "StorageOS (a StorageOS Persistent Disk resource)",
        _fields("VolumeName=volumeName VolumeNamespace=volumeNamespace FSType=fsType ReadOnly=readOnly?"),
    ),
    "fc": ("FC (a Fibre Channel disk)", _fibre_channel),
    "azureFile": (
        "AzureFile (an Azure File Service mount on the host and bind mount to the pod)",
        _fields("SecretName=secretName ShareName=shareName ReadOnly=readOnly?"),
    ),
    "flexVolume": (
        "FlexVolume (a generic volume resource that is provisioned/attached using an exec based plugin)",
        _fields("Driver=driver FSType=fsType SecretRef=secretRef& ReadOnly=readOnly? Options=options@"),
    ),
    "flocker": (
        "Flocker (a Flocker volume mounted by the Flocker agent)",
        _fields("DatasetName=datasetName DatasetUUID=datasetUUID"),
    ),
    "csi": ("CSI (a Container Storage Interface (CSI) volume source)", _csi),
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
