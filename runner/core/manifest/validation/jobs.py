"""Jobs: numbers, completion modes, who manages them, and the selector that the server makes.

Mirrors pkg/apis/batch/validation/validation.go; the policies have a module of their own.
"""

from __future__ import annotations

import re
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.jobpolicies import validate_failure_policy, validate_success_policy
from runner.core.manifest.validation.metadata import shown_name, validate_metadata
from runner.core.manifest.validation.names import dns_label, dns_subdomain
from runner.core.manifest.validation.pod import validate_template
from runner.core.manifest.validation.templates import (
    not_negative,
    selector_is_usable,
    shown_selector,
    validate_selected,
)
from runner.core.selectors import matches, selector_of

Object = dict[str, Any]

_METADATA = FieldPath().child("metadata")
_SPEC = FieldPath().child("spec")
_LIMIT = 100_000
_LIMIT_OF_MANY = 10_000
_MANY = f"when completions are above {_LIMIT} and used with backoff limit per index"
_LONGEST_MANAGER = 63
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_OWNER = "batch.kubernetes.io/controller-uid"
# The server invents it anew for each Job.
_UID = "00000000-0000-0000-0000-000000000000"


def validate_job(errors: Errors, job: Object) -> None:
    """Check a Job as the server has it: with the labels and the selector that it generates."""
    spec, name = job["spec"], shown_name(job["metadata"])
    selector, template = spec.get("selector"), spec["template"]
    if not spec["manualSelector"]:
        selector, template = _generated(spec, name)
    validate_metadata(errors, _labelled(job["metadata"], spec["template"], template), _METADATA, dns_subdomain)
    if not spec["manualSelector"]:
        _generated_labels(errors, selector, template, name)
    validate_job_spec(errors, {**spec, "template": template}, _SPEC)
    at = _SPEC.child("selector")
    if selector is None:
        errors.required(at)
    if selector_is_usable(errors, selector, at):
        validate_selected(errors, selector, template, _SPEC.child("template"))
    completions = spec.get("completions") or 0
    if spec["completionMode"] == "Indexed" and completions > 0:
        host = f"{name}-{completions - 1}"
        if dns_label(host):
            text = f"will not able to create pod with invalid DNS label: {host}"
            errors.invalid(_METADATA.child("name"), name, text)


def _labelled(metadata: Object, written: Object, template: Object) -> Object:
    """The metadata with the labels of the Job's pods when it has none of its own (pkg/apis/batch/v1/defaults.go)."""
    if metadata.get("labels") or not written["metadata"].get("labels"):
        return metadata
    return {**metadata, "labels": template["metadata"]["labels"]}


def _generated(spec: Object, name: str) -> tuple[Object, Object]:
    """Selector and template with what the server adds to them (pkg/registry/batch/job/strategy.go)."""
    selector, template = spec.get("selector") or {}, spec["template"]
    labels = {"batch.kubernetes.io/job-name": name, "job-name": name, _OWNER: _UID, "controller-uid": _UID}
    labels |= template["metadata"].get("labels") or {}
    made = {**selector, "matchLabels": dict(sorted({_OWNER: _UID, **(selector.get("matchLabels") or {})}.items()))}
    return made, {**template, "metadata": {**template["metadata"], "labels": dict(sorted(labels.items()))}}


def _generated_labels(errors: Errors, selector: Object, template: Object, name: str) -> None:
    labels, at = template["metadata"]["labels"], _SPEC.child("template", "metadata", "labels")
    wanted = {"controller-uid": _UID, "job-name": name, _OWNER: _UID, "batch.kubernetes.io/job-name": name}
    for key, value in wanted.items():
        if labels[key] != value:
            errors.invalid(at.key(key), labels, f"must be '{value}'")
    if selector_is_usable(Errors(), selector, at) and not matches(selector_of(selector), wanted):
        errors.invalid(_SPEC.child("selector"), shown_selector(selector), "`selector` not auto-generated")


def validate_job_spec(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check what Jobs and the templates of CronJobs have in common."""
    names = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
    not_negative(errors, spec, (*names, "backoffLimitPerIndex", "maxFailedIndexes"), path)
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        errors.required(path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified")
    _manager(errors, spec.get("managedBy"), path.child("managedBy"))
    mode = spec.get("completionMode")
    if mode not in (None, "NonIndexed", "Indexed"):
        errors.not_supported(path.child("completionMode"), mode, ("NonIndexed", "Indexed"))
    if mode == "Indexed":
        _indexed(errors, spec, path)
    elif mode in (None, "NonIndexed"):
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(name) is not None:
                errors.invalid(path.child(name), spec[name], "requires indexed completion mode")
    validate_failure_policy(errors, spec, path.child("podFailurePolicy"))
    validate_success_policy(errors, spec, path.child("successPolicy"))
    _replacement(errors, spec, path.child("podReplacementPolicy"))
    validate_template(errors, spec["template"], path.child("template"))
    policy, at = spec["template"]["spec"]["restartPolicy"], path.child("template", "spec", "restartPolicy")
    if policy == "Always":
        errors.required(at, 'valid values: "OnFailure", "Never"')
    elif policy not in ("OnFailure", "Never"):
        errors.not_supported(at, policy, ("OnFailure", "Never"))
    elif policy != "Never" and spec.get("podFailurePolicy") is not None:
        errors.invalid(at, policy, 'only "Never" is supported when podFailurePolicy is specified')


def _indexed(errors: Errors, spec: Object, path: FieldPath) -> None:
    completions, parallelism, failed = (spec.get(n) for n in ("completions", "parallelism", "maxFailedIndexes"))
    if completions is None:
        errors.required(path.child("completions"), "when completion mode is Indexed")
    if (parallelism or 0) > _LIMIT:
        text = f"must be less than or equal to {_LIMIT} when completion mode is Indexed"
        errors.invalid(path.child("parallelism"), parallelism, text)
    at = path.child("maxFailedIndexes")
    if completions is not None and failed is not None and failed > completions:
        errors.invalid(at, failed, "must be less than or equal to completions")
    if (failed or 0) > _LIMIT:
        errors.invalid(at, failed, f"must be less than or equal to {_LIMIT}")
    if (completions or 0) > _LIMIT and spec.get("backoffLimitPerIndex") is not None:
        if failed is None:
            errors.required(at, f"must be specified when completions is above {_LIMIT}")
        for name, value in (("parallelism", parallelism), ("maxFailedIndexes", failed)):
            if (value or 0) > _LIMIT_OF_MANY:
                text = f"must be less than or equal to {_LIMIT_OF_MANY} {_MANY}"
                errors.invalid(path.child(name), value, text)


def _manager(errors: Errors, manager: str | None, path: FieldPath) -> None:
    """Check that managedBy is a domain, a slash and a path."""
    if manager is None:
        return
    domain, _, rest = manager.partition("/")
    if not manager:
        errors.required(path)
    elif not (domain and rest):
        errors.invalid(path, manager, 'must be a domain-prefixed path (such as "acme.io/foo")')
    else:
        for message in dns_subdomain(domain):
            errors.invalid(path, domain, message)
        if not re.fullmatch(_HTTP_PATH, rest):
            errors.invalid(path, rest, f"Invalid path (regex used for validation is '{_HTTP_PATH}')")
    if len(manager.encode()) > _LONGEST_MANAGER:
        errors.too_long(path, _LONGEST_MANAGER)


def _replacement(errors: Errors, spec: Object, path: FieldPath) -> None:
    policy = spec.get("podReplacementPolicy")
    known = ("Failed",) if spec.get("podFailurePolicy") is not None else ("Failed", "TerminatingOrFailed")
    if policy is not None and policy not in known:
        errors.not_supported(path, policy, known)
