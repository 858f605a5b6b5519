"""Flags of ``run`` that change manifests for one run: ``--set-image``, ``--env`` and ``--config``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.api.overrides import Overrides


def overrides_of(images: Sequence[str], env: Sequence[str], config: Sequence[str]) -> Overrides:
    """The changes that ``C=IMAGE``, ``[C:]NAME=VALUE``, ``[C:]NAME-`` and ``NAME/KEY=VALUE`` ask for. Raises UsageError."""
    from runner.api.overrides import Overrides

    everywhere: dict[str, str | None] = {}
    by_container: dict[str, dict[str, str | None]] = {}
    for text in env:
        container, name, value = _variable(text)
        (by_container.setdefault(container, {}) if container else everywhere)[name] = value
    clash = next((name for name in everywhere if name in by_container), None)
    if clash is not None:
        raise UsageError(f"--env: {clash} is a container and a variable of all containers", hint="name the containers")
    data: dict[str, dict[str, str]] = {}
    for text in config:
        place, equals, value = text.partition("=")
        name, slash, key = place.partition("/")
        if not (equals and slash and name and key):
            raise UsageError(f"--config {text!r} is not of the form NAME/KEY=VALUE")
        data.setdefault(name, {})[key] = value
    return Overrides(images=dict(map(_image, images)), env={**everywhere, **by_container}, config=data)


def _image(text: str) -> tuple[str, str]:
    """A container, or the image that it has, and another image; digests have an ``=`` nowhere, names of images neither."""
    name, equals, image = text.partition("=")
    if not (equals and name and image):
        raise UsageError(f"--set-image {text!r} is not of the form CONTAINER=IMAGE")
    return name, image


def _variable(text: str) -> tuple[str, str, str | None]:
    """Container ("" for all), name and value of a variable; None takes it away."""
    place, equals, value = text.partition("=")
    container, colon, name = place.rpartition(":")
    if colon and not container:
        raise UsageError(f"--env {text!r} names no container before the colon")
    if not equals and name.endswith("-"):
        name = name.removesuffix("-")
        if name:
            return container, name, None
    if not equals or not name:
        raise UsageError(
            f"--env {text!r} is not of the form [CONTAINER:]NAME=VALUE", hint="NAME- takes a variable away"
        )
    return container, name, value
