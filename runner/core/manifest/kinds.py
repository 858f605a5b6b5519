"""Defaults of the other kinds: configMaps, secrets, claims, services and the workloads that make pods."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable

from runner.core.manifest.defaults import (
    Object,
    default_claim_spec,
    default_claim_template,
    default_pod,
    default_pod_spec,
)
from runner.core.manifest.families import choose_families
from runner.core.manifest.preparing import drop_disabled

# What the API server itself writes; a manifest taken from a cluster carries it and a create ignores it.
SERVER_METADATA = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "selfLink",
)
# A field of the server's own DaemonSet, which v1 shows in this annotation.
_TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
CLUSTER_SCOPED = frozenset({"Namespace", "PersistentVolume"})


def apply_defaults(kind: str, value: Object, namespace: str) -> None:
    """Make a decoded object what the server would store: defaults in, namespace in, server-written fields out."""
    value.pop("status", None)
    metadata = value["metadata"]
    for name in SERVER_METADATA:
        metadata.pop(name, None)
    if kind not in CLUSTER_SCOPED and not metadata.get("namespace"):
        metadata["namespace"] = namespace
    apply = _BY_KIND.get(kind)
    if apply is not None:
        apply(value)


def _secret(secret: Object) -> None:
    written = secret.pop("stringData", None)
    for key, text in (written or {}).items():
        secret.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
    if not secret.get("type"):
        secret["type"] = "Opaque"


def _namespace(namespace: Object) -> None:
    metadata = namespace["metadata"]
    if metadata.get("name"):
        metadata["labels"] = {**(metadata.get("labels") or {}), "kubernetes.io/metadata.name": metadata["name"]}
    spec = namespace.setdefault("spec", {})
    finalizers = spec.get("finalizers") or []
    spec["finalizers"] = finalizers if "kubernetes" in finalizers else [*finalizers, "kubernetes"]


def _service_account(account: Object) -> None:
    if account.get("secrets"):
        names = [secret.get("name") for secret in account["secrets"]]
        account["secrets"] = [{"name": name} if name else {} for name in names]


def _claim(claim: Object) -> None:
    if (claim["spec"].get("dataSourceRef") or {}).get("namespace"):
        del claim["spec"]["dataSourceRef"]  # its feature gate is off
    default_claim_spec(claim["spec"])


def _volume(volume: Object) -> None:
    spec = volume["spec"]
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    if isinstance(spec.get("hostPath"), dict):
        spec["hostPath"].setdefault("type", "")


def _service(service: Object) -> None:
    spec = service["spec"]
    spec.setdefault("type", "ClusterIP")
    _affinity(spec)
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port") or 0
    kind = spec["type"]
    if kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.get("externalIPs")):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    if kind == "ExternalName" and spec.get("internalTrafficPolicy") in ("Cluster", "Local"):
        del spec["internalTrafficPolicy"]  # it is not shown there
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    if kind != "ExternalName":
        choose_families(spec)


def _affinity(spec: Object) -> None:
    affinity = spec.setdefault("sessionAffinity", "None")
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    elif affinity == "ClientIP":
        client = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if client.get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}


def _deployment(deployment: Object) -> None:
    spec = deployment["spec"]
    spec.setdefault("replicas", 1)
    strategy = spec["strategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    _template(spec)


def _replica_set(replica_set: Object) -> None:
    replica_set["spec"].setdefault("replicas", 1)
    _template(replica_set["spec"])


def _replication_controller(controller: Object) -> None:
    spec = controller["spec"]
    spec.setdefault("replicas", 1)
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        if not controller["metadata"].get("labels"):
            controller["metadata"]["labels"] = dict(labels)
    if spec.get("template") is not None:
        _template(spec)


def _stateful_set(stateful_set: Object) -> None:
    spec = stateful_set["spec"]
    spec.setdefault("replicas", 1)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec["updateStrategy"]
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    rolling = strategy.get("rollingUpdate")
    if rolling is not None:
        rolling.pop("maxUnavailable", None)  # its feature gate is off
        if strategy["type"] == "RollingUpdate":
            rolling.setdefault("partition", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    for claim in spec.get("volumeClaimTemplates") or ():
        claim["kind"] = "PersistentVolumeClaim"
        claim["apiVersion"] = "v1"
        claim["status"] = {"phase": "Pending", **(claim.get("status") or {})}
        default_claim_template(claim["spec"])
    _template(spec)


def _daemon_set(daemon_set: Object) -> None:
    spec = daemon_set["spec"]
    strategy = spec["updateStrategy"]
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)
    annotations = daemon_set["metadata"].setdefault("annotations", {})
    if not re.fullmatch("[+]?0*[1-9][0-9]*", annotations.get(_TEMPLATE_GENERATION, "")):
        annotations[_TEMPLATE_GENERATION] = "1"
    _template(spec)


def _job(job: Object) -> None:
    default_job_spec(job["spec"])
    _job_template(job["spec"])


def default_job_spec(spec: Object) -> None:
    """Fill in what a Job's spec has and the template of a CronJob has not, until a Job is made from it."""
    spec.setdefault("completionMode", "NonIndexed")
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    if spec.get("backoffLimit") is None:
        spec["backoffLimit"] = 2**31 - 1 if spec.get("backoffLimitPerIndex") is not None else 6
    spec.setdefault("suspend", False)
    if spec.get("podReplacementPolicy") is None:
        policy = spec.get("podFailurePolicy")
        spec["podReplacementPolicy"] = "Failed" if policy is not None else "TerminatingOrFailed"
    spec.setdefault("manualSelector", False)


def _job_template(spec: Object) -> None:
    for rule in (spec.get("podFailurePolicy") or {}).get("rules") or ():
        for pattern in rule.get("onPodConditions") or ():
            if not pattern.get("status"):
                pattern["status"] = "True"
    _template(spec)


def _cron_job(cron_job: Object) -> None:
    spec = cron_job["spec"]
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    _job_template(spec["jobTemplate"]["spec"])


def _pod_template(template: Object) -> None:
    _template(template)


def _template(holder: Object) -> None:
    template = holder["template"]
    metadata = template["metadata"]
    for name in SERVER_METADATA:
        metadata.pop(name, None)
    default_pod_spec(template["spec"])
    drop_disabled(metadata, template["spec"])


_BY_KIND: dict[str, Callable[[Object], None]] = {
    "Pod": default_pod,
    "Secret": _secret,
    "Namespace": _namespace,
    "ServiceAccount": _service_account,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _volume,
    "Service": _service,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "ReplicationController": _replication_controller,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "PodTemplate": _pod_template,
}
