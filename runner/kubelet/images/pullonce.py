"""Lets one process of the machine pull an image at a time; those that waited find the image there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.engine.protocol import Engine, ImageDetails
from runner.errors import NotFound
from runner.registry.pulllocks import pull_lock


def pull_once(
    engine: Engine, reference: str, pull: Callable[[], None], *, locks: Path | None, is_wanted_anew: bool
) -> ImageDetails:
    """Pull an image, unless another process has pulled it meanwhile; with ``is_wanted_anew`` even then. Blocks.

    ``locks`` is a directory that the processes share; None: there are no other processes. Raises what ``pull`` raises, and
    NotFound when the image is not there afterwards.
    """
    with pull_lock(locks, reference) as has_waited:
        if has_waited and not is_wanted_anew:
            try:
                return engine.inspect_image(reference)
            except NotFound:
                pass  # The other process failed.
        pull()
        return engine.inspect_image(reference)
