"""Removes images that a dead process has made of failed attempts, to copy them."""

from __future__ import annotations

from collections.abc import Sequence

from runner.core.labels import MANAGED, OWNER
from runner.engine.protocol import Engine
from runner.errors import EngineRefusal
from runner.registry.ownership import owner_is_alive


def sweep_images(engine: Engine, *, dry_run: bool) -> tuple[Sequence[str], Sequence[str]]:
    """Remove the images of dead processes. Returns their names, and what could not be removed. Raises EngineError."""
    removed, problems = list[str](), list[str]()
    for image in engine.list_images({MANAGED: "", OWNER: ""}):
        if owner_is_alive(image.labels.get(OWNER, "")) is not False:
            continue
        name = image.tags[0] if image.tags else image.id
        try:
            if not dry_run:
                engine.remove_image(name, force=True)
            removed.append(name)
        except EngineRefusal as error:
            problems.append(f"{name}: {error.message}")
    return removed, problems
