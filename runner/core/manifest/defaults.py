"""Defaults of pods and their templates, as the API server fills them in before validation.

Mirrors pkg/apis/core/v1/defaults.go. Everything here changes the decoded object in place.
"""

from __future__ import annotations

from typing import Any

from runner.core.images.images import default_pull_policy
from runner.core.manifest.preparing import drop_disabled, prepare_pod
from runner.core.text.quantity import NANO, ZERO, Quantity, parse_quantity

Object = dict[str, Any]

CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")
_HUGE_PAGES = "hugepages-"


def default_pod(pod: Object) -> None:
    """Fill in a Pod: first what only real pods get (not templates), then the spec's defaults."""
    spec, metadata = pod["spec"], pod["metadata"]
    _set(spec, "enableServiceLinks", True)
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or ():
            _requests_from_limits(container["resources"])
            if spec.get("hostNetwork"):
                for port in container.get("ports") or ():
                    if not port.get("hostPort") and port.get("containerPort"):
                        port["hostPort"] = port["containerPort"]
    if isinstance(spec.get("resources"), dict):
        _huge_page_limits(spec)
        _pod_requests(spec)
    default_pod_spec(spec)
    if spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    drop_disabled(metadata, spec)
    prepare_pod(metadata, spec)


def default_pod_spec(spec: Object) -> None:
    """Fill in what a pod and a pod template have in common."""
    _set(spec, "dnsPolicy", "ClusterFirst")
    _set(spec, "restartPolicy", "Always")
    _set(spec, "terminationGracePeriodSeconds", 30)
    _set(spec, "schedulerName", "default-scheduler")
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    elif spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    for volume in spec.get("volumes") or ():
        default_volume(volume)
    for field in CONTAINER_LISTS:
        for container in spec.get(field) or ():
            default_container(container)
    _round_resources(spec.get("resources"))
    _round_list(spec.get("overhead"))


def default_container(container: Object) -> None:
    """Fill in one container."""
    _set(container, "terminationMessagePath", "/dev/termination-log")
    _set(container, "terminationMessagePolicy", "File")
    _set(container, "imagePullPolicy", default_pull_policy(container.get("image") or "").value)
    for port in container.get("ports") or ():
        _set(port, "protocol", "TCP")
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        if source.get("fieldRef") is not None:
            _set(source["fieldRef"], "apiVersion", "v1")
        if source.get("fileKeyRef") is not None:
            _set(source["fileKeyRef"], "optional", False)
        _divisor(source.get("resourceFieldRef"))
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name) is not None:
            _probe(container[name])
    lifecycle = container.get("lifecycle") or {}
    for name in ("postStart", "preStop"):
        _http_get((lifecycle.get(name) or {}).get("httpGet"))
    _round_resources(container.get("resources"))


def default_volume(volume: Object) -> None:
    """Fill in one volume; a volume without a source is an emptyDir."""
    sources = [name for name in volume if name != "name"]
    if not sources:
        volume["emptyDir"] = {}
    for name in ("secret", "configMap", "downwardAPI", "projected"):
        if volume.get(name) is not None:
            _set(volume[name], "defaultMode", 0o644)
    for item in (volume.get("downwardAPI") or {}).get("items") or ():
        _downward_item(item)
    if volume.get("hostPath") is not None:
        _set(volume["hostPath"], "type", "")
    if volume.get("image") is not None:
        _set(volume["image"], "pullPolicy", default_pull_policy(volume["image"].get("reference") or "").value)
    if volume.get("projected") is not None:
        for source in volume["projected"].get("sources") or ():
            _projected_source(source)
    claim = ((volume.get("ephemeral") or {}).get("volumeClaimTemplate") or {}).get("spec")
    if claim is not None:
        default_claim_template(claim)
    for name, values in _CLOUD_DEFAULTS.items():
        if volume.get(name) is not None:
            for key, value in values.items():
                _set(volume[name], key, value)


_CLOUD_DEFAULTS: dict[str, dict[str, Any]] = {
    "azureDisk": {"cachingMode": "ReadWrite", "fsType": "ext4", "readOnly": False, "kind": "Shared"},
    "scaleIO": {"storageMode": "ThinProvisioned", "fsType": "xfs"},
    "iscsi": {"iscsiInterface": "default"},
    "rbd": {"pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"},
}


def default_claim_template(spec: Object) -> None:
    """Fill in the spec of a claim that a pod or a StatefulSet will make."""
    if spec.get("volumeMode") is None:
        spec["volumeMode"] = "Filesystem"
    _round_list((spec.get("resources") or {}).get("limits"))
    _round_list((spec.get("resources") or {}).get("requests"))


def default_claim_spec(spec: Object) -> None:
    """Fill in a PersistentVolumeClaim's spec; both names of the data source say the same.

    Mirrors EnforceDataSourceBackwardsCompatibility and NormalizeDataSources of pkg/api/persistentvolumeclaim/util.go.
    """
    default_claim_template(spec)
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None and reference is None:
        group, kind = source.get("apiGroup") or "", source.get("kind")
        if (group, kind) in (("", "PersistentVolumeClaim"), ("snapshot.storage.k8s.io", "VolumeSnapshot")):
            spec["dataSourceRef"] = dict(source)
        else:
            del spec["dataSource"]
    elif reference is not None and source is None:
        spec["dataSource"] = {key: value for key, value in reference.items() if key != "namespace"}


def _projected_source(source: Object) -> None:
    token = source.get("serviceAccountToken")
    if token is not None:
        _set(token, "expirationSeconds", 3600)
    for item in (source.get("downwardAPI") or {}).get("items") or ():
        _downward_item(item)


def _downward_item(item: Object) -> None:
    if item.get("fieldRef") is not None:
        _set(item["fieldRef"], "apiVersion", "v1")
    _divisor(item.get("resourceFieldRef"))


def _divisor(selector: Object | None) -> None:
    """A resourceFieldRef's divisor is a plain quantity in Go: stored as "0" when unset."""
    if selector is not None and "divisor" not in selector:
        selector["divisor"] = "0"


def _probe(probe: Object) -> None:
    for name, value in (("timeoutSeconds", 1), ("periodSeconds", 10), ("successThreshold", 1), ("failureThreshold", 3)):
        _set(probe, name, value)
    _http_get(probe.get("httpGet"))
    if probe.get("grpc") is not None:
        _set(probe["grpc"], "service", "")


def _http_get(action: Object | None) -> None:
    if action is not None:
        _set(action, "path", "/")
        _set(action, "scheme", "HTTP")


def _requests_from_limits(resources: Object) -> None:
    for name, limit in (resources.get("limits") or {}).items():
        requests = resources.setdefault("requests", {})
        if name not in requests:
            requests[name] = limit


def _huge_page_limits(spec: Object) -> None:
    """Pod-level limits of huge pages that the pod says nothing about come from the containers' sum."""
    resources = spec["resources"]
    limits = resources.get("limits") or {}
    requests = resources.get("requests") or {}
    if not limits and not requests:
        return
    for name in names_of(spec, "limits"):
        if name.startswith(_HUGE_PAGES) and name not in requests and name not in limits:
            limits[name] = str(aggregate_amounts(spec, "limits", name))
    if limits:
        resources["limits"] = limits


def _pod_requests(spec: Object) -> None:
    """Pod-level requests beside pod-level limits come from the containers' sum, else from the pod's limit."""
    resources = spec["resources"]
    limits = resources.get("limits") or {}
    requests = resources.get("requests") or {}
    if not limits:
        return
    for name in names_of(spec, "requests"):
        if name in ("cpu", "memory") and name not in requests:
            requests[name] = str(aggregate_amounts(spec, "requests", name))
    for name, limit in limits.items():
        if name in ("cpu", "memory") or name.startswith(_HUGE_PAGES):
            requests.setdefault(name, limit)
    if requests:
        resources["requests"] = requests


def names_of(spec: Object, side: str) -> list[str]:
    """Return the resources that any app or init container says something about (`side`: "requests" or "limits")."""
    holders = (*(spec.get("containers") or ()), *(spec.get("initContainers") or ()))
    return sorted({name for container in holders for name in _amounts(container, side)})


def _amounts(container: Object, side: str) -> dict[str, str]:
    return (container.get("resources") or {}).get(side) or {}


def aggregate_amounts(spec: Object, side: str, name: str) -> Quantity:
    """Return what the pod needs of a resource (`side`: "requests" or "limits").

    Apps and sidecars together, or the largest init container's moment.
    """
    total = ZERO
    for container in spec.get("containers") or ():
        total += parse_quantity(_amounts(container, side).get(name, "0"))
    sidecars, peak = ZERO, ZERO
    for container in spec.get("initContainers") or ():
        moment = sidecars + parse_quantity(_amounts(container, side).get(name, "0"))
        peak = max(peak, moment)
        if container.get("restartPolicy") == "Always":
            sidecars = moment
    return max(total + sidecars, peak)


def _round_resources(resources: Object | None) -> None:
    if resources:
        _round_list(resources.get("limits"))
        _round_list(resources.get("requests"))


def _round_list(quantities: dict[str, str] | None) -> None:
    """Round quantities up to thousandths, as SetDefaults_ResourceList does."""
    for name, text in (quantities or {}).items():
        quantity = parse_quantity(text)
        if quantity.nanos % (NANO // 1000):
            assert quantities is not None
            quantities[name] = str(Quantity(nanos=quantity.milli() * (NANO // 1000), format=quantity.format))


def _set(target: Object, name: str, value: Any) -> None:
    """Set a field that is unset, null, or the zero value that counts as unset."""
    current = target.get(name)
    if current is None or (current == "" and value != "") or (current == 0 and _counts_as_unset(name)):
        target[name] = value


def _counts_as_unset(name: str) -> bool:
    return name in ("timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
