"""CronJobs: their schedule, their time zone, and the Jobs that they make.

Mirrors validateCronJobSpec of pkg/apis/batch/validation/validation.go.
"""

from __future__ import annotations

import re
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.cronschedule import schedule_fault, zone_fault
from runner.core.manifest.validation.errors import Errors, Named
from runner.core.manifest.validation.jobs import validate_job_spec
from runner.core.manifest.validation.metadata import shown_name, validate_metadata
from runner.core.manifest.validation.names import dns_subdomain, longest
from runner.core.manifest.validation.templates import not_negative, shown_selector

Object = dict[str, Any]

_METADATA = FieldPath().child("metadata")
_SPEC = FieldPath().child("spec")
_JOB = _SPEC.child("jobTemplate", "spec")
# A Job's name is its CronJob's with eleven characters more.
_LONGEST_NAME = 52
_POLICIES = ("Allow", "Forbid", "Replace")
_ZONE_PART = r"[A-Za-z.\-_0-9+]{1,14}"


def validate_cron_job(errors: Errors, cron_job: Object) -> None:
    """Check a CronJob."""
    validate_metadata(errors, cron_job["metadata"], _METADATA, dns_subdomain)
    spec = cron_job["spec"]
    _schedule(errors, spec.get("schedule") or "", _SPEC.child("schedule"))
    not_negative(errors, spec, ("startingDeadlineSeconds",), _SPEC)
    if spec.get("timeZone") is not None:
        _time_zone(errors, spec["timeZone"], _SPEC.child("timeZone"))
    if spec["concurrencyPolicy"] not in _POLICIES:
        errors.not_supported(_SPEC.child("concurrencyPolicy"), spec["concurrencyPolicy"], _POLICIES)
    _job_template(errors, spec["jobTemplate"]["spec"])
    not_negative(errors, spec, ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"), _SPEC)
    name = shown_name(cron_job["metadata"])
    if len(name.encode()) > _LONGEST_NAME:
        errors.invalid(_METADATA.child("name"), name, longest(_LONGEST_NAME))


def _schedule(errors: Errors, schedule: str, path: FieldPath) -> None:
    if not schedule:
        errors.required(path)
        return
    if fault := schedule_fault(schedule):
        errors.invalid(path, schedule, fault)
    if "TZ" in schedule:
        errors.invalid(path, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead")


def _time_zone(errors: Errors, zone: str, path: FieldPath) -> None:
    if not zone:
        errors.invalid(path, Named(zone), "timeZone must be nil or non-empty string")
        return
    for part in zone.split("/"):
        if part in (".", "..") or part.startswith("-") or not re.fullmatch(_ZONE_PART, part):
            errors.invalid(path, Named(zone), f"unknown time zone {zone}")
            return
    if zone.lower() == "local":
        text = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        errors.invalid(path, Named(zone), text)
    if fault := zone_fault(zone):
        errors.invalid(path, Named(zone), fault)


def _job_template(errors: Errors, spec: Object) -> None:
    validate_job_spec(errors, spec, _JOB)
    if spec.get("selector") is not None:
        errors.invalid(_JOB.child("selector"), shown_selector(spec["selector"]), "`selector` will be auto-generated")
    if spec.get("manualSelector"):
        errors.not_supported(_JOB.child("manualSelector"), True, ("nil", "false"))
