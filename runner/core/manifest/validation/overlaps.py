"""Files of one volume that are in each other's way: warned of, not refused.

Mirrors warningsForOverlappingVirtualPaths of pkg/api/pod/warnings.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.core.manifest.paths import FieldPath
from runner.core.manifest.validation.errors import Errors
from runner.core.text.gotext import quote

Object = dict[str, Any]
_File = tuple[str, str]
_KINDS = (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName"), ("downwardAPI", "DownwardAPI", ""))


def warn_overlapping_paths(errors: Errors, volume: Object, path: FieldPath) -> None:
    """Note files of a volume that are written twice, or that are a folder of another file."""
    name = quote(volume.get("name") or "")

    def warn(text: str) -> None:
        # The server's sentence names the volume itself, so it has no field before it.
        errors.warn(FieldPath("", path.keys), f"volume {name} {text}")

    for kind, shown, named in _KINDS:
        source = volume.get(kind)
        if source is not None:
            of = f"{shown} {quote(source.get(named) or '')}" if named else shown
            for file, other in _overlaps([(item.get("path") or "", "") for item in source.get("items") or ()]):
                warn(f"({of}): overlapping paths: {_show(file)} with {_show(other)}")
    if volume.get("projected") is None:
        return
    sources = volume["projected"].get("sources") or ()
    for source in sources:
        if not source:
            warn("(Projected) has no sources provided")
    files = [file for source in sources for file in _files(source)]
    for file, other in _overlaps(files):
        warn(f"(Projected): overlapping paths: {_show(file)} with {_show(other)}")


def _files(source: Object) -> list[_File]:
    for kind, shown, _ in _KINDS:
        items = (source.get(kind) or {}).get("items")
        if items:
            of = shown if kind == "downwardAPI" else f"{shown} {quote(source[kind].get('name') or '')}"
            return [(item.get("path") or "", of) for item in items]
    token = source.get("serviceAccountToken")
    return [] if token is None else [(token.get("path") or "", "ServiceAccountToken")]


def _show(file: _File) -> str:
    path, of = file
    return f"{quote(path)} ({of})" if of else quote(path)


def _overlaps(files: list[_File]) -> Iterator[tuple[_File, _File]]:
    """Yield each file with each earlier one that it equals, contains or lies in."""
    earlier: list[_File] = []
    for written, of in files:
        file = written.rstrip("/"), of
        for other in earlier:
            inside, outside = file[0] + "/", other[0] + "/"
            if file[0] and other[0] and (inside.startswith(outside) or outside.startswith(inside)):
                yield file, other
        earlier.append(file)
