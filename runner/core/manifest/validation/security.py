"""Security contexts of containers and pods, and what an operating system rules out.

Mirrors ValidateSecurityContext, ValidatePodSecurityContext and validateWindows/validateLinux of
pkg/apis/core/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors, Named
from runner.core.manifest.validation.names import sysctl_name
from runner.core.manifest.validation.relative import local_path

Object = dict[str, Any]

_ID_MESSAGE = "must be between 0 and 2147483647, inclusive"
_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
# The internal types' fields in their order, as Go prints them.
_GO_CONTEXT = (
    "capabilities",
    "privileged",
    "seLinuxOptions",
    "windowsOptions",
    "runAsUser",
    "runAsGroup",
    "runAsNonRoot",
    "readOnlyRootFilesystem",
    "allowPrivilegeEscalation",
    "procMount",
    "seccompProfile",
    "appArmorProfile",
)
_GO_PARTS: dict[str, dict[str, Any]] = {
    "capabilities": {"add": None, "drop": None},
    "seLinuxOptions": {"user": "", "role": "", "type": "", "level": ""},
    "windowsOptions": {
        "gmsaCredentialSpecName": None,
        "gmsaCredentialSpec": None,
        "runAsUserName": None,
        "hostProcess": None,
    },
    "seccompProfile": {"type": "", "localhostProfile": None},
    "appArmorProfile": {"type": "", "localhostProfile": None},
}
_GO_NAMES = {"seLinuxOptions": "SELinuxOptions", "gmsaCredentialSpecName": "GMSACredentialSpecName"} | {
    "gmsaCredentialSpec": "GMSACredentialSpec"
}
_NET_SYSCTLS, _IPC_SYSCTLS = "net.", "fs.mqueue."
_IPC_NAMES = frozenset(
    f"kernel.{name}"
    for name in ("sem", "shm", "shmall", "shmmax", "shmmni", "shm_rmid_forced", "msg", "msgmax", "msgmnb", "msgmni")
)
_LONGEST_PROFILE = 4095


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
        for capability in (context.get("capabilities") or {}).get("add") or ():
            if capability == "CAP_SYS_ADMIN":
                errors.invalid(path, _go_context(context), f"{head} `capabilities.Add` CAP_SYS_ADMIN")
    _windows_options(errors, context, path)
    validate_app_armor(errors, context.get("appArmorProfile"), path.child("appArmorProfile"))


def _windows_options(errors: Errors, context: Object, path: FieldPath) -> None:
    if context.get("windowsOptions") is not None:
        from runner.core.manifest.validation.windows import validate_windows_options

        validate_windows_options(errors, context["windowsOptions"], path.child("windowsOptions"))


def _go_context(context: Object) -> Object:
    """Return the context as Go prints its internal type: every field, capitalised."""
    return {_go_name(name): _go_part(name, context.get(name)) for name in _GO_CONTEXT}


def _go_part(name: str, value: Any) -> Any:
    if value is None or name not in _GO_PARTS:
        return value
    return {_go_name(key): value.get(key, empty) for key, empty in _GO_PARTS[name].items()}


def _go_name(name: str) -> str:
    return _GO_NAMES.get(name) or name[0].upper() + name[1:]


def _seccomp(errors: Errors, profile: Object | None, path: FieldPath) -> None:
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    at = path.child("localhostProfile")
    if not kind:
        errors.required(path.child("type"), "type is required when seccompProfile is set")
    elif kind not in _PROFILES:
        errors.not_supported(path.child("type"), kind, _PROFILES)
    if kind == "Localhost":
        if local is None:
            errors.required(at, "must be set when seccomp type is Localhost")
        else:
            local_path(errors, local, at)
    elif local is not None:
        shown = _go_part("seccompProfile", profile)
        errors.invalid(at, shown, "can only be set when seccomp type is Localhost")


def validate_app_armor(errors: Errors, profile: Object | None, path: FieldPath) -> None:
    """Check an AppArmor profile."""
    if profile is None:
        return
    kind, local = profile.get("type") or "", profile.get("localhostProfile")
    at = path.child("localhostProfile")
    if kind == "Localhost":
        if local is None:
            errors.required(at, "must be set when AppArmor type is Localhost")
            return
        # Go trims fewer characters than Python: no control characters of the ASCII separators.
        if local.strip("\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + _EN_SPACES) != local:
            errors.invalid(at, local, "must not be padded with whitespace")
        elif not local:
            errors.required(at, "must be set when AppArmor type is Localhost")
        if len(local.encode()) > _LONGEST_PROFILE:
            errors.too_long(at, _LONGEST_PROFILE)
    elif kind in _PROFILES:
        if local is not None:
            errors.invalid(at, Named(local), "can only be set when AppArmor type is Localhost")
    elif not kind:
        errors.required(path.child("type"), "type is required when appArmorProfile is set")
    else:
        errors.not_supported(path.child("type"), kind, _PROFILES)


_EN_SPACES = "".join(chr(code) for code in range(0x2000, 0x200B))


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
    _one_of(errors, context, "fsGroupChangePolicy", ("Always", "OnRootMismatch"), at)
    _seccomp(errors, context.get("seccompProfile"), at.child("seccompProfile"))
    _windows_options(errors, context, at)
    validate_app_armor(errors, context.get("appArmorProfile"), at.child("appArmorProfile"))
    _one_of(errors, context, "supplementalGroupsPolicy", ("Merge", "Strict"), at)
    # MountOption comes with a feature that is off by default.
    _one_of(errors, context, "seLinuxChangePolicy", ("Recursive",), at)


def _one_of(errors: Errors, context: Object, name: str, supported: tuple[str, ...], path: FieldPath) -> None:
    value = context.get(name)
    if value is not None and value not in supported:
        errors.not_supported(path.child(name), value, supported)


def _sysctls(errors: Errors, sysctls: list[Object], spec: Object, path: FieldPath) -> None:
    seen: set[str] = set()
    for index, sysctl in enumerate(sysctls):
        name = sysctl.get("name") or ""
        at = path.index(index).child("name")
        if not name:
            errors.required(at)
        elif messages := sysctl_name(name):
            errors.invalid(at, name, messages[0])
        elif name in seen:
            errors.duplicate(at, name)
        dotted = _dotted(name).partition("*")[0]
        if dotted.startswith(_NET_SYSCTLS) and spec.get("hostNetwork"):
            errors.invalid(at, name, "may not be specified when 'hostNetwork' is true")
        elif (dotted.startswith(_IPC_SYSCTLS) or dotted in _IPC_NAMES) and spec.get("hostIPC"):
            errors.invalid(at, name, "may not be specified when 'hostIPC' is true")
        seen.add(name)


def _dotted(name: str) -> str:
    """Return a sysctl's name with dots: when its first separator is a slash, slashes and dots change places."""
    first = min((name.find(c) for c in "./" if c in name), default=-1)
    return name.translate(str.maketrans("./", "/.")) if first >= 0 and name[first] == "/" else name


def validate_host_users(errors: Errors, spec: Object, path: FieldPath) -> None:
    """Check that a pod with its own user namespace shares no other namespace with the host and has no block devices."""
    if spec.get("hostUsers") is not False:
        return
    detail = "when `hostUsers` is false"
    for field, shown_name in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(field):
            errors.forbidden(path.child(shown_name).located_at(path.child(field)), detail)
    for at, container in containers_of(spec, path):
        if container.get("volumeDevices"):
            errors.forbidden(at.child("volumeDevices"), detail)


def containers_of(spec: Object, path: FieldPath) -> Iterator[tuple[FieldPath, Object]]:
    """Yield every container with its path, in the order in which upstream visits them."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            yield path.child(field).index(index), container


_WINDOWS_POD = (
    ("securityContext", "appArmorProfile"),
    ("securityContext", "seLinuxOptions"),
    ("hostUsers",),
    ("hostPID",),
    ("hostIPC",),
    ("securityContext", "seccompProfile"),
    ("securityContext", "fsGroup"),
    ("securityContext", "fsGroupChangePolicy"),
    ("securityContext", "sysctls"),
    ("shareProcessNamespace",),
    ("securityContext", "runAsUser"),
    ("securityContext", "runAsGroup"),
    ("securityContext", "supplementalGroups"),
    ("securityContext", "supplementalGroupsPolicy"),
    ("securityContext", "seLinuxChangePolicy"),
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
    name, at = spec["os"].get("name") or "", path.child("os")
    if not name:
        errors.required(at.child("name"))
    elif name == "linux":
        _linux(errors, spec, path)
    elif name == "windows":
        _windows(errors, spec, path)
    else:
        errors.not_supported(at.located_at(at.child("name")), name, ("linux", "windows"))


def _linux(errors: Errors, spec: Object, path: FieldPath) -> None:
    detail = "windows options cannot be set for a linux pod"
    for at, holder in ((path, spec), *containers_of(spec, path)):
        if (holder.get("securityContext") or {}).get("windowsOptions") is not None:
            errors.forbidden(at.child("securityContext", "windowsOptions"), detail)


def _windows(errors: Errors, spec: Object, path: FieldPath) -> None:
    detail = "cannot be set for a windows pod"
    for names in _WINDOWS_POD:
        holder = spec if len(names) == 1 else spec.get("securityContext") or {}
        value = holder.get(names[-1])
        # The host's PID and IPC namespaces are plain booleans in Go, and an empty list of sysctls is none.
        is_set = bool(value) if names[-1] in ("hostPID", "hostIPC", "sysctls") else value is not None
        if is_set:
            errors.forbidden(path.child(*names), detail)
    for at, container in containers_of(spec, path):
        context = container.get("securityContext") or {}
        for field in _WINDOWS_CONTAINER:
            if context.get(field) is not None:
                errors.forbidden(at.child("securityContext", field), detail)
