"""Plans a pod's volumes from what this node knows: the objects of the store, the Engine's size, the key that signs tokens."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from shutil import disk_usage

from runner.clock import Clock
from runner.core.container.messages import messages_plan
from runner.core.container.noderesources import NodeLook, NodeSize
from runner.core.labels import POD_UID
from runner.core.model import Pod
from runner.core.volumes import MountError, Surroundings, VolumePlan, access_volumes, plan_volumes
from runner.core.volumes.claims import bound_claim
from runner.engine.protocol import Engine
from runner.errors import AlreadyExists, EngineConflict, EngineError, NotFound
from runner.kubelet.volumes.hostpath import check_host_path
from runner.registry.admission import Admission, create
from runner.registry.contract import Registry

Plans = Callable[[], tuple[VolumePlan, ...]]
"""Returns the current plan of a pod's volumes."""
_CLAIM = "PersistentVolumeClaim"
_KEY_PLACE = ("Secret", "kube-system", "service-account-token-key")
_KEY_BYTES = 32


def prepare_volumes(pod: Pod, engine: Engine, store: Registry, clock: Clock, owner: str) -> tuple[VolumePlan, ...]:
    """Plan the pod's volumes, check its host paths and bind its claims.

    Raises MountError with the texts of FailedMount events.
    """

    def check(plan: VolumePlan) -> None:
        if plan.host_type:
            check_host_path(plan)
        if plan.claim is not None:
            _bind(plan, store, clock.now())

    plans = plan_volumes(pod, surroundings(pod, engine, store, clock, owner), check)
    return (*plans, messages_plan(pod, owner))


def surroundings(pod: Pod, engine: Engine, store: Registry, clock: Clock, owner: str) -> Surroundings:
    """The inputs of the plan for a pod's volumes."""
    return Surroundings(
        lookup=lambda kind, name: store.get(kind, pod.namespace, name),
        now=clock.now(),
        owner=owner,
        node=node_look(engine),
        token_key=lambda: _token_key(store, clock.now()),
    )


def node_look(engine: Engine) -> NodeLook:
    """Asks the Engine for the node's size. Raises MountError when it does not answer."""

    def look() -> NodeSize:
        try:
            info = engine.info()
        except EngineError as error:
            raise MountError(f"cannot read the node's allocatable resources: {error.message}") from error
        place = Path(info.root_dir)
        disk = disk_usage(place).total if info.root_dir and place.is_dir() else 0
        return NodeSize(cpus=info.cpus, memory=info.memory, ephemeral_storage=disk)

    return look


def _bind(plan: VolumePlan, store: Registry, now: datetime) -> None:
    """Write the claim as bound, unless it says so already."""
    claim = plan.claim
    assert claim is not None
    namespace, name = claim["metadata"]["namespace"], claim["metadata"]["name"]
    with store.transaction():
        if store.get(_CLAIM, namespace, name) is None:
            create(store, {**Admission().admit(claim, now), "status": claim["status"]})
            return
        store.change(_CLAIM, namespace, name, lambda old: None if old is None else bound_claim(namespace, old, now))


def _token_key(store: Registry, now: datetime) -> bytes:
    """The key that signs this state directory's tokens, made when the first token is."""
    kind, namespace, name = _KEY_PLACE
    found = store.get(kind, namespace, name)
    if found is None:
        # When two make a key at the same time, the first one counts.
        key = base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()
        metadata = {"namespace": namespace, "name": name}
        made = {"apiVersion": "v1", "kind": kind, "metadata": metadata, "data": {"key": key}}
        with suppress(AlreadyExists):
            create(store, Admission().admit(made, now))
        found = store.get(kind, namespace, name)
    assert found is not None
    return base64.b64decode(found["data"]["key"])


def remove_volumes(engine: Engine, pod: Pod, owner: str) -> None:
    """Remove every volume that belongs to the pod alone, and a shared one if no other pod uses it. Raises EngineError."""
    for volume in engine.list_volumes({POD_UID: pod.uid}):
        engine.remove_volume(volume.name)
    for name in access_volumes(pod, owner):
        with suppress(EngineConflict, NotFound):  # Another pod has it mounted, or has removed it first.
            engine.remove_volume(name)
