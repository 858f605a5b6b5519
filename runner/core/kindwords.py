"""Kinds as a command line and a server name them: short names, plurals, groups."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from runner.core.model import Json


class KindWords(Struct, frozen=True):
    """A kind with its plural, its API group ("" for the core's) and its short names."""

    kind: str
    plural: str
    group: str = ""
    short: tuple[str, ...] = ()

    @property
    def resource(self) -> str:
        """``deployments.apps``, as errors write it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def prefix(self) -> str:
        """``deployment.apps``, as ``-o name`` writes it."""
        singular = self.kind.lower()
        return f"{singular}.{self.group}" if self.group else singular

    @property
    def words(self) -> tuple[str, ...]:
        """Everything that a command line may call it."""
        return (*self.short, self.kind.lower(), self.plural, *((self.resource, self.prefix) if self.group else ()))


PODS = KindWords("Pod", "pods", "", ("po",))
CLAIMS = KindWords("PersistentVolumeClaim", "persistentvolumeclaims", "", ("pvc",))
EVENTS = KindWords("Event", "events", "", ("ev",))
OBJECTS: Mapping[str, KindWords] = {
    known.kind: known
    for known in (
        KindWords("Service", "services", "", ("svc",)),
        KindWords("ConfigMap", "configmaps", "", ("cm",)),
        KindWords("Secret", "secrets"),
    )
}
"""The kinds that pods refer to, and that may be written without running anything."""
WORKLOADS: Mapping[str, KindWords] = {
    known.kind: known
    for known in (
        KindWords("ReplicationController", "replicationcontrollers", "", ("rc",)),
        KindWords("DaemonSet", "daemonsets", "apps", ("ds",)),
        KindWords("Deployment", "deployments", "apps", ("deploy",)),
        KindWords("ReplicaSet", "replicasets", "apps", ("rs",)),
        KindWords("StatefulSet", "statefulsets", "apps", ("sts",)),
        KindWords("CronJob", "cronjobs", "batch", ("cj",)),
        KindWords("Job", "jobs", "batch"),
    )
}
"""The kinds that make pods, in the order in which ``get all`` lists them."""


def resource_prefix(value: Json) -> str:
    """What ``-o name`` writes before the slash: the kind, with its group when it has one."""
    group, slash, _ = str(value.get("apiVersion") or "").partition("/")
    kind = str(value.get("kind") or "").lower()
    return f"{kind}.{group}" if slash else kind
