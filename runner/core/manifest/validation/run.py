"""The entry to validation: which checks an object of a kind gets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation import objects, workloads
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.pod import validate_pod
from runner.core.manifest.validation.warnings import warn_claim, warn_pod, warn_pod_spec

Check = Callable[[Errors, dict[str, Any]], None]

_CHECKS: dict[str, Check] = {
    "Pod": validate_pod,
    "ConfigMap": objects.validate_config_map,
    "Secret": objects.validate_secret,
    "PersistentVolumeClaim": objects.validate_claim,
    "PersistentVolume": objects.validate_volume,
    "Service": objects.validate_service,
    "ServiceAccount": objects.validate_service_account,
    "Namespace": objects.validate_namespace,
    "ReplicationController": workloads.validate_replication_controller,
    "PodTemplate": workloads.validate_pod_template,
    "Deployment": workloads.validate_deployment,
    "ReplicaSet": workloads.validate_replica_set,
    "StatefulSet": workloads.validate_stateful_set,
    "DaemonSet": workloads.validate_daemon_set,
    "Job": workloads.validate_job,
    "CronJob": workloads.validate_cron_job,
}


def validate(kind: str, value: dict[str, Any]) -> Errors:
    """Return every error and warning of a defaulted object, in the server's order."""
    errors = Errors()
    _CHECKS[kind](errors, value)
    if kind == "Pod":
        warn_pod(errors, value)
    elif kind == "PersistentVolumeClaim":
        warn_claim(errors, value)
    else:
        holder, path = value.get("spec") or {}, FieldPath().child("spec")
        if kind == "CronJob":
            holder, path = holder["jobTemplate"]["spec"], path.child("jobTemplate", "spec")
        template = holder.get("template")
        if isinstance(template, dict):
            warn_pod_spec(errors, template["spec"], path.child("template", "spec"))
    return errors
