"""What a request is for: a verb, a resource, a namespace and a name, from its method and path.

Mirrors k8s.io/apiserver/pkg/endpoints/request/requestinfo.go, and of the router who answers what it does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

from msgspec import Struct

from runner.core.apimachinery.resources import Resource, Subresource, resource_at
from runner.core.apimachinery.statuses import method_not_allowed, no_such_path

_VERBS: Final = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get", "HEAD": "get"}


class ResourceRequest(Struct, frozen=True):
    """``namespace`` "" is all of them, or none for a resource of the cluster; ``name`` "" is the whole collection.

    ``verb`` is Kubernetes' (get, list, watch, create, update, patch, delete, deletecollection).
    """

    verb: str
    resource: Resource
    namespace: str = ""
    name: str = ""
    subresource: Subresource | None = None


def resource_request(method: str, path: str, *, is_watch: bool = False) -> ResourceRequest:
    """Read a path below ``/api`` or ``/apis``, still percent-encoded, without its query. Raises StatusError (404, 405)."""
    steps = [unquote(step) for step in path.strip("/").split("/")]
    if steps[0] == "api" and len(steps) > 2:
        version, rest = steps[1], steps[2:]
    elif steps[0] == "apis" and len(steps) > 3:
        version, rest = f"{steps[1]}/{steps[2]}", steps[3:]
    else:
        raise no_such_path()
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    resource = resource_at(version, rest[0])
    if resource is None or len(rest) > 3 or "" in (*rest, *steps) or bool(namespace) > resource.is_namespaced:
        raise no_such_path()
    name = rest[1] if len(rest) > 1 else ""
    part = _part(resource, rest)
    if name and resource.is_namespaced and not namespace:
        raise no_such_path()
    return ResourceRequest(
        _verb(method, resource, namespace, name, part, is_watch=is_watch), resource, namespace, name, part
    )


def _part(resource: Resource, rest: Sequence[str]) -> Subresource | None:
    if len(rest) < 3:
        return None
    part = resource.subresource(rest[2])
    if part is None:
        raise no_such_path()
    return part


def _verb(
    method: str, resource: Resource, namespace: str, name: str, part: Subresource | None, *, is_watch: bool
) -> str:
    verb = _VERBS.get(method, "")
    if not name:
        verb = {"get": "list", "delete": "deletecollection"}.get(verb, verb)
        if verb == "list" and is_watch:
            verb = "watch"
    if part is not None:
        allowed: Sequence[str] = part.verbs
    elif name:
        allowed = ("get", "update", "patch", "delete")
    elif resource.is_namespaced and not namespace:
        allowed = ("list", "watch")
    else:
        allowed = [one for one in ("create", "list", "watch", "deletecollection") if one in resource.verbs]
    if verb not in allowed:
        raise method_not_allowed()
    return verb
