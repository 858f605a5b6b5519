"""What the ServiceAccount admission adds to a pod, and what it refuses: account, folder with the token, pull secrets.

Mirrors plugin/pkg/admission/serviceaccount/admission.go. Without a cluster every account exists: one that the manifests lack
has no secrets and wants its token mounted, as the one called ``default`` of a new namespace.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runner.core.model import EMPTY, Json
from runner.core.volumes.access import ACCESS_PREFIX, access_name, access_source

FOLDER = "/var/run/secrets/kubernetes.io/serviceaccount"
"""Where every container finds token, ca.crt and namespace."""
_MIRROR = "kubernetes.io/config.mirror"
_ENFORCE = "kubernetes.io/enforce-mountable-secrets"
_TRUE = frozenset({"1", "t", "T", "true", "TRUE", "True"})
"""What Go's strconv.ParseBool takes for true."""

Accounts = Mapping[tuple[str, str], Json]
"""The given ServiceAccounts by namespace and name."""


class Forbidden(Exception):
    """The pod is not let in; the message is the admission's."""


def with_service_account(pod: Json, account: Json | None) -> dict[str, Any]:
    """The pod with its account, the account's folder in every container that has none, and the account's pull secrets.

    ``account`` is the given ServiceAccount, if any. Raises Forbidden.
    """
    spec: dict[str, Any] = dict(pod.get("spec") or {})
    if _MIRROR in ((pod.get("metadata") or {}).get("annotations") or {}):
        _check_mirror(spec)
        return {**pod, "spec": spec}
    name = str(spec.get("serviceAccountName") or "default")
    spec.update(serviceAccountName=name, serviceAccount=name)
    given = account or EMPTY
    if _wants_folder(spec, given):
        _mount(spec, access_name(str((pod.get("metadata") or {}).get("uid"))))
    secrets = [{"name": one.get("name") or ""} for one in given.get("imagePullSecrets") or ()]
    if secrets and not spec.get("imagePullSecrets"):
        spec["imagePullSecrets"] = secrets
    if str(((given.get("metadata") or {}).get("annotations") or {}).get(_ENFORCE)) in _TRUE:
        _limit_secrets(spec, given, name)
    return {**pod, "spec": spec}


def account_of(pod: Json, accounts: Accounts, namespace: str) -> Json | None:
    """The given account that a pod of this namespace names."""
    return accounts.get((namespace, str((pod.get("spec") or {}).get("serviceAccountName") or "default")))


def _wants_folder(spec: Json, account: Json) -> bool:
    """The pod's wish wins over its account's."""
    for wish in (spec.get("automountServiceAccountToken"), account.get("automountServiceAccountToken")):
        if wish is not None:
            return bool(wish)
    return True


def _mount(spec: dict[str, Any], new_name: str) -> None:
    volumes = list(spec.get("volumes") or ())
    present = next((v["name"] for v in volumes if str(v.get("name")).startswith(ACCESS_PREFIX)), None)
    name = present or new_name
    mount = {"name": name, "readOnly": True, "mountPath": FOLDER}
    is_needed = False
    for field in ("initContainers", "containers"):
        containers = []
        for container in spec.get(field) or ():
            mounts = container.get("volumeMounts") or ()
            if any(one.get("mountPath") == FOLDER for one in mounts):
                containers.append(container)
            else:
                containers.append({**container, "volumeMounts": [*mounts, mount]})
                is_needed = True
        if containers:
            spec[field] = containers
    if is_needed and present is None:
        spec["volumes"] = [*volumes, {"name": name, "projected": access_source()}]


def _check_mirror(spec: Json) -> None:
    if spec.get("serviceAccountName"):
        raise Forbidden("a mirror pod may not reference service accounts")
    projected = [(volume.get("projected") or {}).get("sources") or () for volume in spec.get("volumes") or ()]
    sources = [source for one in projected for source in one]
    secrets = [*_secret_names(spec), *(one for one in sources if one.get("secret") is not None)]
    if secrets or spec.get("imagePullSecrets"):
        raise Forbidden("a mirror pod may not reference secrets")
    if any(one.get("serviceAccountToken") is not None for one in sources):
        raise Forbidden("a mirror pod may not use ServiceAccountToken volume projections")


def _limit_secrets(spec: Json, account: Json, name: str) -> None:
    """Refuse secrets that an account with the annotation does not list."""
    known = {str(one.get("name")) for one in account.get("secrets") or ()}
    for where, secret in _secret_names(spec):
        if secret not in known:
            raise Forbidden(f"{where} is not allowed because service account {name} does not reference that secret")
    pulls = {str(one.get("name")) for one in account.get("imagePullSecrets") or ()}
    for index, one in enumerate(spec.get("imagePullSecrets") or ()):
        if str(one.get("name")) not in pulls:
            where = f'imagePullSecrets[{index}].name="{one.get("name")}"'
            text = f"{where} is not allowed because service account {name} does not reference that imagePullSecret"
            raise Forbidden(text)


def _secret_names(spec: Json) -> Iterator[tuple[str, str]]:
    """Secrets of volumes and environments, each with the words for where it is named, in the order of the admission."""
    for volume in spec.get("volumes") or ():
        if volume.get("secret") is not None:
            secret = str(volume["secret"].get("secretName") or "")
            yield f'volume with secret.secretName="{secret}"', secret
    for field, word in (("initContainers", "init container"), ("containers", "container")):
        for container in spec.get(field) or ():
            yield from _environment_secrets(container, f"{word} {container.get('name')}")


def _environment_secrets(container: Json, who: str) -> Iterator[tuple[str, str]]:
    for entry in container.get("env") or ():
        reference = (entry.get("valueFrom") or {}).get("secretKeyRef")
        if reference is not None:
            secret = str(reference.get("name") or "")
            yield f'{who} with envVar {entry.get("name")} referencing secret.secretName="{secret}"', secret
    for entry in container.get("envFrom") or ():
        if entry.get("secretRef") is not None:
            secret = str(entry["secretRef"].get("name") or "")
            yield f'{who} with envFrom referencing secret.secretName="{secret}"', secret
