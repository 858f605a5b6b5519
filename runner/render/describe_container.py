"""The part of ``describe pod`` about one container: image, ports, state, resources, probes, environment, mounts.

Mirrors describeContainers and DescribeProbe of k8s.io/kubectl/pkg/describe/describe.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from runner.core.model import EMPTY, Json
from runner.core.text.gotext import quote as go_quote
from runner.core.text.quantity import parse_quantity
from runner.render.layout import Layout, go_bool, long_time

_MEASURED = ("cpu", "memory", "ephemeral-storage")
"""Resources whose amounts kubectl can tell, beside huge pages."""


def describe_containers(
    out: Layout, title: str, pod: Json, spec_key: str, status_key: str, *, in_template: bool = False
) -> None:
    """Add one section with all containers of a list, a level deeper in a workload's template."""
    title = f"  {title}" if in_template else title
    containers = (pod.get("spec") or EMPTY).get(spec_key) or ()
    statuses = {s.get("name"): s for s in (pod.get("status") or EMPTY).get(status_key) or ()}
    out.line(0, f"{title}:" if containers else f"{title}: <none>")
    for container in containers:
        out.line(1, f"{' ' if in_template else ''}{container.get('name', '')}:")
        _container(out, pod, container, statuses.get(container.get("name")))


def _container(out: Layout, pod: Json, container: Json, status: Json | None) -> None:
    if status is not None:
        out.field(2, "Container ID", status.get("containerID") or "")
    out.field(2, "Image", container.get("image") or "")
    if status is not None:
        out.field(2, "Image ID", status.get("imageID") or "")
    ports = container.get("ports") or ()
    _ports(out, "Port", [_port(p, p.get("containerPort")) for p in ports])
    _ports(out, "Host Port", [_port(p, p.get("hostPort") or 0) for p in ports])
    describe_seccomp(out, 2, container.get("securityContext"))
    _words(out, "Command", container.get("command") or ())
    _words(out, "Args", container.get("args") or ())
    if status is not None:
        _status(out, status)
    describe_resources(out, 2, container.get("resources") or EMPTY)
    for label, key in (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe")):
        if container.get(key):
            out.field(2, label, probe_text(container[key]))
    _env_from(out, container.get("envFrom") or ())
    _environment(out, pod, container)
    _mounts(out, container)


def describe_seccomp(out: Layout, level: int, context: Json | None) -> None:
    """Add the seccomp profile of a pod's or container's security context, if there is one."""
    profile = (context or EMPTY).get("seccompProfile")
    if profile:
        out.field(level, "SeccompProfile", profile.get("type") or "")
        if profile.get("type") == "Localhost":
            out.field(level and level + 1, "LocalhostProfile", profile.get("localhostProfile") or "")


def describe_resources(out: Layout, level: int, resources: Json) -> None:
    """Add limits and requests, sorted by name."""
    for label, key in (("Limits", "limits"), ("Requests", "requests")):
        amounts: Mapping[str, Any] = resources.get(key) or {}
        if amounts:
            out.line(level, f"{label}:")
        for name, amount in sorted(amounts.items()):
            out.field(level + 1, name, amount)


def _port(port: Json, number: object) -> str:
    name = f" ({port['name']})" if port.get("name") else ""
    return f"{number}/{port.get('protocol') or 'TCP'}{name}"


def _ports(out: Layout, label: str, ports: list[str]) -> None:
    out.field(2, label + "s" if len(ports) > 1 else label, ", ".join(ports) or "<none>")


def _words(out: Layout, label: str, words: Sequence[str]) -> None:
    if words:
        out.line(2, f"{label}:")
    for word in words:
        for part in str(word).split("\n"):
            out.line(3, part)


def _status(out: Layout, status: Json) -> None:
    _state(out, "State", status.get("state") or EMPTY)
    last = status.get("lastState") or EMPTY
    if last.get("terminated"):
        _state(out, "Last State", last)
    out.field(2, "Ready", "True" if status.get("ready") else "False")
    out.field(2, "Restart Count", status.get("restartCount") or 0)


def _state(out: Layout, label: str, state: Json) -> None:
    if state.get("running") is not None:
        out.field(2, label, "Running")
        out.field(3, "Started", long_time(state["running"].get("startedAt")))
    elif state.get("terminated") is not None:
        _terminated(out, label, state["terminated"])
    else:
        out.field(2, label, "Waiting")
        reason = (state.get("waiting") or EMPTY).get("reason")
        if reason:
            out.field(3, "Reason", reason)


def _terminated(out: Layout, label: str, ended: Json) -> None:
    out.field(2, label, "Terminated")
    for name, key in (("Reason", "reason"), ("Message", "message")):
        if ended.get(key):
            out.field(3, name, ended[key])
    out.field(3, "Exit Code", ended.get("exitCode") or 0)
    if (ended.get("signal") or 0) > 0:
        out.field(3, "Signal", ended["signal"])
    out.field(3, "Started", long_time(ended.get("startedAt")))
    out.field(3, "Finished", long_time(ended.get("finishedAt")))


def probe_text(probe: Json) -> str:
    """One line about a probe, in the wording of Kubernetes 1.37."""
    return (
        f"{_handler(probe)} delay={probe.get('initialDelaySeconds') or 0}s"
        f" timeout={probe.get('timeoutSeconds') or 0}s period={probe.get('periodSeconds') or 0}s"
        f" successThreshold={probe.get('successThreshold') or 0} failureThreshold={probe.get('failureThreshold') or 0}"
    )


def _handler(probe: Json) -> str:
    if probe.get("exec") is not None:
        return f"exec [{' '.join(probe['exec'].get('command') or ())}]"
    if probe.get("httpGet") is not None:
        return f"http-get {_url(probe['httpGet'])}"
    if probe.get("tcpSocket") is not None:
        return f"tcp-socket {probe['tcpSocket'].get('host') or ''}:{probe['tcpSocket'].get('port')}"
    if probe.get("grpc") is not None:
        return f"grpc <pod>:{probe['grpc'].get('port')} {probe['grpc'].get('service') or ''}"
    return "unknown"


def _url(http: Json) -> str:
    host, path = str(http.get("host") or ""), str(http.get("path") or "")
    shown = f"[{host}]" if ":" in host else host
    slash = "" if not path or path.startswith("/") else "/"
    scheme = str(http.get("scheme") or "").lower()
    prefix = f"{scheme}://" if scheme else "//"
    return f"{prefix}{shown}:{http.get('port')}{slash}{quote(path, safe='/:@$&+,;=~!*()' + chr(39))}"


def _env_from(out: Layout, sources: Sequence[Json]) -> None:
    if sources:
        out.line(2, "Environment Variables from:")
    for source in sources:
        config_map, secret = source.get("configMapRef"), source.get("secretRef")
        reference = (secret if config_map is None else config_map) or EMPTY
        kind = "ConfigMap" if config_map is not None else "Secret" if secret is not None else ""
        prefix = f" with prefix '{source['prefix']}'" if source.get("prefix") else ""
        out.line(3, f"{reference.get('name', '')}\t{kind}{prefix}\tOptional: {go_bool(reference.get('optional'))}")


def _environment(out: Layout, pod: Json, container: Json) -> None:
    variables = container.get("env") or ()
    out.line(2, "Environment:" if variables else "Environment:\t<none>")
    for variable in variables:
        name, source = variable.get("name", ""), variable.get("valueFrom")
        if source is not None:
            text = _sourced(pod, container, source)
            if text is not None:
                out.field(3, name, text)
            continue
        first, *rest = str(variable.get("value") or "").split("\n")
        out.field(3, name, first)
        for part in rest:
            out.line(3, f"\t{part}")


def _sourced(pod: Json, container: Json, source: Json) -> str | None:
    """What is shown for a variable that takes its value from elsewhere; None when nothing is."""
    if source.get("fieldRef") is not None:
        reference = source["fieldRef"]
        version, path = reference.get("apiVersion") or "v1", str(reference.get("fieldPath") or "")
        return f"{_field_value(pod, version, path)} ({version}:{path})"
    if source.get("resourceFieldRef") is not None:
        resource = str(source["resourceFieldRef"].get("resource") or "")
        return f"{_resource_value(container, source['resourceFieldRef'])} ({resource})"
    if source.get("secretKeyRef") is not None:
        key = source["secretKeyRef"]
        return (
            f"<set to the key '{key.get('key')}' in secret '{key.get('name') or ''}'>"
            f"\tOptional: {go_bool(key.get('optional'))}"
        )
    if source.get("configMapKeyRef") is not None:
        key = source["configMapKeyRef"]
        return (
            f"<set to the key '{key.get('key')}' of config map '{key.get('name') or ''}'>"
            f"\tOptional: {go_bool(key.get('optional'))}"
        )
    return None


def _field_value(pod: Json, version: str, path: str) -> str:
    """What kubectl resolves by itself: name and namespace. It does not know the API server's other field labels."""
    if version.count("/") > 1 or path not in ("metadata.name", "metadata.namespace"):
        return ""
    return str((pod.get("metadata") or EMPTY).get(path.removeprefix("metadata.")) or "")


def _resource_value(container: Json, reference: Json) -> str:
    """The container's own amount in units of the divisor, rounded up; a limit of nothing is the node's business.

    Which container the reference names does not matter to kubectl (pkg/util/resource, ExtractContainerResourceValue).
    """
    resource = str(reference.get("resource") or "")
    kind, _, name = resource.partition(".")
    if kind not in ("limits", "requests") or not (name in _MEASURED or name.startswith("hugepages-")):
        return ""
    amount = parse_quantity(str(((container.get("resources") or EMPTY).get(kind) or EMPTY).get(name) or "0"))
    divisor = parse_quantity(str(reference.get("divisor") or "1"))
    value = str(amount.divided_by(parse_quantity("1") if divisor.is_zero else divisor))
    return "node allocatable" if value == "0" and resource in ("limits.cpu", "limits.memory") else value


def _mounts(out: Layout, container: Json) -> None:
    mounts = container.get("volumeMounts") or ()
    none = "" if mounts else "\t<none>"
    out.line(2, f"Mounts:{none}")
    for mount in sorted(mounts, key=lambda m: str(m.get("mountPath", ""))):
        flags = ["ro" if mount.get("readOnly") else "rw"]
        if mount.get("subPath"):
            flags.append(f"path={go_quote(mount['subPath'])}")
        out.line(3, f"{mount.get('mountPath', '')} from {mount.get('name', '')} ({','.join(flags)})")
    devices = container.get("volumeDevices") or ()
    if devices:
        out.line(2, f"Devices:{none}")  # kubectl asks for the mounts here, too
    for device in sorted(devices, key=lambda d: str(d.get("devicePath", ""))):
        out.line(3, f"{device.get('devicePath', '')} from {device.get('name', '')}")
