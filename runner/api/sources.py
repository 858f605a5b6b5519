"""Reads manifest texts: files, folders (not below them), and standard input as ``-``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from runner.api.captures import is_capture, manifest_text
from runner.core.capture.names import MANIFEST
from runner.core.manifest import Source
from runner.errors import UsageError

SUFFIXES = (".yaml", ".yml", ".json")
"""What counts as a manifest in a folder, as in kubectl."""
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
MAX_BYTES = 8 * 1024 * 1024
"""What may be one text: an API server takes 3 MiB an object; reading more would only take time."""


def read_sources(paths: Sequence[str], stdin: TextIO | None) -> list[Source]:
    """Read all manifests, those in captures too. Raises UsageError for what does not exist, cannot be read or is no UTF-8."""
    return [source for path in paths for source in _read(path, stdin)]


def stdin_text(stdin: TextIO) -> str:
    """Standard input as text, whatever the locale says; what is no UTF-8 stays as lone surrogates, to be refused in place."""
    buffer = getattr(stdin, "buffer", None)
    if buffer is None:
        return stdin.read()
    content: bytes = buffer.read()
    if content.startswith(_UTF_16):
        return content.decode("utf-16", "replace")
    return content.decode("utf-8-sig", "surrogateescape")


def _read(path: str, stdin: TextIO | None) -> Iterator[Source]:
    if path == "-":
        if stdin is None:
            raise UsageError("there is no standard input to read a manifest from")
        buffer = getattr(stdin, "buffer", None)
        text = stdin.read() if buffer is None else _decoded(buffer.read(), "standard input")
        if len(text) > MAX_BYTES:
            raise _too_large("standard input")
        yield Source(name="-", text=text)
        return
    place = Path(path)
    if place.is_dir():
        found = sorted(child for child in place.iterdir() if child.suffix in SUFFIXES and child.is_file())
        if not found:
            raise UsageError(f'no manifests in folder "{path}"', hint=f"looked for {', '.join(SUFFIXES)} files")
        for child in found:
            yield _file(child)
        return
    yield _file(place)


def _file(place: Path) -> Source:
    if is_capture(place):
        return Source(name=f"{place}:{MANIFEST}", text=manifest_text(place))
    try:
        if place.stat().st_size > MAX_BYTES:
            raise _too_large(f'"{place}"')
        content = place.read_bytes()
    except FileNotFoundError:
        raise UsageError(f'the path "{place}" does not exist') from None
    except OSError as error:
        raise UsageError(f'cannot read "{place}": {error.strerror or error}') from error
    return Source(name=str(place), text=_decoded(content, str(place)))


def _too_large(name: str) -> UsageError:
    return UsageError(f"{name} is larger than {MAX_BYTES // 2**20} MiB, that is no manifest")


def _decoded(content: bytes, name: str) -> str:
    try:
        if content.startswith(_UTF_16):
            return content.decode("utf-16")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        encoding = "UTF-8" if error.encoding == "utf-8" else "UTF-16"
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        raise UsageError(f"{name}:{line}:{column}: invalid {encoding}: byte {content[error.start]:#04x}") from error
