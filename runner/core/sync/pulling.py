"""What one attempt to have a container's image does: use it, pull it, or refuse, with the events and the waiting message.

Mirrors pkg/kubelet/images/image_manager.go (EnsureImageExists, pullImage, evalCRIPullErr).
"""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache

from msgspec import Struct

from runner.core.images.images import InvalidReference, apply_default_tag
from runner.core.model import PullPolicy
from runner.core.reasons import EventReason, Note, WaitingReason, normal, warning
from runner.core.sync.backoff import BackoffEntry, BackoffSettings, Schedule, advance_pull, check_pull
from runner.core.text.gotext import quote
from runner.core.text.times import format_duration


class Use(Struct, frozen=True, kw_only=True):
    """The image is there."""

    reference: str
    events: tuple[Note, ...]


class Pull(Struct, frozen=True, kw_only=True):
    """Ask the registry for ``reference`` (the image with its tag spelled out), after announcing it."""

    reference: str
    events: tuple[Note, ...]


class Refuse(Struct, frozen=True, kw_only=True):
    """The container cannot start now; ``ready_at`` is when a back-off ends, if that is what holds it."""

    reason: WaitingReason
    message: str
    events: tuple[Note, ...] = ()
    ready_at: datetime | None = None


ImageStep = Use | Pull | Refuse


class Presence(Struct, frozen=True, kw_only=True):
    """What the Engine says about the image; ``error`` if it could not tell."""

    present: bool
    error: str = ""


def needs_inspection(policy: PullPolicy) -> bool:
    """Whether the Engine is asked for the image first; policy Always goes to the registry in any case."""
    return policy is not PullPolicy.ALWAYS


def refuse_name(image: str) -> Refuse | None:
    """Refuse a name that is no image reference; nothing is asked of the Engine for it."""
    try:
        apply_default_tag(image)
    except InvalidReference as error:
        message = f"Failed to apply default image tag {quote(image)}: {error}"
        events = (warning(EventReason.INSPECT_FAILED, message),)
        return Refuse(reason=WaitingReason.INVALID_IMAGE_NAME, message=message, events=events)
    return None


def plan_image(
    image: str,
    policy: PullPolicy,
    presence: Presence | None,
    entry: BackoffEntry | None,
    now: datetime,
    settings: BackoffSettings,
    schedule: Schedule | None = None,
) -> ImageStep:
    """Decide one attempt. ``presence`` may be None only for policy Always; ``entry`` is the image's pull back-off."""
    refused = refuse_name(image)
    if refused is not None:
        return refused
    reference = apply_default_tag(image)
    if needs_inspection(policy):
        if presence is None:
            raise ValueError(f"pull policy {policy} needs to know whether the image is present")
        if presence.error:
            # The kubelet quotes the result of the failed lookup, which is empty.
            message = f'Failed to inspect image "": {presence.error}'
            events = (warning(EventReason.INSPECT_FAILED, message),)
            return Refuse(reason=WaitingReason.IMAGE_INSPECT_ERROR, message=message, events=events)
        if presence.present:
            return Use(reference=reference, events=(already_present(image),))
        if policy is PullPolicy.NEVER:
            message = f"Container image {quote(image)} is not present with pull policy of Never"
            events = (warning(EventReason.ERR_IMAGE_NEVER_PULL, message),)
            return Refuse(reason=WaitingReason.ERR_IMAGE_NEVER_PULL, message=message, events=events)
    blocked = check_pull(entry, now, settings, schedule)
    if blocked is not None:
        text = f"Back-off pulling image {quote(image)}"
        message = f"{text}: {entry.error}" if entry is not None and entry.error else text
        return Refuse(
            reason=WaitingReason.IMAGE_PULL_BACK_OFF,
            message=message,
            events=(normal(EventReason.BACK_OFF, text),),
            ready_at=blocked.ready_at,
        )
    return Pull(reference=reference, events=(pulling_note(image),))


def pull_failed(
    image: str, error: str, entry: BackoffEntry | None, now: datetime, settings: BackoffSettings
) -> tuple[Refuse, BackoffEntry]:
    """What a failed pull means: the waiting reason with its event, and the back-off entry from now on."""
    reason, message = explain_pull_error(image, error)
    events = (warning(EventReason.FAILED, f"Failed to pull image {quote(image)}: {error}"),)
    refused = Refuse(reason=reason, message=message, events=events)
    return refused, advance_pull(entry, f"{reason}: {message}", now, settings)


def as_runtimes_say(error: str, *, is_missing: bool) -> str:
    """A pull's error as it comes through the runtime interface, which names the code of what the registry does not have.

    It takes only the code Unknown away (k8s.io/cri-client, remote_image.go).
    """
    return f"rpc error: code = NotFound desc = {error}" if is_missing and " not found" in error else error


def explain_pull_error(image: str, error: str) -> tuple[WaitingReason, str]:
    """The waiting reason and message of a pull error; two kinds that a runtime names at the start have their own."""
    for reason, text in (
        (WaitingReason.REGISTRY_UNAVAILABLE, "the registry is unavailable"),
        (WaitingReason.SIGNATURE_VALIDATION_FAILED, "the signature validation failed"),
    ):
        if error.startswith(reason):
            return reason, f"image pull failed for {image} because {text}{error.removeprefix(reason)}"
    return WaitingReason.ERR_IMAGE_PULL, error


def pulling_note(image: str) -> Note:
    """The event before a pull."""
    return normal(EventReason.PULLING, f"Pulling image {quote(image)}")


@lru_cache(maxsize=1024)
def already_present(image: str) -> Note:
    """The event for an image that is used as it is there."""
    text = f"Container image {quote(image)} already present on machine and can be accessed by the pod"
    return normal(EventReason.PULLED, text)


def pulled(image: str, *, pulling: float, including_waiting: float, size: int) -> Note:
    """The event after a pull: durations in seconds (cut to milliseconds), size in bytes."""
    took, waited = (
        format_duration(math.floor(seconds * 1000 + 1e-6) / 1000) for seconds in (pulling, including_waiting)
    )
    text = f"Successfully pulled image {quote(image)} in {took} ({waited} including waiting). Image size: {size} bytes."
    return normal(EventReason.PULLED, text)
