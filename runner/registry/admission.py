"""The registry's door: new objects of every writer come in here: a run's, a client's, a controller's.

An object is read and checked (``checked``), gets what a server gives it (``Admission``), and is written (``create``): one after
the other for a client, in steps for a run, which admits everything before it touches anything. Mirrors
k8s.io/apiserver pkg/endpoints/handlers/create.go and pkg/registry/rest/create.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct, field

from runner.core.admission import NO_NODE, admit, identified, on_node, unscheduled
from runner.core.kindwords import PODS, WORKLOADS
from runner.core.model import Json, Object
from runner.core.status.podstatus import Phase
from runner.core.text.times import parse_time
from runner.errors import ManifestError
from runner.registry.contract import Registry, name_of, uid_of
from runner.registry.identities import RandomIdentities

if TYPE_CHECKING:
    from runner.core.manifest import LoadedObject
    from runner.core.serviceaccounts import Accounts
    from runner.core.workloads.model import Identities

_JOB, _SERVICE = "Job", "Service"


class Admission(Struct, frozen=True, kw_only=True):
    """What new objects get: an identity, and pods their default account and their node.

    ``node`` "": pods wait for one. ``accounts``: the ServiceAccounts that were given; None: accounts are not looked at.
    ``namespace``: where objects without one belong.
    """

    node: str = ""
    accounts: Accounts | None = None
    namespace: str = "default"
    identities: Identities = field(default_factory=RandomIdentities)

    def admit(self, value: Json, now: datetime) -> Object:
        """A new object as it is to be written, with all defaults before. Raises ManifestError when it is not let in."""
        identity = {"namespace": self.namespace, "uid": self.identities.uid(), "suffix": self.identities.suffix()}
        kind = str(value.get("kind") or "")
        if kind == PODS.kind:
            return self._settled(admit(value, now=now, **identity))
        from runner.core.storedobjects import without_owner

        made = identified(value, now=now, **identity)
        made["metadata"] = without_owner(made["metadata"])
        if kind in WORKLOADS:
            made["metadata"]["generation"] = 1
        if kind == _JOB:
            from runner.core.workloads.expand import job_metadata, selecting

            made["spec"] = selecting(made["spec"], made["metadata"]["name"], made["metadata"]["uid"])
            made["metadata"] = job_metadata(made["metadata"], made["spec"])
        return made

    def _settled(self, pod: Object) -> Object:
        if self.accounts is not None:
            from runner.core.serviceaccounts import Forbidden, account_of, with_service_account

            metadata = pod["metadata"]
            try:
                pod = with_service_account(pod, account_of(pod, self.accounts, metadata["namespace"]))
            except Forbidden as error:
                raise ManifestError((f'{PODS.plural} "{metadata["name"]}" is forbidden: {error}',)) from error
        return on_node(pod, self.node) if self.node else pod


def checked(value: Json, namespace: str = "default") -> LoadedObject:
    """An object from outside, decoded strictly, with its defaults, validated. Raises ManifestError with all problems."""
    import json

    from runner.core.manifest import Source, load

    found = load([Source(name="<object>", text=json.dumps(value))], namespace=namespace, is_admitted=True)
    if not found.ok or not found.objects:
        raise ManifestError(tuple(str(problem) for problem in (*found.problems, *found.ignored)))
    return found.objects[0]


def value_of(loaded: LoadedObject) -> Object:
    """What was loaded, with its kind and its namespace in it."""
    metadata = {**(loaded.value.get("metadata") or {}), "namespace": loaded.namespace}
    return {**loaded.value, "apiVersion": loaded.api_version, "kind": loaded.kind, "metadata": metadata}


def create(
    registry: Registry, *values: Json, holder: str = "", run_spec: str | None = None, lease: str = ""
) -> Sequence[Object]:
    """Write objects that were admitted, all of them or none. Raises AlreadyExists.

    ``holder``, ``run_spec`` and ``lease`` are what the ledger says of each, from the same moment on. A pod without a holder says
    in its status and in an event that it waits for a node.
    """
    made: list[Object] = []
    with registry.transaction():
        try:
            for value in values:
                begun = _begun(registry, value, is_held=bool(holder))
                made.append(registry.create(begun, holder=holder, run_spec=run_spec, lease=lease))
        except BaseException:
            for one in made:  # where a transaction cannot be undone
                registry.delete(str(one["kind"]), *name_of(one), uid=uid_of(one))
            raise
        for one in made:
            if not holder and one["kind"] == PODS.kind:
                _tell_of_no_node(registry, one)
    return made


def _begun(registry: Registry, value: Json, *, is_held: bool) -> Json:
    """The object with what only the registry can tell, and the status with which one of its kind begins."""
    kind = value["kind"]
    if kind == PODS.kind:
        since = str(value["metadata"].get("creationTimestamp") or "")
        return {**value, "status": {"phase": Phase.PENDING} if is_held else unscheduled(since)}
    if kind == _SERVICE:
        from runner.core.storedobjects import new_service, node_ports_of

        return new_service(value, node_ports_of(registry.list(_SERVICE).items))
    return value


def _tell_of_no_node(registry: Registry, pod: Json) -> None:
    """Record what a scheduler says of a pod for which there is no node."""
    from runner.core.events import SCHEDULER, Correlator, ObjectRef, Source
    from runner.core.reasons import EventReason, warning

    (namespace, name), at = name_of(pod), parse_time(pod["metadata"].get("creationTimestamp"))
    if at is None:
        return
    about = ObjectRef(namespace=namespace, name=name, uid=uid_of(pod))
    note = warning(EventReason.FAILED_SCHEDULING, NO_NODE)
    event, _ = Correlator().take(about, Source(component=SCHEDULER), note, at)
    registry.record_event(event)
