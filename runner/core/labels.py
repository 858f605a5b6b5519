"""Names and labels of everything podrunner creates in the Engine.

The kubelet's own keys, as the Docker shim wrote them (pkg/kubelet/dockershim naming.go, kuberuntime/labels.go), so that
tools that know them work; ours stand below ``dev.podrunner/``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import lru_cache

from runner.core.model import Container, Pod

POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
POD_UID = "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"
DOCKER_TYPE = "io.kubernetes.docker.type"
SANDBOX_ID = "io.kubernetes.sandbox.id"
RESTART_COUNT = "annotation.io.kubernetes.container.restartCount"
HASH = "annotation.io.kubernetes.container.hash"
TERMINATION_PATH = "annotation.io.kubernetes.container.terminationMessagePath"
TERMINATION_POLICY = "annotation.io.kubernetes.container.terminationMessagePolicy"
PRE_STOP = "annotation.io.kubernetes.container.preStopHandler"
PORTS = "annotation.io.kubernetes.container.ports"
POD_GRACE = "annotation.io.kubernetes.pod.terminationGracePeriod"
DELETION_GRACE = "annotation.io.kubernetes.pod.deletionGracePeriod"

MANAGED = "dev.podrunner/managed"
"""On everything that podrunner creates; the value is the version of this label scheme."""
OWNER = "dev.podrunner/owner"
"""Which process made it, and for which state directory: ``<host id>:<pid>:<start time>@<home id>``, ``/keep`` if it may stay."""
ATTEMPT = "dev.podrunner/attempt"
"""Sandbox attempt, from 0."""
PREPARED = "dev.podrunner/prepared"
"""On containers that were created before their turn; one that is not started yet does not count."""
VOLUME = "dev.podrunner/volume"
"""Name of the pod volume that a named volume stands for."""
VOLUME_KIND = "dev.podrunner/volume-kind"
"""``pvc`` on volumes that outlive their pod, ``access`` on those that all pods of a service account share."""
ACCESS = "access"

FAULTS = "dev.podrunner/faults"
"""The annotation of a pod that runs with faults: their texts."""
STOPPED_AT = "dev.podrunner/stopped-at"
"""The annotation of a pod that stands still at a breakpoint: where."""
CONTINUE = "dev.podrunner/continue"
"""The annotation that asks such a pod to go on: ``WHERE:HOW``, or only how."""
RETRY = "dev.podrunner/retry"
"""The annotation that asks a pod not to wait any longer before it tries again: each new value does so once."""
HOME = "dev.podrunner/home"
"""On volumes of claims, which have no owner: the state directory that they were made for."""
KEEP = "/keep"
"""At the end of an owner's label: what it made may stay on purpose when it ends."""

SANDBOX_CONTAINER = "POD"
TYPE_SANDBOX = "podsandbox"
TYPE_CONTAINER = "container"
TYPE_DEBUG = "debug"
"""A copy of a failed attempt, or the tools beside it: it goes with the pod, but is none of its containers."""
_KEPT_PREFIX = "podrunner_kept_"
_SHORT_ID = 12


def home_of(owner: str) -> str:
    """The id of the state directory that an owner's label names; "" when it names none."""
    return owner.partition("@")[2].removesuffix(KEEP)


def claim_labels(claim: str, owner: str) -> dict[str, str]:
    """The labels of a claim's volume, which outlives the process that made it."""
    home = home_of(owner)
    return {VOLUME: claim, VOLUME_KIND: "pvc", **({HOME: home} if home else {})}


def sandbox_name(pod: Pod, attempt: int) -> str:
    return container_name(SANDBOX_CONTAINER, pod, attempt)


def container_name(container: str, pod: Pod, attempt: int) -> str:
    return f"k8s_{container}_{pod.name}_{pod.namespace}_{pod.uid}_{attempt}"


def kept_name(container_id: str) -> str:
    """The name of a failed attempt that is kept for ``debug`` and counts for nothing any more."""
    return f"{_KEPT_PREFIX}{container_id[:_SHORT_ID]}"


def is_kept(name: str) -> bool:
    """Whether a container's name says that it is kept for ``debug`` alone."""
    return name.startswith(_KEPT_PREFIX)


def volume_name(pod: Pod, volume: str) -> str:
    """Name of the Docker volume behind a pod volume that lives and dies with the pod."""
    return f"k8s_{volume}_{pod.name}_{pod.namespace}_{pod.uid}"


def pvc_volume_name(namespace: str, claim: str) -> str:
    """Name of the Docker volume behind a PersistentVolumeClaim."""
    return f"k8s_pvc_{claim}_{namespace}"


def spec_hash(container: Container) -> str:
    """Hash of what makes a running container be replaced: name and image only (pkg/kubelet/container/helpers.go)."""
    return _hash(container.image, container.name)


@lru_cache(maxsize=4096)
def _hash(image: str, name: str) -> str:
    text = json.dumps({"image": image, "name": name}, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def pod_labels(pod: Pod, owner: str) -> dict[str, str]:
    """What every object of a pod carries."""
    return {POD_NAME: pod.name, POD_NAMESPACE: pod.namespace, POD_UID: pod.uid, MANAGED: "1", OWNER: owner}


def sandbox_labels(pod: Pod, attempt: int, owner: str) -> dict[str, str]:
    return {
        **{str(key): str(value) for key, value in pod.labels.items()},
        **{f"annotation.{key}": str(value) for key, value in pod.annotations.items()},
        **pod_labels(pod, owner),
        CONTAINER_NAME: SANDBOX_CONTAINER,
        DOCKER_TYPE: TYPE_SANDBOX,
        ATTEMPT: str(attempt),
    }


def container_labels(pod: Pod, container: Container, *, attempt: int, sandbox_id: str, owner: str) -> dict[str, str]:
    labels = {
        **pod_labels(pod, owner),
        CONTAINER_NAME: container.name,
        DOCKER_TYPE: TYPE_CONTAINER,
        SANDBOX_ID: sandbox_id,
        HASH: spec_hash(container),
        RESTART_COUNT: str(attempt),
        TERMINATION_PATH: container.termination_message_path,
        TERMINATION_POLICY: str(container.termination_message_policy),
    }
    optional = {
        PRE_STOP: _json((container.manifest.get("lifecycle") or {}).get("preStop")),
        PORTS: _json(container.manifest.get("ports")),
        POD_GRACE: _json(pod.termination_grace),
        DELETION_GRACE: _json(pod.deletion_grace),
    }
    return labels | {key: text for key, text in optional.items() if text}


def _json(value: object) -> str:
    """A value as an annotation holds it; nothing for nothing."""
    return "" if value is None or value == [] else json.dumps(value, separators=(",", ":"))


def volume_labels(pod: Pod, volume: str, owner: str) -> dict[str, str]:
    return {**pod_labels(pod, owner), VOLUME: volume}


def attempt_of(labels: Mapping[str, str]) -> int:
    """The attempt that a sandbox's or container's labels tell; 0 when they are damaged."""
    text = labels.get(ATTEMPT) or labels.get(RESTART_COUNT) or "0"
    return int(text) if text.isdecimal() else 0
