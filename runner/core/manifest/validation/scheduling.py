"""Where a pod may run: affinity, tolerations, topology spread, gates. One node runs them all; they are checked only.

Mirrors validateAffinity, ValidateTolerations and validateTopologySpreadConstraints of
pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.metadata import validate_selector
from runner.core.manifest.validation.names import dns_label, label_value, qualified_name

Object = dict[str, Any]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def validate_affinity(errors: Errors, affinity: Object | None, path: FieldPath) -> None:
    """Check node and pod affinity."""
    if affinity is None:
        return
    if affinity.get("nodeAffinity") is not None:
        _node_affinity(errors, affinity["nodeAffinity"], path.child("nodeAffinity"))
    for name in ("podAffinity", "podAntiAffinity"):
        rules = affinity.get(name) or {}
        at = path.child(name)
        for index, term in enumerate(rules.get(_REQUIRED) or ()):
            _pod_term(errors, term, at.child(_REQUIRED).index(index))
        for index, weighted in enumerate(rules.get(_PREFERRED) or ()):
            here = at.child(_PREFERRED).index(index)
            _weight(errors, weighted, here)
            _pod_term(errors, weighted.get("podAffinityTerm") or {}, here.child("podAffinityTerm"))


def _weight(errors: Errors, weighted: Object, path: FieldPath) -> None:
    weight = weighted.get("weight") or 0
    if not 1 <= weight <= 100:
        errors.invalid(path.child("weight"), weight, "must be in the range 1-100")


def _node_affinity(errors: Errors, affinity: Object, path: FieldPath) -> None:
    required = affinity.get(_REQUIRED)
    if required is not None:
        at = path.child(_REQUIRED, "nodeSelectorTerms")
        terms = required.get("nodeSelectorTerms") or []
        if not terms:
            errors.required(at, "must have at least one node selector term")
        for index, term in enumerate(terms):
            _node_term(errors, term, at.index(index))
    for index, weighted in enumerate(affinity.get(_PREFERRED) or ()):
        at = path.child(_PREFERRED).index(index)
        _weight(errors, weighted, at)
        _node_term(errors, weighted.get("preference") or {}, at.child("preference"))


def _node_term(errors: Errors, term: Object, path: FieldPath) -> None:
    for index, requirement in enumerate(term.get("matchExpressions") or ()):
        at = path.child("matchExpressions").index(index)
        operator, values = requirement.get("operator") or "", requirement.get("values") or []
        if operator in ("In", "NotIn"):
            if not values:
                errors.required(at.child("values"), "must be specified when `operator` is 'In' or 'NotIn'")
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                errors.forbidden(at.child("values"), detail)
        elif operator in ("Gt", "Lt"):
            if len(values) != 1:
                detail = "must be specified single value when `operator` is 'Lt' or 'Gt'"
                errors.required(at.child("values"), detail)
        else:
            errors.invalid(at.child("operator"), operator, "not a valid selector operator")
        for message in qualified_name(requirement.get("key") or ""):
            errors.invalid(at.child("key"), requirement.get("key") or "", message)


def _pod_term(errors: Errors, term: Object, path: FieldPath) -> None:
    validate_selector(errors, term.get("labelSelector"), path.child("labelSelector"))
    validate_selector(errors, term.get("namespaceSelector"), path.child("namespaceSelector"))
    for index, namespace in enumerate(term.get("namespaces") or ()):
        for message in dns_label(namespace):
            errors.invalid(
                path.child("namespace").located_at(path.child("namespaces").index(index)), namespace, message
            )
    key = term.get("topologyKey") or ""
    if not key:
        errors.required(path.child("topologyKey"), "can not be empty")
    for message in qualified_name(key):
        errors.invalid(path.child("topologyKey"), key, message)


def validate_topology_spread(errors: Errors, constraints: list[Object] | None, path: FieldPath) -> None:
    """Check topology spread constraints."""
    seen: set[tuple[str, str]] = set()
    for index, constraint in enumerate(constraints or ()):
        at = path.index(index)
        skew, key = constraint.get("maxSkew") or 0, constraint.get("topologyKey") or ""
        action = constraint.get("whenUnsatisfiable") or ""
        if skew <= 0:
            errors.invalid(at.child("maxSkew"), skew, "must be greater than zero")
        if not key:
            errors.required(at.child("topologyKey"), "can not be empty")
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            errors.not_supported(at.child("whenUnsatisfiable"), action, ("DoNotSchedule", "ScheduleAnyway"))
        if (key, action) in seen:
            pair = at.child("{topologyKey, whenUnsatisfiable}").located_at(at.child("topologyKey"))
            errors.duplicate(pair, f"{{{key}, {action}}}")
        seen.add((key, action))
        domains = constraint.get("minDomains")
        if domains is not None:
            if domains <= 0:
                errors.invalid(at.child("minDomains"), domains, "must be greater than zero")
            if action != "DoNotSchedule":
                detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                errors.invalid(at.child("minDomains"), domains, detail)
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if constraint.get(name) not in (None, "Honor", "Ignore"):
                errors.not_supported(at.child(name), constraint[name], ("Honor", "Ignore"))
        validate_selector(errors, constraint.get("labelSelector"), at.child("labelSelector"))


def validate_tolerations(errors: Errors, tolerations: list[Object] | None, path: FieldPath) -> None:
    """Check tolerations."""
    for index, toleration in enumerate(tolerations or ()):
        at = path.index(index)
        key, operator = toleration.get("key") or "", toleration.get("operator") or ""
        value, effect = toleration.get("value") or "", toleration.get("effect") or ""
        for message in qualified_name(key) if key else ():
            errors.invalid(at.child("key"), key, message)
        if not key and operator != "Exists":
            detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
            errors.invalid(at.child("operator"), operator, detail)
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            errors.invalid(at.child("effect"), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
        if operator in ("", "Equal"):
            if messages := label_value(value):
                errors.invalid(at.child("operator"), value, ";".join(messages))
        elif operator == "Exists":
            if value:
                errors.invalid(at.child("operator"), value, "value must be empty when `operator` is 'Exists'")
        else:
            errors.not_supported(at.child("operator"), operator, ("Equal", "Exists"))
        if effect and effect not in _EFFECTS:
            errors.not_supported(at.child("effect"), effect, _EFFECTS)


def validate_gates(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check readiness gates and scheduling gates."""
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        condition = gate.get("conditionType") or ""
        for message in qualified_name(condition):
            errors.invalid(path.child("readinessGates").index(index).child("conditionType"), condition, message)
    names: set[str] = set()
    for index, gate in enumerate(spec.get("schedulingGates") or ()):
        at = path.child("schedulingGates").index(index)
        name = gate.get("name") or ""
        for message in qualified_name(name):
            errors.invalid(at, name, message)
        if name in names:
            errors.duplicate(at, name)
        names.add(name)
