"""The kinds that make pods: Deployment, ReplicaSet, StatefulSet, DaemonSet, ReplicationController, Job, CronJob.

Mirrors pkg/apis/apps/validation and pkg/apis/batch/validation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.claims import validate_claim_spec
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.jobs import validate_job_policies
from runner.core.manifest.validation.metadata import (
    validate_annotations,
    validate_labels,
    validate_metadata,
    validate_selector,
)
from runner.core.manifest.validation.names import Rule, dns_label, dns_subdomain, longest
from runner.core.manifest.validation.pod import validate_pod_spec
from runner.core.selectors import matches, selector_of

Object = dict[str, Any]

_METADATA = FieldPath().child("metadata")
_SPEC = FieldPath().child("spec")
_MISMATCH = "`selector` does not match template `labels`"
_LONGEST_CRON_NAME = 52


def _not_negative(errors: Errors, spec: Object, names: tuple[str, ...], path: FieldPath) -> None:
    for name in names:
        if (spec.get(name) or 0) < 0:
            errors.invalid(path.child(name), spec[name], "must be greater than or equal to 0")


def _template(errors: Errors, template: Object, path: FieldPath, claims: dict[str, Object] | None = None) -> None:
    metadata = template.get("metadata") or {}
    for name, check in (("labels", validate_labels), ("annotations", validate_annotations)):
        check(errors, metadata.get(name), path.child(name).located_at(path.child("metadata", name)))
    validate_pod_spec(errors, template["spec"], path.child("spec"), claims)
    if template["spec"].get("ephemeralContainers"):
        detail = "ephemeral containers not allowed in pod template"
        errors.forbidden(path.child("spec", "ephemeralContainers"), detail)


def _long_running(
    errors: Errors, spec: Object, kind: str, claims: dict[str, Object] | None = None, *, empty_refused: bool = True
) -> None:
    """Check selector and template of a kind whose pods run for ever."""
    selector = spec.get("selector")
    if selector is None:
        errors.required(_SPEC.child("selector"))
    else:
        validate_selector(errors, selector, _SPEC.child("selector"))
        if not selector.get("matchLabels") and not selector.get("matchExpressions") and empty_refused:
            detail = f"empty selector is invalid for {kind.lower()}"
            errors.invalid(_SPEC.child("selector"), {"matchLabels": None, "matchExpressions": None}, detail)
    template, path = spec["template"], _SPEC.child("template")
    labels = template["metadata"].get("labels") or {}
    if selector is None or not matches(selector_of(selector), labels):
        errors.invalid(path.child("metadata", "labels"), labels, _MISMATCH)
    _template(errors, template, path, claims)
    policy = template["spec"].get("restartPolicy")
    if policy != "Always":
        errors.not_supported(path.child("spec", "restartPolicy"), policy, ("Always",))
    if template["spec"].get("activeDeadlineSeconds") is not None:
        holder = "ReplicaSet" if kind == "Deployment" else kind
        detail = f"activeDeadlineSeconds in {holder} is not Supported"
        errors.forbidden(path.child("spec", "activeDeadlineSeconds"), detail)


def _metadata(errors: Errors, value: Object, rule: Rule = dns_subdomain) -> None:
    validate_metadata(errors, value["metadata"], _METADATA, rule)


def validate_deployment(errors: Errors, deployment: Object) -> None:
    """Check a Deployment."""
    _metadata(errors, deployment)
    spec = deployment["spec"]
    _not_negative(errors, spec, ("replicas",), _SPEC)
    _long_running(errors, spec, "Deployment")
    _strategy(errors, spec["strategy"], _SPEC.child("strategy"))
    _not_negative(errors, spec, ("minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"), _SPEC)
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= (spec.get("minReadySeconds") or 0):
        errors.invalid(_SPEC.child("progressDeadlineSeconds"), deadline, "must be greater than minReadySeconds")


def _strategy(errors: Errors, strategy: Object, path: FieldPath) -> None:
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling is not None:
            detail = "may not be specified when strategy `type` is 'Recreate'"
            errors.forbidden(path.child("rollingUpdate"), detail)
    elif kind == "RollingUpdate":
        _rolling(errors, rolling or {}, path.child("rollingUpdate"))
    else:
        errors.not_supported(path, {"Type": kind, "RollingUpdate": None}, ("Recreate", "RollingUpdate"))


def _rolling(errors: Errors, rolling: Object, path: FieldPath) -> None:
    amounts: dict[str, int] = {}
    for name in ("maxUnavailable", "maxSurge"):
        value = rolling.get(name)
        if isinstance(value, str):
            digits = value.removesuffix("%")
            if not value.endswith("%") or not (digits.isascii() and digits.isdigit() and len(digits) < 10):
                detail = (
                    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
                    "regex used for validation is '[0-9]+%')"
                )
                errors.invalid(path.child(name), value, detail)
                amounts[name] = 1
            else:
                amounts[name] = int(digits)
        else:
            amounts[name] = value or 0
            if amounts[name] < 0:
                errors.invalid(path.child(name), value, "must be greater than or equal to 0")
    if not amounts["maxUnavailable"] and not amounts["maxSurge"]:
        detail = "may not be 0 when `maxSurge` is 0"
        errors.invalid(path.child("maxUnavailable"), rolling.get("maxUnavailable") or 0, detail)
    if isinstance(rolling.get("maxUnavailable"), str) and amounts["maxUnavailable"] > 100:
        errors.invalid(path.child("maxUnavailable"), rolling["maxUnavailable"], "must not be greater than 100%")


def validate_replica_set(errors: Errors, replica_set: Object) -> None:
    """Check a ReplicaSet."""
    _metadata(errors, replica_set)
    _not_negative(errors, replica_set["spec"], ("replicas", "minReadySeconds"), _SPEC)
    _long_running(errors, replica_set["spec"], "ReplicaSet")


def validate_daemon_set(errors: Errors, daemon_set: Object) -> None:
    """Check a DaemonSet."""
    _metadata(errors, daemon_set)
    spec = daemon_set["spec"]
    _long_running(errors, spec, "DaemonSet")
    _not_negative(errors, spec, ("minReadySeconds", "revisionHistoryLimit"), _SPEC)
    if spec["updateStrategy"].get("type") not in ("OnDelete", "RollingUpdate"):
        at = _SPEC.child("updateStrategy", "type")
        errors.not_supported(at, spec["updateStrategy"].get("type") or "", ("OnDelete", "RollingUpdate"))


def validate_replication_controller(errors: Errors, controller: Object) -> None:
    """Check a ReplicationController, whose selector is a plain map."""
    _metadata(errors, controller)
    spec, path = controller["spec"], _SPEC.child("template")
    _not_negative(errors, spec, ("minReadySeconds",), _SPEC)
    selector = spec.get("selector") or {}
    if not selector:
        errors.required(_SPEC.child("selector"))
    _not_negative(errors, spec, ("replicas",), _SPEC)
    template = spec.get("template")
    if template is None:
        errors.required(path)
        return
    labels = template["metadata"].get("labels") or {}
    if selector and not matches(selector_of({"matchLabels": selector}), labels):
        errors.invalid(path.child("metadata", "labels"), labels, _MISMATCH)
    _template(errors, template, path)
    policy = template["spec"].get("restartPolicy")
    if policy != "Always":
        errors.not_supported(path.child("spec", "restartPolicy"), policy, ("Always",))


def validate_stateful_set(errors: Errors, stateful_set: Object) -> None:
    """Check a StatefulSet."""
    _metadata(errors, stateful_set, dns_label)
    spec = stateful_set["spec"]
    policies = ("OrderedReady", "Parallel")
    if spec.get("podManagementPolicy") not in policies:
        at = _SPEC.child("podManagementPolicy")
        errors.invalid(at, spec.get("podManagementPolicy") or "", "must be 'OrderedReady' or 'Parallel'")
    strategy = spec["updateStrategy"]
    if strategy.get("type") not in ("RollingUpdate", "OnDelete"):
        shown = {"Type": strategy.get("type") or "", "RollingUpdate": None}
        errors.invalid(_SPEC.child("updateStrategy"), shown, "must be 'RollingUpdate' or 'OnDelete'")
    _not_negative(errors, spec, ("replicas", "minReadySeconds"), _SPEC)
    claims: dict[str, Object] = {}
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        validate_claim_spec(errors, claim["spec"], _SPEC.child("volumeClaimTemplates").index(index).child("spec"))
        name = claim["metadata"].get("name") or ""
        claims[name] = {"name": name, "persistentVolumeClaim": {"claimName": name}}
    _long_running(errors, spec, "StatefulSet", claims)
    for message in dns_label(spec["serviceName"]) if spec.get("serviceName") else ():
        errors.invalid(_SPEC.child("serviceName"), spec["serviceName"], message)


def validate_job(errors: Errors, job: Object) -> None:
    """Check a Job."""
    _metadata(errors, job)
    spec, path = job["spec"], _SPEC.child("template")
    _job_selector(errors, spec)
    name = job["metadata"].get("name") or ""
    if len(name.encode()) > 63:
        # The controller's two labels with the job's name.
        for _ in range(2):
            at = path.child("labels").located_at(_METADATA.child("name"))
            errors.invalid(at, name, "must be no more than 63 bytes")
    _job_spec(errors, spec, _SPEC)


def _job_selector(errors: Errors, spec: Object) -> None:
    selector = spec.get("selector")
    if spec.get("manualSelector"):
        if selector is None:
            errors.required(_SPEC.child("selector"))
        elif not matches(selector_of(selector), spec["template"]["metadata"].get("labels") or {}):
            labels = spec["template"]["metadata"].get("labels") or {}
            errors.invalid(_SPEC.child("template", "metadata", "labels"), labels, _MISMATCH)
        return
    if selector is not None:
        errors.invalid(_SPEC.child("selector"), selector, "`selector` not auto-generated")
        labels = spec["template"]["metadata"].get("labels") or {}
        errors.invalid(_SPEC.child("template", "metadata", "labels"), labels, _MISMATCH)


def _job_spec(errors: Errors, spec: Object, path: FieldPath) -> None:
    names = (
        "parallelism",
        "completions",
        "activeDeadlineSeconds",
        "backoffLimit",
        "ttlSecondsAfterFinished",
        "backoffLimitPerIndex",
        "maxFailedIndexes",
    )
    _not_negative(errors, spec, names, path)
    if spec.get("completionMode") not in ("NonIndexed", "Indexed"):
        at = path.child("completionMode")
        errors.not_supported(at, spec.get("completionMode") or "", ("Indexed", "NonIndexed"))
    validate_job_policies(errors, spec, path)
    template, at = spec["template"], path.child("template")
    policy = template["spec"].get("restartPolicy")
    here = at.child("spec", "restartPolicy")
    if spec.get("podFailurePolicy") is not None and policy != "Never":
        errors.invalid(here, policy, 'only "Never" is supported when podFailurePolicy is specified')
    _template(errors, template, at)
    if policy == "Always":
        errors.required(here, 'valid values: "OnFailure", "Never"')


def validate_cron_job(errors: Errors, cron_job: Object) -> None:
    """Check a CronJob."""
    _metadata(errors, cron_job)
    name = cron_job["metadata"].get("name") or ""
    if len(name) > _LONGEST_CRON_NAME:
        errors.invalid(_METADATA.child("name"), name, longest(_LONGEST_CRON_NAME))
    spec = cron_job["spec"]
    if not spec.get("schedule"):
        errors.required(_SPEC.child("schedule"))
    _not_negative(errors, spec, ("startingDeadlineSeconds",), _SPEC)
    policies = ("Allow", "Forbid", "Replace")
    if spec.get("concurrencyPolicy") not in policies:
        errors.not_supported(_SPEC.child("concurrencyPolicy"), spec.get("concurrencyPolicy") or "", policies)
    _not_negative(errors, spec, ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"), _SPEC)
    _job_spec(errors, spec["jobTemplate"]["spec"], _SPEC.child("jobTemplate", "spec"))


def validate_pod_template(errors: Errors, value: Object) -> None:
    """Check a PodTemplate."""
    _metadata(errors, value)
    _template(errors, value["template"], FieldPath().child("template"))


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
