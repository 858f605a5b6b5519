"""The entry to validation: which checks an object of a kind gets.

Modules for kinds other than Pod are imported when one turns up: most manifests hold nothing but pods.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.validation import pod, warnings
from runner.core.manifest.validation.errors import Errors

Object = dict[str, Any]


def validate(kind: str, value: Object, raw: Any = None, *, is_admitted: bool = False) -> Errors:
    """Return every error and warning of a defaulted object, in the server's order; ``raw``: what its text says.

    ``is_admitted``: a pod without a service account will have one.
    """
    errors = Errors(raw=raw)
    if kind == "Pod":
        pod.validate_pod(errors, value, has_account=is_admitted)
        warnings.warn_pod(errors, value)
        return errors
    from runner.core.manifest.validation import objects

    check = objects.CHECKS.get(kind)
    if check is not None:
        check(errors, value)
        if kind == "PersistentVolumeClaim":
            warnings.warn_claim(errors, value)
    else:
        _workload(errors, kind, value)
    return errors


def _workload(errors: Errors, kind: str, value: Object) -> None:
    from runner.core.manifest.validation import workloads

    workloads.CHECKS[kind](errors, value)
    warnings.warn_workload(errors, kind, value)
