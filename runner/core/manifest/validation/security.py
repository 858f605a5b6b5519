"""Security contexts of containers and pods, and what an operating system rules out.

Mirrors ValidateSecurityContext, ValidatePodSecurityContext and validateWindows/validateLinux of
pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.manifest.validation.names import sysctl_name
from runner.core.manifest.validation.relative import local_path

Object = dict[str, Any]

_ID_MESSAGE = "must be between 0 and 2147483647, inclusive"
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_GO_FIELDS = (
    "Capabilities",
    "Privileged",
    "SELinuxOptions",
    "WindowsOptions",
    "RunAsUser",
    "RunAsGroup",
    "RunAsNonRoot",
    "ReadOnlyRootFilesystem",
    "AllowPrivilegeEscalation",
    "ProcMount",
    "SeccompProfile",
    "AppArmorProfile",
)
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "fs.mqueue.")


def _id(errors: Errors, value: int | None, path: FieldPath) -> None:
    if value is not None and not 0 <= value <= 2**31 - 1:
        errors.invalid(path, value, _ID_MESSAGE)


def validate_security_context(errors: Errors, context: Object | None, path: FieldPath, *, host_users: bool) -> None:
    """Check a container's security context."""
    if context is None:
        return
    _id(errors, context.get("runAsUser"), path.child("runAsUser"))
    _id(errors, context.get("runAsGroup"), path.child("runAsGroup"))
    mount = context.get("procMount")
    if mount is not None:
        if mount not in ("Default", "Unmasked"):
            errors.not_supported(path.child("procMount"), mount, ("Default", "Unmasked"))
        if host_users and mount == "Unmasked":
            errors.invalid(path.child("procMount"), mount, "`hostUsers` must be false to use `Unmasked`")
    _seccomp(errors, context.get("seccompProfile"), path.child("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        head = "cannot set `allowPrivilegeEscalation` to false and"
        if context.get("privileged"):
            errors.invalid(path, _go_context(context), f"{head} `privileged` to true")
        if "CAP_SYS_ADMIN" in ((context.get("capabilities") or {}).get("add") or ()):
            errors.invalid(path, _go_context(context), f"{head} `capabilities.Add` CAP_SYS_ADMIN")
    _app_armor(errors, context.get("appArmorProfile"), path.child("appArmorProfile"))


def _go_context(context: Object) -> Object:
    """Return the context as Go prints its internal type: every field, capitalised."""
    shown: Object = {}
    for name in _GO_FIELDS:
        key = "seLinuxOptions" if name == "SELinuxOptions" else name[0].lower() + name[1:]
        value = context.get(key)
        shown[name] = {k[0].upper() + k[1:]: v for k, v in value.items()} if isinstance(value, dict) else value
    if shown["Capabilities"] is not None:
        shown["Capabilities"] = {"Add": None, "Drop": None} | shown["Capabilities"]
    return shown


def _seccomp(errors: Errors, profile: Object | None, path: FieldPath) -> None:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    at = path.child("localhostProfile")
    if kind == "Localhost":
        if local is None:
            errors.required(at, "must be set when seccomp type is Localhost ")
        else:
            local_path(errors, local, at)
    elif local is not None:
        errors.invalid(at, local, "can only be set when seccomp type is Localhost")
    if not kind:
        errors.required(path.child("type"), "type is required when seccompProfile is set")
    elif kind not in _PROFILES:
        errors.not_supported(path.child("type"), kind, _PROFILES)


def _app_armor(errors: Errors, profile: Object | None, path: FieldPath) -> None:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    at = path.child("localhostProfile")
    if kind == "Localhost":
        if local is None:
            errors.required(at, "must be set when AppArmor type is Localhost")
        elif local.strip() != local:
            errors.invalid(at, local, "must not be padded with whitespace")
        elif not local:
            errors.required(at, "must be set when AppArmor type is Localhost")
    elif kind in _PROFILES:
        if local is not None:
            errors.invalid(at, local, "can only be set when AppArmor type is Localhost")
    elif not kind:
        errors.required(path.child("type"), "type is required when appArmorProfile is set")
    else:
        errors.not_supported(path.child("type"), kind, _PROFILES)


def validate_pod_security_context(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check the pod's security context, with the host namespaces that it must agree with."""
    context = spec.get("securityContext") or {}
    at = path.child("securityContext")
    _id(errors, context.get("fsGroup"), at.child("fsGroup"))
    _id(errors, context.get("runAsUser"), at.child("runAsUser"))
    _id(errors, context.get("runAsGroup"), at.child("runAsGroup"))
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        _id(errors, group, at.child("supplementalGroups").index(index))
    if spec.get("hostPID") and spec.get("shareProcessNamespace"):
        share = at.child("shareProcessNamespace").located_at(path.child("shareProcessNamespace"))
        errors.invalid(share, value=True, detail="ShareProcessNamespace and HostPID cannot both be enabled")
    _sysctls(errors, context.get("sysctls") or [], spec, at.child("sysctls"))
    for name, supported in (
        ("fsGroupChangePolicy", ("Always", "OnRootMismatch")),
        ("supplementalGroupsPolicy", ("Merge", "Strict")),
        ("seLinuxChangePolicy", ("MountOption", "Recursive")),
    ):
        value = context.get(name)
        if value is not None and value not in supported:
            errors.not_supported(at.child(name), value, supported)
    _seccomp(errors, context.get("seccompProfile"), at.child("seccompProfile"))
    _app_armor(errors, context.get("appArmorProfile"), at.child("appArmorProfile"))


def _sysctls(errors: Errors, sysctls: list[Object], spec: Object, path: FieldPath) -> None:
    seen: set[str] = set()
    for index, sysctl in enumerate(sysctls):
        name = sysctl.get("name") or ""
        at = path.index(index).child("name")
        dotted = name.replace("/", ".") if "/" in name else name
        if not name:
            errors.required(at)
        elif messages := sysctl_name(name):
            errors.invalid(at, name, messages[0])
        elif dotted in seen:
            errors.duplicate(at, name)
        if dotted.startswith("net.") and spec.get("hostNetwork"):
            errors.invalid(at, name, "may not be specified when 'hostNetwork' is true")
        if (dotted.startswith(_IPC_SYSCTLS) or dotted == "kernel.sem") and spec.get("hostIPC"):
            errors.invalid(at, name, "may not be specified when 'hostIPC' is true")
        seen.add(dotted)


def validate_host_users(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check that a pod with its own user namespace shares no other namespace with the host."""
    if spec.get("hostUsers") is not False:
        return
    for field, shown_name in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(field):
            errors.forbidden(path.child(shown_name).located_at(path.child(field)), "when `hostUsers` is false")


_WINDOWS_POD = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "fsGroup",
    "fsGroupChangePolicy",
    "sysctls",
    "runAsUser",
    "runAsGroup",
    "supplementalGroups",
    "supplementalGroupsPolicy",
)
_WINDOWS_CONTAINER = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)


def validate_os(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check the operating system's name and the fields that it rules out."""
    if spec.get("os") is None:
        return
    name = spec["os"].get("name") or ""
    if not name:
        errors.required(path.child("os", "name"))
    elif name not in ("linux", "windows"):
        errors.not_supported(path.child("os", "name"), name, ("linux", "windows"))
    contexts = list(_contexts(spec, path))
    if name == "linux":
        for at, context, _ in contexts:
            if context.get("windowsOptions") is not None:
                errors.forbidden(at.child("windowsOptions"), "windows options cannot be set for a linux pod")
    if name == "windows":
        _windows(errors, spec, path, contexts)


def _contexts(spec: Object, path: FieldPath) -> Iterator[tuple[FieldPath, Object, bool]]:
    """Yield every security context with its path and whether it is the pod's."""
    yield path.child("securityContext"), spec.get("securityContext") or {}, True
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            at = path.child(field).index(index).child("securityContext")
            yield at, container.get("securityContext") or {}, False


def _windows(errors: Errors, spec: Object, path: FieldPath, contexts: list[tuple[FieldPath, Object, bool]]) -> None:
    for field in ("hostPID", "hostIPC"):
        if spec.get(field):
            errors.forbidden(path.child(field), "cannot be set for a windows pod")
    for field in ("hostUsers", "shareProcessNamespace"):
        if spec.get(field) is not None:
            errors.forbidden(path.child(field), "cannot be set for a windows pod")
    for at, context, is_pod in contexts:
        for field in _WINDOWS_POD if is_pod else _WINDOWS_CONTAINER:
            if context.get(field) is not None:
                errors.forbidden(at.child(field), "cannot be set for a windows pod")
