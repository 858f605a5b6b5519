"""Where a pod may run: affinity, tolerations, topology spread, gates. One node runs them all; they are checked only.

Mirrors validateAffinity, ValidateTolerations and validateTopologySpreadConstraints of
pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors, Named
from runner.core.manifest.validation.metadata import validate_selector
from runner.core.manifest.validation.names import dns_label, dns_subdomain, label_value, qualified_name

Object = dict[str, Any]

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_NO_OPERATOR = "not a valid selector operator"
_NOT_POSITIVE = "must be greater than zero"


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
            validate_node_term(errors, term, at.index(index), check_values=True)
    for index, weighted in enumerate(affinity.get(_PREFERRED) or ()):
        at = path.child(_PREFERRED).index(index)
        _weight(errors, weighted, at)
        # A cluster of one node never looks at preferences, so upstream lets their values pass.
        validate_node_term(errors, weighted.get("preference") or {}, at.child("preference"), check_values=False)


def validate_node_term(errors: Errors, term: Object, path: FieldPath, *, check_values: bool) -> None:
    """Check a node selector term; values of a preference may be any."""
    for index, requirement in enumerate(term.get("matchExpressions") or ()):
        _node_requirement(errors, requirement, path.child("matchExpressions").index(index), check_values=check_values)
    for index, requirement in enumerate(term.get("matchFields") or ()):
        _field_requirement(errors, requirement, path.child("matchFields").index(index))


def _node_requirement(errors: Errors, requirement: Object, path: FieldPath, *, check_values: bool) -> None:
    operator, values = requirement.get("operator") or "", requirement.get("values") or []
    at = path.child("values")
    if operator in ("In", "NotIn"):
        if not values:
            errors.required(at, "must be specified when `operator` is 'In' or 'NotIn'")
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            errors.forbidden(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    elif operator in ("Gt", "Lt"):
        if len(values) != 1:
            errors.required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'")
    else:
        errors.invalid(path.child("operator"), Named(operator), _NO_OPERATOR)
    key = requirement.get("key") or ""
    for message in qualified_name(key):
        errors.invalid(path.child("key"), key, message)
    for index, value in enumerate(values if check_values else ()):
        for message in label_value(value):
            errors.invalid(at.index(index), value, message)


def _field_requirement(errors: Errors, requirement: Object, path: FieldPath) -> None:
    operator, values = requirement.get("operator") or "", requirement.get("values") or []
    if operator not in ("In", "NotIn"):
        errors.invalid(path.child("operator"), Named(operator), _NO_OPERATOR)
    elif len(values) != 1:
        detail = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        errors.required(path.child("values"), detail)
    key = requirement.get("key") or ""
    if key != "metadata.name":
        errors.invalid(path.child("key"), key, "not a valid field selector key")
        return
    for index, value in enumerate(values):
        for message in dns_subdomain(value):
            errors.invalid(path.child("values").index(index), value, message)


def _pod_term(errors: Errors, term: Object, path: FieldPath) -> None:
    validate_selector(errors, term.get("labelSelector"), path.child("labelSelector"))
    validate_selector(errors, term.get("namespaceSelector"), path.child("namespaceSelector"))
    for index, namespace in enumerate(term.get("namespaces") or ()):
        for message in dns_label(namespace):
            errors.invalid(
                path.child("namespace").located_at(path.child("namespaces").index(index)), namespace, message
            )
    _label_keys(errors, term, path)
    key = term.get("topologyKey") or ""
    if not key:
        errors.required(path.child("topologyKey"), "can not be empty")
    for message in qualified_name(key):
        errors.invalid(path.child("topologyKey"), key, message)


def _label_keys(errors: Errors, term: Object, path: FieldPath) -> None:
    """Check matchLabelKeys and mismatchLabelKeys, whose labels have been merged into the selector (defaults)."""
    wanted, unwanted = term.get("matchLabelKeys") or [], term.get("mismatchLabelKeys") or []
    selector = term.get("labelSelector")
    for name, keys in (("matchLabelKeys", wanted), ("mismatchLabelKeys", unwanted)):
        at = path.child(name)
        if keys and selector is None:
            errors.forbidden(at, "must not be specified when labelSelector is not set")
        for index, key in enumerate(keys if selector is not None else ()):
            for message in qualified_name(key):
                errors.invalid(at.index(index), key, message)
    positions = {key: index for index, key in enumerate(wanted)}
    seen = set((selector or {}).get("matchLabels") or ())
    for expression in (selector or {}).get("matchExpressions") or ():
        key = expression.get("key") or ""
        if key in positions and key in seen:
            # The path lacks the field's name, as the server's does.
            here = path.index(positions[key]).located_at(path.child("matchLabelKeys").index(positions[key]))
            errors.invalid(here, key, "exists in both matchLabelKeys and labelSelector")
        seen.add(key)
    for index, key in enumerate(wanted):
        if key in unwanted:
            detail = "exists in both matchLabelKeys and mismatchLabelKeys"
            errors.invalid(path.child("matchLabelKeys").index(index), key, detail)


def validate_topology_spread(errors: Errors, constraints: list[Object] | None, path: FieldPath) -> None:
    """Check topology spread constraints."""
    pairs = [(c.get("topologyKey") or "", c.get("whenUnsatisfiable") or "") for c in constraints or ()]
    for index, constraint in enumerate(constraints or ()):
        at = path.index(index)
        skew = constraint.get("maxSkew") or 0
        key, action = pairs[index]
        if skew <= 0:
            errors.invalid(at.child("maxSkew"), skew, _NOT_POSITIVE)
        if not key:
            errors.required(at.child("topologyKey"), "can not be empty")
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            errors.not_supported(at.child("whenUnsatisfiable"), action, ("DoNotSchedule", "ScheduleAnyway"))
        if (key, action) in pairs[index + 1 :]:
            # Told of the first of the two.
            pair = at.child("{topologyKey, whenUnsatisfiable}").located_at(at.child("topologyKey"))
            errors.duplicate(pair, f"{{{key}, {action}}}")
        domains = constraint.get("minDomains")
        if domains is not None:
            if domains <= 0:
                errors.invalid(at.child("minDomains"), domains, _NOT_POSITIVE)
            if action != "DoNotSchedule":
                detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
                errors.invalid(at.child("minDomains"), domains, detail)
        for name in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if constraint.get(name) not in (None, "Honor", "Ignore"):
                errors.not_supported(at.child(name), constraint[name], ("Honor", "Ignore"))
        _label_keys(errors, constraint, at)
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
            errors.invalid(at.child("operator"), Named(operator), detail)
        if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
            errors.invalid(
                at.child("effect"), Named(effect), "effect must be 'NoExecute' when `tolerationSeconds` is set"
            )
        if operator in ("", "Equal"):
            if messages := label_value(value):
                errors.invalid(at.child("operator"), value, ";".join(messages))
        elif operator == "Exists":
            if value:
                errors.invalid(at.child("operator"), value, "value must be empty when `operator` is 'Exists'")
        else:
            # Lt and Gt come with a feature that is off by default, but are listed to users who try them.
            supported = ("Equal", "Exists", "Lt", "Gt") if operator in ("Lt", "Gt") else ("Equal", "Exists")
            errors.not_supported(at.child("operator"), operator, supported)
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
