"""The resources that the API serves: groups, versions, names, verbs and subresources.

Mirrors what kube-apiserver's discovery says of them, without those that one node has no use for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

ALL_VERBS: Final = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
_WRITTEN: Final = ("get", "patch", "update")
_STREAMED: Final = ("create", "get")
_ALL: Final = ("all",)


class Subresource(Struct, frozen=True):
    """A part of a resource with a path of its own; its kind, when it is not the resource's, may be of another group."""

    name: str
    verbs: tuple[str, ...]
    kind: str = ""
    group: str = ""
    version: str = ""


class Resource(Struct, frozen=True):
    """A resource of one group and version."""

    kind: str
    plural: str
    singular: str
    group: str = ""
    version: str = "v1"
    short: tuple[str, ...] = ()
    is_namespaced: bool = True
    categories: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()

    @property
    def group_version(self) -> str:
        """As objects have it in apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """``deployments.apps``, as errors write it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def subresource(self, name: str) -> Subresource | None:
        """One of its subresources; None when it has none of that name."""
        return next((one for one in self.subresources if one.name == name), None)


_STATUS: Final = Subresource("status", _WRITTEN)
_POD_PARTS: Final = (
    Subresource("attach", _STREAMED, "PodAttachOptions"),
    Subresource("ephemeralcontainers", _WRITTEN),
    Subresource("eviction", ("create",), "Eviction", "policy", "v1"),
    Subresource("exec", _STREAMED, "PodExecOptions"),
    Subresource("log", ("get",)),
    Subresource("portforward", _STREAMED, "PodPortForwardOptions"),
    _STATUS,
)


def _workload(kind: str, plural: str, *short: str, group: str) -> Resource:
    singular = kind.lower()
    return Resource(kind, plural, singular, group, short=short, categories=_ALL, subresources=(_STATUS,))


RESOURCES: Final[tuple[Resource, ...]] = (
    Resource("ConfigMap", "configmaps", "configmap", short=("cm",)),
    Resource("Event", "events", "event", short=("ev",)),
    Resource(
        "Namespace",
        "namespaces",
        "namespace",
        short=("ns",),
        is_namespaced=False,
        verbs=tuple(verb for verb in ALL_VERBS if verb != "deletecollection"),
        subresources=(_STATUS,),
    ),
    Resource("Node", "nodes", "node", short=("no",), is_namespaced=False, subresources=(_STATUS,)),
    Resource(
        "PersistentVolumeClaim",
        "persistentvolumeclaims",
        "persistentvolumeclaim",
        short=("pvc",),
        subresources=(_STATUS,),
    ),
    Resource("Pod", "pods", "pod", short=("po",), categories=_ALL, subresources=_POD_PARTS),
    _workload("ReplicationController", "replicationcontrollers", "rc", group=""),
    Resource("Secret", "secrets", "secret"),
    Resource("ServiceAccount", "serviceaccounts", "serviceaccount", short=("sa",)),
    Resource("Service", "services", "service", short=("svc",), categories=_ALL, subresources=(_STATUS,)),
    _workload("DaemonSet", "daemonsets", "ds", group="apps"),
    _workload("Deployment", "deployments", "deploy", group="apps"),
    _workload("ReplicaSet", "replicasets", "rs", group="apps"),
    _workload("StatefulSet", "statefulsets", "sts", group="apps"),
    Resource("Event", "events", "event", "events.k8s.io", short=("ev",)),
    _workload("CronJob", "cronjobs", "cj", group="batch"),
    _workload("Job", "jobs", group="batch"),
)
"""By group, as discovery lists them."""

GROUP_VERSIONS: Final[tuple[str, ...]] = tuple(dict.fromkeys(resource.group_version for resource in RESOURCES))
_BY_PATH: Final[Mapping[tuple[str, str], Resource]] = {(one.group_version, one.plural): one for one in RESOURCES}


def resource_at(group_version: str, plural: str) -> Resource | None:
    """The resource of a path: ("apps/v1", "deployments")."""
    return _BY_PATH.get((group_version, plural))


def resource_of(api_version: str, kind: str) -> Resource | None:
    """The resource of a kind: ("apps/v1", "Deployment")."""
    return next((one for one in RESOURCES if (one.group_version, one.kind) == (api_version, kind)), None)


def resources_of(group_version: str) -> tuple[Resource, ...]:
    """All resources of a group and version."""
    return tuple(one for one in RESOURCES if one.group_version == group_version)
