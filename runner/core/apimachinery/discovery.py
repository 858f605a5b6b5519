"""The documents by which clients find out what is served: aggregated discovery, the older lists, version and OpenAPI.

Mirrors k8s.io/apiserver/pkg/endpoints/discovery and k8s.io/api/apidiscovery/v2.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from runner.core.apimachinery.resources import GROUP_VERSIONS, Resource, Subresource, resources_of

Document = dict[str, Any]

SERVED_VERSION: Final = "1.36.2"
"""The Kubernetes version whose API this is."""
AGGREGATED: Final = ("v2", "v2beta1")
"""The versions of aggregated discovery, the best one first."""


def version_info() -> Document:
    """``/version``."""
    major, minor, _ = SERVED_VERSION.split(".")
    return {
        "major": major,
        "minor": minor,
        "emulationMajor": major,
        "emulationMinor": minor,
        "minCompatibilityMajor": major,
        "minCompatibilityMinor": str(int(minor) - 1),
        "gitVersion": f"v{SERVED_VERSION}+podrunner",
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }


def api_versions(address: str) -> Document:
    """``/api``; ``address`` is the server's, as ``127.0.0.1:6443``."""
    place = {"clientCIDR": "0.0.0.0/0", "serverAddress": address}
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": [place]}


def api_groups() -> Document:
    """``/apis``."""
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(name) for name in _groups()]}


def api_group(name: str) -> Document | None:
    """``/apis/<group>``; None when there is no such group."""
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name)} if name in _groups() else None


def _groups() -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for group_version in GROUP_VERSIONS:
        group, slash, version = group_version.partition("/")
        if slash:
            found.setdefault(group, []).append(version)
    return found


def _group(name: str) -> Document:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in _groups()[name]]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def api_resources(group_version: str) -> Document | None:
    """``/api/v1`` and ``/apis/<group>/<version>``; None when there is no such group or version."""
    if group_version not in GROUP_VERSIONS:
        return None
    entries: list[Document] = []
    for resource in resources_of(group_version):
        entries.append(_entry(resource))
        entries += [_part_entry(resource, part) for part in resource.subresources]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": entries}


def _entry(resource: Resource) -> Document:
    return {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.is_namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
        **_optional(shortNames=resource.short, categories=resource.categories),
    }


def _part_entry(resource: Resource, part: Subresource) -> Document:
    return {
        "name": f"{resource.plural}/{part.name}",
        "singularName": "",
        "namespaced": resource.is_namespaced,
        **({"group": part.group, "version": part.version} if part.group else {}),
        "kind": part.kind or resource.kind,
        "verbs": list(part.verbs),
    }


def _optional(**lists: tuple[str, ...]) -> Document:
    return {key: list(words) for key, words in lists.items() if words}


def aggregated(*, is_core: bool, version: str = AGGREGATED[0]) -> Document:
    """``/api`` (``is_core``) and ``/apis`` with all resources; its media type says the same version."""
    groups = {"": ["v1"]} if is_core else _groups()
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [_version(f"{group}/{one}" if group else one, one) for one in versions],
            }
            for group, versions in groups.items()
        ],
    }


def _version(group_version: str, version: str) -> Document:
    found = [_discovered(resource) for resource in resources_of(group_version)]
    return {"version": version, "resources": found, "freshness": "Current"}


def _discovered(resource: Resource) -> Document:
    parts = [
        {
            "subresource": part.name,
            "responseKind": {"group": part.group, "version": part.version, "kind": part.kind or resource.kind},
            "verbs": list(part.verbs),
        }
        for part in resource.subresources
    ]
    return {
        "resource": resource.plural,
        "responseKind": {"group": "", "version": "", "kind": resource.kind},
        "scope": "Namespaced" if resource.is_namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
        **_optional(shortNames=resource.short, categories=resource.categories),
        **({"subresources": parts} if parts else {}),
    }


def openapi_index() -> Document:
    """``/openapi/v3``: where the documents of each group and version are, by addresses that change with what they say."""
    paths = {
        _path(one): {"serverRelativeURL": f"/openapi/v3/{_path(one)}?hash={SERVED_VERSION}"} for one in GROUP_VERSIONS
    }
    return {"paths": paths}


def _path(group_version: str) -> str:
    return f"apis/{group_version}" if "/" in group_version else f"api/{group_version}"


def openapi_document(path: str) -> Document | None:
    """``/openapi/v3/<path>`` ("apis/apps/v1"); None when there is no such document.

    It says that the server validates each kind, which is all that kubectl asks before it writes.
    """
    group_version = next((one for one in GROUP_VERSIONS if _path(one) == path), None)
    if group_version is None:
        return None
    paths = {
        f"/{path}/{_template(resource)}": {"patch": _operation(resource)} for resource in resources_of(group_version)
    }
    info = {"title": "Kubernetes", "version": f"v{SERVED_VERSION}"}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}


def _template(resource: Resource) -> str:
    return (
        f"namespaces/{{namespace}}/{resource.plural}/{{name}}"
        if resource.is_namespaced
        else f"{resource.plural}/{{name}}"
    )


def _operation(resource: Resource) -> Document:
    names = ("dryRun", "fieldManager", "fieldValidation", "force")
    return {
        "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in names],
        "x-kubernetes-group-version-kind": {
            "group": resource.group,
            "version": resource.version,
            "kind": resource.kind,
        },
    }
