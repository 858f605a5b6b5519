"""Which images a pattern means, and what registries say when an image cannot be had.

The texts are a Docker Engine's (moby daemon/images and distribution/errors.go) with those of registries in them.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

from runner.core.images.images import InvalidReference, apply_default_tag, parse_reference
from runner.errors import ImagePullError, PullFailure


def names_image(pattern: str, image: str) -> bool:
    """Whether a pattern means an image: as it is written, with its tag, in full, or by its repository alone."""
    return any(fnmatchcase(name, pattern) for name in _names(image))


def _names(image: str) -> tuple[str, ...]:
    try:
        reference = parse_reference(apply_default_tag(image))
    except InvalidReference:
        return (image,)
    full = str(reference)
    familiar = reference.familiar_name + full.removeprefix(reference.name)
    return image, familiar, full, reference.familiar_name, reference.name


def pull_error(kind: str, image: str) -> ImagePullError:
    """What an Engine says when its registry refuses an image in this way. ``image`` has its tag or digest."""
    reference = parse_reference(image)
    name = reference.familiar_name
    if kind == "unauthorized":
        text = (
            f"pull access denied for {name}, repository does not exist or may require 'docker login': "
            "denied: requested access to the resource is denied"
        )
        return ImagePullError(text, kind=PullFailure.NOT_FOUND)
    if kind == "too-many-requests":
        text = (
            "toomanyrequests: You have reached your unauthenticated pull rate limit. "
            "https://www.docker.com/increase-rate-limit"
        )
        return ImagePullError(text, kind=PullFailure.UNAVAILABLE)
    shown = f"{name}{str(reference).removeprefix(reference.name)}"
    return ImagePullError(
        f"manifest for {shown} not found: manifest unknown: manifest unknown", kind=PullFailure.NOT_FOUND
    )
