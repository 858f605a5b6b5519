"""The Pod as podrunner interprets it: a typed, frozen view of a defaulted v1 Pod object.

The view is made once, from the JSON object that the manifest loader hands over (``Pod.from_json``); the object itself stays
reachable as ``Pod.manifest`` for everything that is only passed through. Field meanings: k8s.io/api/core/v1 types.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NewType

from msgspec import Struct

from runner.core.text.times import parse_time

PodUID = NewType("PodUID", str)
ContainerID = NewType("ContainerID", str)
Json = Mapping[str, Any]
Object = dict[str, Any]
"""A v1 object as JSON, which its owner may change."""

EMPTY: Json = MappingProxyType({})


class RestartPolicy(StrEnum):
    """When an ended container runs again."""

    ALWAYS = "Always"
    ON_FAILURE = "OnFailure"
    NEVER = "Never"


class PullPolicy(StrEnum):
    """When the registry is asked for an image."""

    ALWAYS = "Always"
    IF_NOT_PRESENT = "IfNotPresent"
    NEVER = "Never"


class RuleAction(StrEnum):
    """What a restart rule does (KEP-5307, KEP-5532)."""

    RESTART = "Restart"
    RESTART_ALL = "RestartAllContainers"


class RuleOperator(StrEnum):
    """How a restart rule compares exit codes."""

    IN = "In"
    NOT_IN = "NotIn"


class ProbeKind(StrEnum):
    """Which question a probe asks; the value is the word that events use."""

    STARTUP = "Startup"
    LIVENESS = "Liveness"
    READINESS = "Readiness"


class TerminationMessagePolicy(StrEnum):
    """Where a terminated container's message comes from."""

    FILE = "File"
    FALLBACK_TO_LOGS_ON_ERROR = "FallbackToLogsOnError"


class RetryScope(StrEnum):
    """What runs again when a regular init container fails."""

    POD = "pod"
    CONTAINER = "container"


class RestartRule(Struct, frozen=True, kw_only=True):
    """One entry of restartPolicyRules; ``implied`` marks the one that the retry scope ``pod`` stands for."""

    action: RuleAction
    operator: RuleOperator
    values: frozenset[int]
    implied: bool = False

    def matches(self, exit_code: int) -> bool:
        return (exit_code in self.values) == (self.operator is RuleOperator.IN)


class ExecAction(Struct, frozen=True, kw_only=True):
    """Run a command in the container."""

    command: tuple[str, ...]


class HTTPGetAction(Struct, frozen=True, kw_only=True):
    """Ask an HTTP server; ``port`` may be a port name."""

    path: str
    port: int | str
    host: str
    scheme: str
    headers: tuple[tuple[str, str], ...]


class TCPSocketAction(Struct, frozen=True, kw_only=True):
    """Open a connection; ``port`` may be a port name."""

    port: int | str
    host: str


class GRPCAction(Struct, frozen=True, kw_only=True):
    """Ask the gRPC health service."""

    port: int
    service: str


class SleepAction(Struct, frozen=True, kw_only=True):
    """Let seconds pass (hooks only)."""

    seconds: int


Handler = ExecAction | HTTPGetAction | TCPSocketAction | GRPCAction | SleepAction


class Probe(Struct, frozen=True, kw_only=True):
    """A probe with its timing; all durations in whole seconds."""

    handler: Handler
    initial_delay: int
    timeout: int
    period: int
    success_threshold: int
    failure_threshold: int
    grace: int | None


class VolumeMount(Struct, frozen=True, kw_only=True):
    """Where a volume appears in a container."""

    name: str
    mount_path: str
    sub_path: str = ""
    sub_path_expr: str = ""
    read_only: bool = False
    propagation: str = ""
    recursive_read_only: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Container:
    """One container of the pod, init, app or ephemeral; ``manifest`` is its v1 Container or EphemeralContainer object.

    ``target`` is the container whose processes an ephemeral one sees, "" for none.
    """

    name: str
    image: str
    pull_policy: PullPolicy
    is_init: bool
    restart_policy: RestartPolicy | None
    rules: tuple[RestartRule, ...] = ()
    command: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    volume_mounts: tuple[VolumeMount, ...] = ()
    startup: Probe | None = None
    liveness: Probe | None = None
    readiness: Probe | None = None
    post_start: Handler | None = None
    pre_stop: Handler | None = None
    stop_signal: str = ""
    termination_message_path: str = "/dev/termination-log"
    termination_message_policy: TerminationMessagePolicy = TerminationMessagePolicy.FILE
    is_ephemeral: bool = False
    target: str = ""
    manifest: Json = field(default_factory=dict, compare=False, repr=False)
    is_sidecar: bool = field(init=False, compare=False, repr=False)
    """A restartable init container (pkg/api/v1/pod/util.go IsRestartableInitContainer)."""
    is_regular_init: bool = field(init=False, compare=False, repr=False)
    field_path: str = field(init=False, compare=False, repr=False)
    """How events name the container: ``spec.initContainers{name}``."""

    def __post_init__(self) -> None:
        is_sidecar = self.is_init and self.restart_policy is RestartPolicy.ALWAYS
        put = object.__setattr__
        put(self, "is_sidecar", is_sidecar)
        put(self, "is_regular_init", self.is_init and not is_sidecar)
        kind = "initContainers" if self.is_init else "ephemeralContainers" if self.is_ephemeral else "containers"
        put(self, "field_path", f"spec.{kind}{{{self.name}}}")

    def probe(self, kind: ProbeKind) -> Probe | None:
        return {
            ProbeKind.STARTUP: self.startup,
            ProbeKind.LIVENESS: self.liveness,
            ProbeKind.READINESS: self.readiness,
        }[kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """The pod; ``manifest`` is its v1 Pod object with metadata and spec, without status."""

    name: str
    namespace: str
    uid: PodUID
    restart_policy: RestartPolicy
    containers: tuple[Container, ...]
    init_containers: tuple[Container, ...] = ()
    ephemeral_containers: tuple[Container, ...] = ()
    termination_grace: int | None = 30
    active_deadline: int | None = None
    host_network: bool = False
    readiness_gates: tuple[str, ...] = ()
    created_at: datetime | None = None
    deleted_at: datetime | None = None
    deletion_grace: int | None = None
    generation: int = 0
    labels: Mapping[str, str] = field(default_factory=dict, compare=False)
    annotations: Mapping[str, str] = field(default_factory=dict, compare=False)
    manifest: Json = field(default_factory=dict, compare=False, repr=False)
    full_name: str = field(init=False, compare=False, repr=False)
    """``name_namespace(uid)``: how messages name a pod (kubelet/util/format PodDesc)."""
    sidecars: tuple[Container, ...] = field(init=False, compare=False, repr=False)
    has_rules: bool = field(init=False, compare=False, repr=False)
    """Whether some container has restart rules."""
    spec: Json = field(init=False, compare=False, repr=False)
    is_deleted: bool = field(init=False, compare=False, repr=False)
    """Whether deletion has been asked for."""
    _by_name: Mapping[str, Container] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        everything = (*self.init_containers, *self.containers)
        put = object.__setattr__
        put(self, "full_name", f"{self.name}_{self.namespace}({self.uid})")
        put(self, "sidecars", tuple(c for c in self.init_containers if c.is_sidecar))
        put(self, "has_rules", any(c.rules for c in everything))
        put(self, "spec", _mapping(self.manifest.get("spec")))
        put(self, "is_deleted", self.deleted_at is not None)
        put(self, "_by_name", {c.name: c for c in reversed(everything)})

    def all_containers(self) -> Iterator[Container]:
        """Init containers first, then apps, each in spec order."""
        yield from self.init_containers
        yield from self.containers

    def container(self, name: str) -> Container | None:
        """The init or app container of a name."""
        return self._by_name.get(name)

    def any_container(self, name: str) -> Container | None:
        """The same, ephemeral ones included."""
        return self._by_name.get(name) or next((c for c in self.ephemeral_containers if c.name == name), None)

    @property
    def choices(self) -> str:
        """The names of all containers as kubectl lists them (podcmd.go): ``main, debug (ephem), first (init)``."""
        ephemeral = (f"{c.name} (ephem)" for c in self.ephemeral_containers)
        return ", ".join(
            [*(c.name for c in self.containers), *ephemeral, *(f"{c.name} (init)" for c in self.init_containers)]
        )

    @classmethod
    def from_json(cls, value: Json) -> Pod:
        """Read a defaulted v1 Pod. Raises nothing on missing optional fields; the loader has validated the object."""
        metadata, spec = _mapping(value.get("metadata")), _mapping(value.get("spec"))
        return cls(
            name=str(metadata.get("name", "")),
            namespace=str(metadata.get("namespace") or "default"),
            uid=PodUID(str(metadata.get("uid", ""))),
            restart_policy=RestartPolicy(spec.get("restartPolicy") or RestartPolicy.ALWAYS),
            containers=tuple(_container(c, is_init=False) for c in _list(spec, "containers")),
            init_containers=tuple(_container(c, is_init=True) for c in _list(spec, "initContainers")),
            ephemeral_containers=tuple(
                _container(c, is_init=False, is_ephemeral=True) for c in _list(spec, "ephemeralContainers")
            ),
            termination_grace=spec.get("terminationGracePeriodSeconds"),
            active_deadline=spec.get("activeDeadlineSeconds"),
            host_network=bool(spec.get("hostNetwork")),
            readiness_gates=tuple(str(g.get("conditionType")) for g in _list(spec, "readinessGates")),
            created_at=parse_time(metadata.get("creationTimestamp")),
            deleted_at=parse_time(metadata.get("deletionTimestamp")),
            deletion_grace=metadata.get("deletionGracePeriodSeconds"),
            generation=metadata.get("generation") or 0,
            labels=_mapping(metadata.get("labels")),
            annotations=_mapping(metadata.get("annotations")),
            manifest=value,
        )


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else EMPTY


def _list(value: Json, key: str) -> Sequence[Json]:
    return value.get(key) or ()


def _container(value: Json, *, is_init: bool, is_ephemeral: bool = False) -> Container:
    policy = value.get("restartPolicy")
    lifecycle = _mapping(value.get("lifecycle"))
    return Container(
        name=str(value.get("name", "")),
        image=str(value.get("image", "")),
        pull_policy=PullPolicy(value.get("imagePullPolicy") or PullPolicy.IF_NOT_PRESENT),
        is_init=is_init,
        is_ephemeral=is_ephemeral,
        target=str(value.get("targetContainerName") or "") if is_ephemeral else "",
        restart_policy=RestartPolicy(policy) if policy else None,
        rules=tuple(_rule(r) for r in _list(value, "restartPolicyRules")),
        command=tuple(value.get("command") or ()),
        args=tuple(value.get("args") or ()),
        volume_mounts=tuple(_volume_mount(m) for m in _list(value, "volumeMounts")),
        startup=_probe(value.get("startupProbe")),
        liveness=_probe(value.get("livenessProbe")),
        readiness=_probe(value.get("readinessProbe")),
        post_start=_handler(_mapping(lifecycle.get("postStart"))),
        pre_stop=_handler(_mapping(lifecycle.get("preStop"))),
        stop_signal=str(lifecycle.get("stopSignal") or ""),
        termination_message_path=str(value.get("terminationMessagePath", "/dev/termination-log")),
        termination_message_policy=TerminationMessagePolicy(
            value.get("terminationMessagePolicy") or TerminationMessagePolicy.FILE
        ),
        manifest=value,
    )


def _rule(value: Json) -> RestartRule:
    exit_codes = _mapping(value.get("exitCodes"))
    return RestartRule(
        action=RuleAction(value.get("action", RuleAction.RESTART)),
        operator=RuleOperator(exit_codes.get("operator", RuleOperator.IN)),
        values=frozenset(exit_codes.get("values") or ()),
    )


def _volume_mount(value: Json) -> VolumeMount:
    return VolumeMount(
        name=str(value.get("name", "")),
        mount_path=str(value.get("mountPath", "")),
        sub_path=str(value.get("subPath") or ""),
        sub_path_expr=str(value.get("subPathExpr") or ""),
        read_only=bool(value.get("readOnly")),
        propagation=str(value.get("mountPropagation") or ""),
        recursive_read_only=str(value.get("recursiveReadOnly") or ""),
    )


def _probe(value: object) -> Probe | None:
    probe = _mapping(value)
    handler = _handler(probe)
    if handler is None:
        return None
    return Probe(
        handler=handler,
        initial_delay=probe.get("initialDelaySeconds") or 0,
        timeout=probe.get("timeoutSeconds") or 1,
        period=probe.get("periodSeconds") or 10,
        success_threshold=probe.get("successThreshold") or 1,
        failure_threshold=probe.get("failureThreshold") or 3,
        grace=probe.get("terminationGracePeriodSeconds"),
    )


def _handler(value: Json) -> Handler | None:
    if "exec" in value:
        return ExecAction(command=tuple(_mapping(value["exec"]).get("command") or ()))
    if "httpGet" in value:
        http = _mapping(value["httpGet"])
        return HTTPGetAction(
            path=str(http.get("path") or "/"),
            port=http.get("port", 0),
            host=str(http.get("host") or ""),
            scheme=str(http.get("scheme") or "HTTP"),
            headers=tuple((str(h.get("name")), str(h.get("value", ""))) for h in _list(http, "httpHeaders")),
        )
    if "tcpSocket" in value:
        tcp = _mapping(value["tcpSocket"])
        return TCPSocketAction(port=tcp.get("port", 0), host=str(tcp.get("host") or ""))
    if "grpc" in value:
        grpc = _mapping(value["grpc"])
        return GRPCAction(port=int(grpc.get("port", 0)), service=str(grpc.get("service") or ""))
    if "sleep" in value:
        return SleepAction(seconds=int(_mapping(value["sleep"]).get("seconds", 0)))
    return None
