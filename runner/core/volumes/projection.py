"""Volumes whose files are made from objects, from the pod itself and from tokens: configMap, secret, downwardAPI, projected.

Mirrors pkg/volume/{configmap,secret,downwardapi,projected}: each yields files, later sources of a projected volume win.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runner.core.container.environment import PodFacts, field_value
from runner.core.container.noderesources import resource_value
from runner.core.model import Json, Pod
from runner.core.objects import ConfigError, config_map_data, secret_data
from runner.core.volumes.layout import check_path
from runner.core.volumes.plan import FileEntry, Surroundings
from runner.core.volumes.tokens import ROOT_CA, ROOT_CA_NAME, service_account_token

_DEFAULT_MODE = 0o644
_TOKEN_MODE = 0o600
_NO_FACTS = PodFacts(pod_ip="", host_ip="", node_name="")


def object_files(kind: str, source: Json, around: Surroundings, default_mode: int | None = None) -> Iterator[FileEntry]:
    """The files of a ConfigMap or Secret. Raises ConfigError with the kubelet's text."""
    reference = str(source.get("secretName") or source.get("name") or "")
    found = around.lookup(kind, reference)
    if found is None and (kind, reference) == ("ConfigMap", ROOT_CA_NAME):
        found = ROOT_CA
    if found is None and not source.get("optional"):
        raise ConfigError(f'{kind.lower()} "{reference}" not found')
    data = {} if found is None else secret_data(found) if kind == "Secret" else config_map_data(found)
    mode = _mode(source) if default_mode is None else default_mode
    return _selected(kind, data, source, mode)


def _mode(source: Json) -> int:
    mode = source.get("defaultMode")
    return _DEFAULT_MODE if mode is None else int(mode)


def _selected(kind: str, data: Mapping[str, bytes], source: Json, default_mode: int) -> Iterator[FileEntry]:
    for item in source.get("items") or [{"key": key, "path": key} for key in sorted(data)]:
        key, path = str(item.get("key")), str(item.get("path"))
        if key not in data:
            if source.get("optional"):
                continue
            prefix = "configmap references" if kind == "ConfigMap" else "references"
            noun = "config" if kind == "ConfigMap" else "secret"
            raise ConfigError(f"{prefix} non-existent {noun} key: {key}")
        check_path(path)
        mode = item.get("mode")
        yield FileEntry(path=path, data=data[key], mode=default_mode if mode is None else int(mode))


def downward_files(
    pod: Pod, source: Json, around: Surroundings, default_mode: int | None = None
) -> Iterator[FileEntry]:
    """The files of a downwardAPI volume or source. Raises ConfigError for what the pod cannot tell."""
    for item in source.get("items") or ():
        path = str(item.get("path") or "")
        check_path(path)
        if item.get("fieldRef"):
            text = field_value(pod, str(item["fieldRef"].get("fieldPath") or ""), _NO_FACTS)
        else:
            text = resource_value(pod, None, item.get("resourceFieldRef") or {}, around.node)
        mode = item.get("mode")
        chosen = _mode(source) if default_mode is None else default_mode
        yield FileEntry(path=path, data=text.encode(), mode=chosen if mode is None else int(mode))


def projected_files(pod: Pod, source: Json, around: Surroundings) -> Iterator[FileEntry]:
    """The files of a projected volume, of all its sources in order. Raises ConfigError."""
    mode = _mode(source)
    for part in source.get("sources") or ():
        if part.get("configMap") is not None:
            yield from object_files("ConfigMap", part["configMap"], around, mode)
        elif part.get("secret") is not None:
            yield from object_files("Secret", part["secret"], around, mode)
        elif part.get("downwardAPI") is not None:
            yield from downward_files(pod, part["downwardAPI"], around, mode)
        elif part.get("serviceAccountToken") is not None:
            yield _token_file(pod, part["serviceAccountToken"], around, mode)
        else:
            kind = next(iter(part), "")
            raise ConfigError(f"projected volumes with a source of kind {kind} are not supported on this node")


def _token_file(pod: Pod, source: Json, around: Surroundings, mode: int) -> FileEntry:
    """A token, for the pod's group or its one user alone where it has them, else with the volume's mode."""
    path = str(source.get("path") or "")
    check_path(path)
    account = around.lookup("ServiceAccount", str(pod.spec.get("serviceAccountName") or "default"))
    token = service_account_token(pod, source, account, around.now, around.token_key)
    user = common_user(pod)
    is_private = user is not None or fs_group(pod) is not None
    return FileEntry(path=path, data=token.encode(), mode=_TOKEN_MODE if is_private else mode, user=user or 0)


def fs_group(pod: Pod) -> int | None:
    """The group that the pod's volumes belong to."""
    group = (pod.spec.get("securityContext") or {}).get("fsGroup")
    return None if group is None else int(group)


def common_user(pod: Pod) -> int | None:
    """The user that all containers run as; None when they differ or one leaves it to its image (volume/util FsUserFrom)."""
    pod_user = (pod.spec.get("securityContext") or {}).get("runAsUser")
    users = set()
    for container in (*pod.all_containers(), *pod.ephemeral_containers):
        own = (container.manifest.get("securityContext") or {}).get("runAsUser")
        users.add(pod_user if own is None else own)
    (user, *others) = users
    return None if others or user is None else int(user)
