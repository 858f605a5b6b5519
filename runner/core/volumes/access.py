"""The volume with a service account's token, certificate authority and namespace, one for all pods that see the same in it.

The source is that of plugin/pkg/admission/serviceaccount (TokenVolumeSource). A kubelet makes such a volume for each pod;
here, where the pod brings none itself, it is one volume a namespace and account (and group and user that files are given
to), so that a pod pays for no more than a mount. So its token names no pod, and lives for a year, as an API server makes
tokens of this very length (3607 s) live (pkg/serviceaccount, ExpirationExtensionSeconds); every month a new one is issued.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from runner.core.container.containerconfig import MountType, VolumeConfig
from runner.core.labels import (
    ACCESS,
    MANAGED,
    OWNER,
    POD_NAMESPACE,
    VOLUME,
    VOLUME_KIND,
    home_of,
)
from runner.core.model import Json, Pod
from runner.core.volumes.layout import atomic_layout
from runner.core.volumes.plan import FileEntry, Surroundings, VolumePlan
from runner.core.volumes.projection import common_user, fs_group, projected_files
from runner.core.volumes.tokens import ROOT_CA_NAME, account_token

ACCESS_PREFIX = "kube-api-access-"
TOKEN_SECONDS = 3607
"""The length that an API server takes for an automatically mounted token (WarnOnlyBoundTokenExpirationSeconds)."""
_YEAR_SECONDS = 365 * 24 * 3600
_ISSUED_EVERY = timedelta(days=30)
_BEGIN = datetime(2020, 1, 1, tzinfo=UTC)
_TOKEN = "token"
_ROOT_MODE = 0o1777
_READABLE_PART = 80
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""What an API server ends generated names with (k8s.io/apimachinery/pkg/util/rand)."""
_SUFFIX_LENGTH = 5


def access_source() -> dict[str, Any]:
    """The projected source as the admission writes it."""
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": _TOKEN}},
            {"configMap": {"name": ROOT_CA_NAME, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [namespace]}},
        ],
        "defaultMode": 0o644,
    }


def access_name(uid: str) -> str:
    """The name that a pod's volume gets: it tells ours from one that a manifest has brought from a cluster."""
    number = int.from_bytes(hashlib.blake2b(uid.encode(), digest_size=8).digest())
    letters = (_LETTERS[number // len(_LETTERS) ** place % len(_LETTERS)] for place in range(_SUFFIX_LENGTH))
    return ACCESS_PREFIX + "".join(letters)


def is_access(pod: Pod, volume: Json) -> bool:
    """Whether a volume is what the admission has added here."""
    return volume.get("name") == access_name(pod.uid) and volume.get("projected") == access_source()


def access_volumes(pod: Pod, owner: str) -> tuple[str, ...]:
    """Names of the Docker volumes that the pod shares with others of its account: one, or none."""
    has_one = any(is_access(pod, volume) for volume in pod.spec.get("volumes") or ())
    return (_volume_name(pod, owner),) if has_one else ()


def _volume_name(pod: Pod, owner: str) -> str:
    account = str(pod.spec.get("serviceAccountName") or "default")
    key = "\0".join((home_of(owner), pod.namespace, account, str(fs_group(pod)), str(common_user(pod))))
    digest = hashlib.blake2b(key.encode(), digest_size=4).hexdigest()
    return f"k8s_kube-api-access_{account[:_READABLE_PART]}_{pod.namespace}_{digest}"


def access_plan(pod: Pod, name: str, volume: Json, around: Surroundings) -> VolumePlan:
    """The plan of the shared volume: the projection's files, but for the token. Raises ConfigError."""
    token = shared_token(pod, around)
    content = tuple(
        FileEntry(path=one.path, data=token, mode=one.mode, user=one.user) if one.path == _TOKEN else one
        for one in sorted(projected_files(pod, volume["projected"], around), key=lambda file: file.path)
    )
    source = _volume_name(pod, around.owner)
    labels = {MANAGED: "1", OWNER: around.owner, POD_NAMESPACE: pod.namespace, VOLUME: ACCESS, VOLUME_KIND: ACCESS}
    return VolumePlan(
        name=name,
        type=MountType.VOLUME,
        source=source,
        create=VolumeConfig(name=source, labels=labels),
        root_mode=_ROOT_MODE,
        files=atomic_layout(content, around.now),
        content=content,
        read_only=True,
        keep=True,
        group=fs_group(pod),
        is_shared=True,
    )


def shared_token(pod: Pod, around: Surroundings) -> bytes:
    """The account's token of this month, the same for everybody who asks with the same key."""
    issued = _BEGIN + _ISSUED_EVERY * ((around.now - _BEGIN) // _ISSUED_EVERY)
    account = around.lookup("ServiceAccount", str(pod.spec.get("serviceAccountName") or "default"))
    begin = int(issued.timestamp())
    times = {"iat": begin, "nbf": begin, "exp": begin + _YEAR_SECONDS}
    bound = {"warnafter": begin + TOKEN_SECONDS}
    return account_token(pod, account, times, around.token_key, bound=bound).encode()
