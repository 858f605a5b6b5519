"""Image references, pull policy, and what one attempt to have an image does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.core.images.images import (
    ImageRef,
    InvalidReference,
    apply_default_tag,
    default_pull_policy,
    parse_reference,
)
from runner.core.model import PullPolicy
from runner.core.reasons import EventReason, Note, WaitingReason, normal, start_failed, warning
from runner.core.sync.backoff import BackoffEntry, BackoffSettings
from runner.core.sync.pulling import (
    Presence,
    Pull,
    Refuse,
    Use,
    as_runtimes_say,
    explain_pull_error,
    needs_inspection,
    plan_image,
    pull_failed,
    pulled,
)

DATA: dict[str, Any] = json.loads((Path(__file__).parents[2] / "fixtures" / "conformance" / "images.json").read_text())
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = BackoffSettings()
SHA = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("busybox", "docker.io/library/busybox", "busybox"),
        ("busybox:1.36", "docker.io/library/busybox:1.36", "busybox"),
        ("library/busybox", "docker.io/library/busybox", "busybox"),
        ("docker.io/busybox", "docker.io/library/busybox", "busybox"),
        ("index.docker.io/busybox", "docker.io/library/busybox", "busybox"),
        ("bitnami/redis:7", "docker.io/bitnami/redis:7", "bitnami/redis"),
        ("library/a/b", "docker.io/library/a/b", "library/a/b"),
        ("localhost/a", "localhost/a", "localhost/a"),
        ("localhost:5000/a/b:t", "localhost:5000/a/b:t", "localhost:5000/a/b"),
        ("[2001:db8::1]:5000/a", "[2001:db8::1]:5000/a", "[2001:db8::1]:5000/a"),
        ("ghcr.io/o/r@" + SHA, "ghcr.io/o/r@" + SHA, "ghcr.io/o/r"),
        ("UPPER/ok", "UPPER/ok", "UPPER/ok"),
        ("a_b.c/d:t", "a_b.c/d:t", "a_b.c/d"),
        ("a__b/c--d.e_f", "docker.io/a__b/c--d.e_f", "a__b/c--d.e_f"),
        ("root:v1@" + SHA, "docker.io/library/root:v1@" + SHA, "root"),
    ],
)
def test_a_reference_is_read_as_docker_reads_it(text: str, full: str, familiar: str) -> None:
    reference = parse_reference(text)
    assert str(reference) == full
    assert reference.familiar_name == familiar


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid reference format"),
        ("UPPER/Bad:::", "invalid reference format: repository name (Bad) must be lowercase"),
        ("FAILED_IMAGE", "invalid reference format: repository name (library/FAILED_IMAGE) must be lowercase"),
        ("UP_PER/a", "repository name must be lowercase"),
        ("a:", "invalid reference format"),
        ("a:b:c", "invalid reference format"),
        ("a b", "invalid reference format"),
        ("a\n", "invalid reference format"),
        ("-a/b", "invalid reference format"),
        ("a@sha256:abc", "invalid reference format"),
        ("a:" + "t" * 129, "invalid reference format"),
        ("a" * 64, f"invalid repository name ({'a' * 64}), cannot specify 64-byte hexadecimal strings"),
        ("x" * 300, "repository name must not be more than 255 characters"),
        ("a@md5:" + "a" * 32, "unsupported digest algorithm"),
        ("a@sha256:" + "a" * 40, "invalid checksum digest length"),
        ("a@sha256:" + "A" * 64, "invalid checksum digest format"),
    ],
)
def test_a_wrong_reference_is_refused_in_the_librarys_words(text: str, message: str) -> None:
    with pytest.raises(InvalidReference) as caught:
        parse_reference(text)
    assert str(caught.value) == message


@pytest.mark.parametrize("row", DATA["default_tag"], ids=[row["name"] for row in DATA["default_tag"]])
def test_the_default_tag_is_added_only_where_nothing_is_said(row: dict[str, Any]) -> None:
    assert apply_default_tag(row["input"]) == row["output"]


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", PullPolicy.ALWAYS),
        ("nginx:latest", PullPolicy.ALWAYS),
        ("localhost:5000/nginx", PullPolicy.ALWAYS),
        ("nginx:latest@" + SHA, PullPolicy.ALWAYS),
        ("nginx:1.27", PullPolicy.IF_NOT_PRESENT),
        ("nginx@" + SHA, PullPolicy.IF_NOT_PRESENT),
        ("Not An Image", PullPolicy.IF_NOT_PRESENT),
    ],
)
def test_the_default_pull_policy_follows_the_tag(image: str, policy: PullPolicy) -> None:
    assert default_pull_policy(image) is policy


@pytest.mark.parametrize("row", DATA["pull_error_message"], ids=[row["name"] for row in DATA["pull_error_message"]])
def test_a_pull_error_is_explained(row: dict[str, Any]) -> None:
    assert explain_pull_error(row["image"], row["runtimeError"]) == (row["reason"], row["message"])


def attempt(
    row: dict[str, Any], entry: BackoffEntry | None, now: datetime
) -> tuple[dict[str, Any], list[Note], BackoffEntry | None]:
    """One ensure-image attempt against a scripted Engine, in the form of the recorded rows."""
    policy, image, calls = PullPolicy(row["imagePullPolicy"]), row["image"], []
    presence = Presence(present=row["imagePresent"], error=row["inspectError"] or "")
    settings = BackoffSettings(initial=1, cap=60)
    step = plan_image(image, policy, presence, entry, now, settings)
    if needs_inspection(policy) and not (isinstance(step, Refuse) and step.reason == "InvalidImageName"):
        calls.append("GetImageRef")
    notes, refused = list(step.events), step if isinstance(step, Refuse) else None
    if isinstance(step, Pull):
        over_limit = row.get("burst") == 0
        error = "pull QPS exceeded" if over_limit else row["pullError"]
        calls += [] if over_limit else ["PullImage"]
        if error:
            refused, entry = pull_failed(image, error, entry, now, settings)
            notes += refused.events
        else:
            calls.append("GetImageSize")
            notes.append(pulled(image, pulling=1, including_waiting=1, size=1))
    result: dict[str, Any] = {
        "runtimeCalls": calls,
        "error": refused.reason if refused else None,
        "events": [note.reason for note in notes],
    }
    if refused:
        result["message"] = refused.message
    return result, notes, entry


@pytest.mark.parametrize("row", DATA["cases"], ids=[row["name"] for row in DATA["cases"]])
def test_consecutive_attempts_go_as_in_a_kubelet(row: dict[str, Any]) -> None:
    entry: BackoffEntry | None = None
    for number, expected in enumerate(row["attempts"], start=1):
        result, _, entry = attempt(row, entry, NOW + timedelta(seconds=number))
        if "message" not in expected:
            result.pop("message", None)
        assert result == expected, f"attempt {number}"


def test_an_image_that_is_there_is_used() -> None:
    step = plan_image("nginx", PullPolicy.IF_NOT_PRESENT, Presence(present=True), None, NOW, SETTINGS)
    text = 'Container image "nginx" already present on machine and can be accessed by the pod'
    assert step == Use(reference="nginx:latest", events=(normal(EventReason.PULLED, text),))


def test_a_pull_is_announced_and_asks_for_the_spelled_out_tag() -> None:
    step = plan_image("nginx", PullPolicy.ALWAYS, None, None, NOW, SETTINGS)
    assert step == Pull(reference="nginx:latest", events=(normal(EventReason.PULLING, 'Pulling image "nginx"'),))


def test_policy_never_without_the_image_is_refused() -> None:
    step = plan_image("nothere:1.0", PullPolicy.NEVER, Presence(present=False), None, NOW, SETTINGS)
    text = 'Container image "nothere:1.0" is not present with pull policy of Never'
    event = warning(EventReason.ERR_IMAGE_NEVER_PULL, text)
    assert step == Refuse(reason=WaitingReason.ERR_IMAGE_NEVER_PULL, message=text, events=(event,))


def test_a_bad_name_is_refused_before_the_engine_is_asked() -> None:
    step = plan_image("UPPER/Bad:::", PullPolicy.IF_NOT_PRESENT, None, None, NOW, SETTINGS)
    text = (
        'Failed to apply default image tag "UPPER/Bad:::": couldn\'t parse image name "UPPER/Bad:::": '
        "invalid reference format: repository name (Bad) must be lowercase"
    )
    event = warning(EventReason.INSPECT_FAILED, text)
    assert step == Refuse(reason=WaitingReason.INVALID_IMAGE_NAME, message=text, events=(event,))


def test_the_back_off_repeats_the_error_of_the_pull() -> None:
    refused, entry = pull_failed("a.invalid/b", "no such host", None, NOW, SETTINGS)
    assert (refused.reason, refused.message) == (WaitingReason.ERR_IMAGE_PULL, "no such host")
    assert refused.events == (warning(EventReason.FAILED, 'Failed to pull image "a.invalid/b": no such host'),)
    step = plan_image("a.invalid/b", PullPolicy.ALWAYS, None, entry, NOW + timedelta(seconds=9), SETTINGS)
    assert step == Refuse(
        reason=WaitingReason.IMAGE_PULL_BACK_OFF,
        message='Back-off pulling image "a.invalid/b": ErrImagePull: no such host',
        events=(normal(EventReason.BACK_OFF, 'Back-off pulling image "a.invalid/b"'),),
        ready_at=NOW + timedelta(seconds=10),
    )


def test_a_back_off_without_a_known_error_says_so_plainly() -> None:
    entry = BackoffEntry(count=1, updated_at=NOW)
    step = plan_image("a", PullPolicy.ALWAYS, None, entry, NOW, SETTINGS)
    assert isinstance(step, Refuse)
    assert step.message == 'Back-off pulling image "a"'


def test_a_policy_that_needs_the_engines_answer_insists_on_it() -> None:
    with pytest.raises(ValueError, match="needs to know"):
        plan_image("a", PullPolicy.NEVER, None, None, NOW, SETTINGS)


@pytest.mark.parametrize(
    ("pulling", "waiting", "times"),
    [
        (1.2, 1.2, "1.2s (1.2s"),
        (0.0249, 61.0015, "24ms (1m1.001s"),
        (0.0004, 0.83, "0s (830ms"),
    ],
)
def test_a_pull_tells_its_times_in_whole_milliseconds(pulling: float, waiting: float, times: str) -> None:
    note = pulled("x", pulling=pulling, including_waiting=waiting, size=123)
    assert note.message == f'Successfully pulled image "x" in {times} including waiting). Image size: 123 bytes.'


def test_a_failed_start_has_its_own_event() -> None:
    assert start_failed("ErrImagePull") == warning(EventReason.FAILED, "Error: ErrImagePull")


def test_a_reference_without_tag_and_digest_prints_its_name() -> None:
    assert str(ImageRef(domain="d.io", path="p")) == "d.io/p"


@pytest.mark.parametrize(
    ("error", "is_missing", "told"),
    [
        ("manifest for a:1 not found", True, "rpc error: code = NotFound desc = manifest for a:1 not found"),
        ("manifest for a:1 not found", False, "manifest for a:1 not found"),
        ("pull access denied for a", True, "pull access denied for a"),
    ],
)
def test_what_a_registry_does_not_have_is_told_with_its_code(error: str, is_missing: bool, told: str) -> None:
    assert as_runtimes_say(error, is_missing=is_missing) == told
