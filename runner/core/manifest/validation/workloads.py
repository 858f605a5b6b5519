"""The kinds that make pods: Deployment, ReplicaSet, DaemonSet, ReplicationController; others have modules of their own.

Mirrors pkg/apis/apps/validation/validation.go and ValidateReplicationController of pkg/apis/core/validation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.cronjobs import validate_cron_job
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.jobs import validate_job
from runner.core.manifest.validation.metadata import validate_metadata
from runner.core.manifest.validation.names import dns_subdomain
from runner.core.manifest.validation.pod import validate_template
from runner.core.manifest.validation.rollouts import validate_strategy, validate_update_strategy
from runner.core.manifest.validation.statefulsets import validate_stateful_set
from runner.core.manifest.validation.templates import (
    not_negative,
    selector_is_usable,
    shown_selector,
    validate_not_empty,
    validate_runs_for_ever,
    validate_selected,
)

Object = dict[str, Any]

_METADATA = FieldPath().child("metadata")
_SPEC = FieldPath().child("spec")
_TEMPLATE = _SPEC.child("template")


def validate_deployment(errors: Errors, deployment: Object) -> None:
    """Check a Deployment."""
    validate_metadata(errors, deployment["metadata"], _METADATA, dns_subdomain)
    spec = deployment["spec"]
    not_negative(errors, spec, ("replicas",), _SPEC)
    _replicated(errors, spec)
    validate_strategy(errors, spec["strategy"], _SPEC.child("strategy"))
    not_negative(errors, spec, ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"), _SPEC)
    if spec["progressDeadlineSeconds"] <= (spec.get("minReadySeconds") or 0):
        at = _SPEC.child("progressDeadlineSeconds")
        errors.invalid(at, spec["progressDeadlineSeconds"], "must be greater than minReadySeconds")


def validate_replica_set(errors: Errors, replica_set: Object) -> None:
    """Check a ReplicaSet; its errors speak of Deployments, as the server's do."""
    validate_metadata(errors, replica_set["metadata"], _METADATA, dns_subdomain)
    not_negative(errors, replica_set["spec"], ("replicas", "minReadySeconds"), _SPEC)
    _replicated(errors, replica_set["spec"])


def _replicated(errors: Errors, spec: Object) -> None:
    """Check selector and template; a template is not looked at while its selector cannot be read."""
    selector, at = spec.get("selector"), _SPEC.child("selector")
    if selector is None:
        errors.required(at)
    elif not selector_is_usable(errors, selector, at):
        errors.invalid(at, shown_selector(selector), "invalid label selector")
        return
    else:
        validate_not_empty(errors, selector, at, "deployment")
    template = spec["template"]
    validate_selected(errors, selector, template, _TEMPLATE)
    validate_template(errors, template, _TEMPLATE)
    validate_runs_for_ever(errors, template, _TEMPLATE, "ReplicaSet")


def validate_daemon_set(errors: Errors, daemon_set: Object) -> None:
    """Check a DaemonSet. One without a selector hears only that it does not match."""
    validate_metadata(errors, daemon_set["metadata"], _METADATA, dns_subdomain)
    spec = daemon_set["spec"]
    selector, template, at = spec.get("selector"), spec["template"], _SPEC.child("selector")
    if selector_is_usable(errors, selector, at):
        validate_selected(errors, selector, template, _TEMPLATE)
        if selector is not None:
            validate_not_empty(errors, selector, at, "daemonset")
    validate_template(errors, template, _TEMPLATE)
    validate_runs_for_ever(errors, template, _TEMPLATE, "DaemonSet")
    not_negative(errors, spec, ("minReadySeconds",), _SPEC)
    validate_update_strategy(errors, spec["updateStrategy"], _SPEC.child("updateStrategy"))
    not_negative(errors, spec, ("revisionHistoryLimit",), _SPEC)


def validate_replication_controller(errors: Errors, controller: Object) -> None:
    """Check a ReplicationController, whose selector is a plain map that is not looked into."""
    validate_metadata(errors, controller["metadata"], _METADATA, _long_name, checks_prefix=False)
    spec = controller["spec"]
    not_negative(errors, spec, ("minReadySeconds",), _SPEC)
    selector = spec.get("selector")
    if not selector:
        errors.required(_SPEC.child("selector"))
    not_negative(errors, spec, ("replicas",), _SPEC)
    template = spec.get("template")
    if template is None:
        errors.required(_TEMPLATE)
        return
    validate_selected(errors, {"matchLabels": selector}, template, _TEMPLATE)
    validate_template(errors, template, _TEMPLATE)
    validate_runs_for_ever(errors, template, _TEMPLATE, "ReplicationController")


def _long_name(name: str) -> list[str]:
    """A subdomain by the newer rule, which counts bytes and says so."""
    return [message.replace("253 characters", "253 bytes") for message in dns_subdomain(name)]


def validate_pod_template(errors: Errors, value: Object) -> None:
    """Check a PodTemplate."""
    validate_metadata(errors, value["metadata"], _METADATA, dns_subdomain)
    validate_template(errors, value["template"], FieldPath().child("template"))


CHECKS: dict[str, Callable[[Errors, Object], None]] = {
    "ReplicationController": validate_replication_controller,
    "PodTemplate": validate_pod_template,
    "Deployment": validate_deployment,
    "ReplicaSet": validate_replica_set,
    "StatefulSet": validate_stateful_set,
    "DaemonSet": validate_daemon_set,
    "Job": validate_job,
    "CronJob": validate_cron_job,
}
