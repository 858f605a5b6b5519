"""Makes the image of sandboxes and of the proxies of Services available in the Engine."""

from __future__ import annotations

from runner.engine.protocol import Engine
from runner.errors import NotFound
from runner.sandbox.image import sandbox_image


def sandbox_reference(engine: Engine, override: str) -> str:
    """The sandbox image's reference, imported into the Engine if it is not there yet."""
    if override:
        return override
    image = sandbox_image(engine.architecture())
    try:
        engine.inspect_image(image.reference)
    except NotFound:
        engine.import_image(image.reference, image.rootfs, changes=image.changes)
    return image.reference
