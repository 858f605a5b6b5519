"""Stand-ins for what a cluster gives to every pod: service account tokens, and the API server's certificate authority.

The claims are those of a token from the TokenRequest API; the signature is a local HMAC, so no API server accepts one.
Mirrors pkg/kubelet/token/token_manager.go: a token is renewed when 80 % of its life have passed.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from runner.core.model import Json, Pod
from runner.core.text.times import span

ISSUER = "https://kubernetes.default.svc.cluster.local"
DEFAULT_SECONDS = 3600
_USED_SHARE = 0.8

ROOT_CA_NAME = "kube-root-ca.crt"
_ROOT_CA = """\
-----BEGIN CERTIFICATE-----
MIIBlzCCAT2gAwIBAgIUBPCmsmYwtJ55vWqLhrqTpMytwkYwCgYIKoZIzj0EAwIw
IDEeMBwGA1UEAwwVcG9kcnVubmVyLXN0YW5kLWluLWNhMCAXDTI2MTEyNTAyNTQy
NFoYDzIxMjYxMTAxMDI1NDI0WjAgMR4wHAYDVQQDDBVwb2RydW5uZXItc3RhbmQt
aW4tY2EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATDN8uDoeTQiQXlOFiXG8k7
irgDo1HU+wUtawIVdwDztnHgemAOYWc5t3L4IT1FAhRENtVe/TKPeox+TAY1WPWX
o1MwUTAdBgNVHQ4EFgQUnFiM9s/F1XW+m7ggrSzmYtkv0fUwHwYDVR0jBBgwFoAU
nFiM9s/F1XW+m7ggrSzmYtkv0fUwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQD
AgNIADBFAiA1ymte9Lvjhl0P0caJLU6be2C9ME+EGgYM2Loh5z4lYQIhALr2MI9g
wqXn/POxDGivyDaEPn3fnOeOa/KBW4+RqFWy
-----END CERTIFICATE-----
"""
ROOT_CA: Json = {"kind": "ConfigMap", "metadata": {"name": ROOT_CA_NAME}, "data": {"ca.crt": _ROOT_CA}}
"""What stands in for the ConfigMap of every namespace: a certificate whose key does not exist."""


def issued_at(pod: Pod, seconds: int, now: datetime) -> datetime:
    """When the token that is valid now was issued: a new one after every 80 % of its life, from the pod's creation on."""
    begin = pod.created_at or now
    step = span(int(seconds * _USED_SHARE))
    return begin + step * max(0, (now - begin) // step)


def service_account_token(pod: Pod, source: Json, account: Json | None, now: datetime, key: Callable[[], bytes]) -> str:
    """A signed JWT for the pod's service account, bound to the pod, as a serviceAccountToken source asks for it."""
    seconds = int(source.get("expirationSeconds") or DEFAULT_SECONDS)
    begin = int(issued_at(pod, seconds, now).timestamp())
    bound = {
        "node": {"name": str(pod.spec.get("nodeName") or "")},
        "pod": {"name": pod.name, "uid": pod.uid},
    }
    times = {"iat": begin, "nbf": begin, "exp": begin + seconds}
    audience = str(source.get("audience") or ISSUER)
    return account_token(pod, account, times, key, bound=bound, audience=audience, name=f"{pod.uid}/{seconds}")


def account_token(
    pod: Pod,
    account: Json | None,
    times: Mapping[str, int],
    key: Callable[[], bytes],
    *,
    bound: Mapping[str, Any],
    audience: str = ISSUER,
    name: str = "",
) -> str:
    """A signed JWT for the account that the pod names.

    ``times``: its claims of time. ``bound``: what stands below ``kubernetes.io`` beside the account. ``name`` tells it from
    others of the same instant.
    """
    own = str(pod.spec.get("serviceAccountName") or "default")
    uid = ((account or {}).get("metadata") or {}).get("uid") or _uuid(f"serviceaccount/{pod.namespace}/{own}")
    kubernetes = {"namespace": pod.namespace, **bound, "serviceaccount": {"name": own, "uid": uid}}
    subject = f"system:serviceaccount:{pod.namespace}:{own}"
    claims = {
        "aud": [audience],
        "exp": times["exp"],
        "iat": times["iat"],
        "iss": ISSUER,
        "jti": _uuid(f"{subject}/{name}/{audience}/{times['iat']}"),
        "kubernetes.io": dict(sorted(kubernetes.items())),
        "nbf": times["nbf"],
        "sub": subject,
    }
    signed = f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"
    signature = hmac.new(key(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64(signature)}"


def _uuid(text: str) -> str:
    """A UUID that is always the same for the same text."""
    digits = hashlib.sha256(text.encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"


def _encoded(value: Json) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
