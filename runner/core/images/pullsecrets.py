"""Credentials for registries out of a pod's imagePullSecrets, and which of them an image gets.

Mirrors pkg/credentialprovider/keyring.go (Add, Lookup, URLsMatch), secrets/secrets.go (MakeDockerKeyring) and
pkg/kubelet/kubelet_pods.go (getPullSecretsForPod). No message of
this module contains anything that stands in a secret.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import translate as glob_to_regex
from functools import lru_cache
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct

from runner.core.images.images import parse_reference
from runner.core.model import Json, Pod
from runner.core.objects import ConfigError, Lookup, secret_data
from runner.core.reasons import EventReason, Note, warning

_DOCKER_HUB = "index.docker.io"
_HUB_NAMES = ("docker.io", _DOCKER_HUB)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What a registry is told. Neither field is ever printed."""

    username: str = field(repr=False)
    password: str = field(repr=False)


class Keyring(Struct, frozen=True):
    """The credentials of a pod by registry, repository path or pattern."""

    entries: Mapping[str, tuple[Credential, ...]]

    def credentials(self, image: str) -> tuple[Credential, ...]:
        """Those for an image, the most specific first; none when nothing fits. Raises InvalidReference."""
        name = parse_reference(image).name
        found = [one for key in sorted(self.entries, reverse=True) if _matches(key, name) for one in self.entries[key]]
        if not found and name.partition("/")[0] in _HUB_NAMES:
            found = list(self.entries.get(_DOCKER_HUB, ()))
        return tuple(found)


def missing_note(pod: Pod, lookup: Lookup) -> Note | None:
    """The event of a sync in which pull secrets are not there, whatever becomes of the pull (getPullSecretsForPod)."""
    references = pod.spec.get("imagePullSecrets")
    if not references:
        return None
    names = (str(reference.get("name") or "") for reference in references)
    missing = [name for name in names if name and lookup("Secret", name) is None]
    if not missing:
        return None
    text = (
        f"Unable to retrieve some image pull secrets ({', '.join(missing)}); "
        "attempting to pull the image may not succeed."
    )
    return warning(EventReason.FAILED_PULL_SECRET, text)


def make_keyring(pod: Pod, lookup: Lookup) -> Keyring:
    """Read the pod's pull secrets. Raises ConfigError for one that is no Docker configuration."""
    entries: dict[str, tuple[Credential, ...]] = {}
    for reference in pod.spec.get("imagePullSecrets") or ():
        name = str(reference.get("name") or "")
        secret = lookup("Secret", name) if name else None
        if secret is None:
            continue
        for registry, credential in _read(name, secret):
            key = _key(registry)
            entries[key] = (*entries.get(key, ()), credential)
    return Keyring(entries)


def _read(name: str, secret: Json) -> Iterator[tuple[str, Credential]]:
    data = secret_data(secret)
    kind = secret.get("type")
    if kind == "kubernetes.io/dockerconfigjson" and data.get(".dockerconfigjson"):
        document = _object(name, data[".dockerconfigjson"])
        registries = document.get("auths") or {}
    elif kind == "kubernetes.io/dockercfg" and data.get(".dockercfg"):
        registries = _object(name, data[".dockercfg"])
    else:
        return
    if not isinstance(registries, dict):
        raise _unusable(name)
    for registry, entry in registries.items():
        if not isinstance(entry, dict):
            raise _unusable(name)
        yield registry, _credential(name, entry)


def _object(name: str, text: bytes) -> dict[str, object]:
    try:
        value = json.loads(text)
    except ValueError:
        raise _unusable(name) from None
    if not isinstance(value, dict):
        raise _unusable(name)
    return value


def _credential(name: str, entry: Mapping[str, object]) -> Credential:
    """A registry's user and password; ``auth``, both in base64, wins over the two fields."""
    auth = str(entry.get("auth") or "")
    if not auth:
        return Credential(username=str(entry.get("username") or ""), password=str(entry.get("password") or ""))
    try:
        # As in Go, padding may be left out.
        username, colon, password = (
            base64.b64decode(auth + "=" * (-len(auth) % 4), validate=True).decode().partition(":")
        )
    except (binascii.Error, UnicodeDecodeError):
        raise _unusable(name) from None
    if not colon:
        raise _unusable(name)
    return Credential(username=username, password=password)


def _unusable(name: str) -> ConfigError:
    return ConfigError(f'image pull secret "{name}" is no valid Docker configuration')


def _key(registry: str) -> str:
    """What an entry is found by: host and path, without the API's version that Docker writes in front of the path."""
    url = _split(registry if registry.startswith(("https://", "http://")) else f"https://{registry}")
    path = url.path[3:] if url.path.startswith(("/v1/", "/v2/")) else url.path
    return url.netloc + (path if path != "/" else "")


def _matches(pattern: str, name: str) -> bool:
    """Whether a key stands for an image's name: ports and number of labels equal, labels by pattern, paths by prefix."""
    wanted, given = _split(f"https://{pattern}"), _split(f"https://{name}")
    (wanted_host, wanted_port), (given_host, given_port) = _host(wanted), _host(given)
    labels = wanted_host.split("."), given_host.split(".")
    return (
        wanted_port == given_port
        and len(labels[0]) == len(labels[1])
        and given.path.startswith(wanted.path)
        and all(_glob(want).fullmatch(label) for want, label in zip(*labels, strict=True))
    )


def _split(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError:  # brackets that do not close
        return SplitResult("https", "", "", "", "")


def _host(url: SplitResult) -> tuple[str, str]:
    host, colon, port = url.netloc.rpartition(":")
    return (host.strip("[]"), port) if colon and "]" not in port else (url.netloc, "")


@lru_cache(maxsize=256)
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(glob_to_regex(pattern))
