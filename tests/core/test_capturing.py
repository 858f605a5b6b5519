"""What ran here becomes a capture: how each attempt ended as faults, manifests, and no value of a Secret."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from runner.core.capture.capturing import about_pod, capture_records
from runner.core.capture.recorded import recorded_failures, recorded_scope
from runner.core.container.secrecy import Redaction, telling_values
from runner.core.faults.files import faults_of
from runner.core.history.record import FaultMark, PodRecord, Seen
from runner.core.labels import FAULTS
from runner.core.model import Json, RetryScope
from tests.core.test_attempts import (
    FAILS_TWICE,
    at,
    ended,
    inspection,
    record,
    running,
    seen,
    told,
    waiting,
    waits_again,
)

APP = "spec.containers{app}"
FAILED_PULL = 'Failed to pull image "shop:1": manifest unknown'
PULLED = 'Successfully pulled image "shop:1" in 2s (2s including waiting). Image size: 7 bytes.'


def app(*states: Json) -> tuple[Seen, ...]:
    """An app container at these states, one a second, behind an init container that is done."""
    return tuple([seen(second, [ended("first", 0)], [state]) for second, state in enumerate(states)])


def marked(trace: tuple[Seen, ...], **metadata: Any) -> tuple[Seen, ...]:
    return tuple([Seen(at=one.at, pod={**one.pod, "metadata": metadata}) for one in trace])


RESTARTS = (
    waiting("app", "PodInitializing"),
    running("app"),
    ended("app", 5),
    running("app", 1),
    ended("app", 5, 1),
    running("app", 2),
)
HIT = inspection(0, 1, 5)
FAILURES = {
    "an init container that failed": (record(*FAILS_TWICE), ["first#0@first.ended:exit=3"]),
    "one that failed for long ends at once": (
        record(seen(0, [running("first")]), seen(30, [ended("first", 3)])),
        ["first#0:exit=3"],
    ),
    "one that was killed for memory": (
        record(seen(0, [running("first")]), seen(1, [ended("first", 137, reason="OOMKilled")])),
        ["first#0:oom"],
    ),
    "one that could not start": (
        record(seen(0, [waiting("first", "x")]), seen(1, [ended("first", 128, reason="StartError")])),
        ["first#0:start-error"],
    ),
    "attempts of an app that are alike": (
        record(*app(*RESTARTS)),
        ["app#0-1@app.running+1.5s:exit=5"],
    ),
    "an app that lived long runs for a while": (
        record(
            seen(0, [ended("first", 0)], [running("app")]),
            seen(40, [ended("first", 0)], [ended("app", 1)]),
            until=41,
        ),
        ["app#0@app.running+10s:exit=1"],
    ),
    "one that a probe had killed": (
        record(
            *app(*RESTARTS[:3]),
            told=(told(1.5, "Killing", APP, message="Container app failed liveness probe, will be restarted"),),
        ),
        ["probe/app.liveness#0:fail"],
    ),
    "one that was stopped is no failure": (
        record(*app(*RESTARTS[:3]), told=(told(1.5, "Killing", APP, message="Stopping container app"),)),
        [],
    ),
    "nor what ended after the deletion": (
        record(
            seen(0, [running("first")]),
            *marked((seen(1, [running("first")]),), deletionTimestamp="2026-01-01T00:00:31Z"),
            *marked((seen(3, [ended("first", 137)]),), deletionTimestamp="2026-01-01T00:00:31Z"),
        ),
        [],
    ),
    "an image that could not be had, and then could": (
        record(
            seen(0, [waiting("first", "ErrImagePull")]),
            seen(9, [running("first")]),
            told=(
                told(1, "Failed", message=FAILED_PULL),
                told(2, "Failed", message='Failed to pull image "shop:1": toomanyrequests: slow down'),
                told(3, "Pulled", message=PULLED),
                told(4, "Failed", message='Failed to pull image "shop:1": toomanyrequests: slow down'),
            ),
        ),
        ["image/shop:1#0:not-found", "image/shop:1#1:too-many-requests", "image/shop:1#3:too-many-requests"],
    ),
    "an image that never could": (
        record(
            seen(0, [waiting("first", "ErrImagePull")]),
            seen(9, [waiting("first", "ErrImagePull")]),
            told=(told(1, "Failed", message=FAILED_PULL), told(2, "Failed", message=FAILED_PULL)),
        ),
        ["image/shop:1:not-found"],
    ),
}


@pytest.mark.parametrize(("value", "expected"), FAILURES.values(), ids=list(FAILURES))
def test_how_attempts_ended_becomes_faults(value: PodRecord, expected: list[str]) -> None:
    found = recorded_failures(value)
    assert found == tuple(f"pod/web/{one}" for one in expected)
    assert len(faults_of(found)) == len(expected)


def test_faults_that_were_injected_come_again_and_their_effects_are_not_counted_twice() -> None:
    annotations = {FAULTS: "first#0@first.ended:exit=3; image/shop*:not-found; node@app.running:reboot; no fault"}
    value = record(
        *marked(FAILS_TWICE[:4], annotations=annotations),
        *marked(
            tuple([Seen(at=at(20 + n), pod=one.pod) for n, one in enumerate(app(*RESTARTS[:4]))]),
            annotations=annotations,
        ),
        faults=(
            FaultMark(at=at(2), kind="FaultInjected", text="first#0@first.ended:exit=3", container="first", attempt=0),
            FaultMark(at=at(21.5), kind="FaultInjected", text="node@app.running:reboot"),
        ),
        told=(told(0.5, "Failed", message=FAILED_PULL),),
    )
    assert recorded_failures(value) == (
        "web/first#0@first.ended:exit=3",
        "web/image/shop*:not-found",
        "web/node@app.running:reboot",
    )


@pytest.mark.parametrize(
    ("value", "scope"),
    [
        pytest.param(record(*FAILS_TWICE), RetryScope.CONTAINER, id="the failed one alone"),
        pytest.param(
            record(*FAILS_TWICE[:3], seen(4, [waits_again("first", 0, reason="RestartingAllContainers")])),
            RetryScope.POD,
            id="all of them",
        ),
        pytest.param(record(*FAILS_TWICE[:2]), None, id="nothing"),
    ],
)
def test_what_ran_again_is_seen_in_a_record(value: PodRecord, scope: RetryScope | None) -> None:
    assert recorded_scope(value) is scope


# --- objects ------------------------------------------------------------------------------------------------------------

CONTAINER: Json = {
    "name": "app",
    "image": "shop:1",
    "env": [{"name": "P", "valueFrom": {"secretKeyRef": {"name": "db", "key": "p"}}}],
    "envFrom": [{"configMapRef": {"name": "settings"}}, {"configMapRef": {"name": "nowhere"}}],
}
GIVEN: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [CONTAINER]}}


def stored(kind: str, name: str, **more: Any) -> Json:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "default", "uid": "7"}, **more}


DB = stored("Secret", "db", data={"p": base64.b64encode(b"hunter2").decode()})
HIDDEN = {**DB, "data": {"p": "<redacted>"}}
SETTINGS = stored("ConfigMap", "settings", data={"a": "1"})


def test_what_a_pod_refers_to_comes_from_its_record_from_the_state_or_is_a_placeholder() -> None:
    value = record(seen(0, []), seen(1, []), objects=(GIVEN, HIDDEN))
    found = capture_records([value], [SETTINGS, stored("ConfigMap", "another"), DB])
    kinds = {(one["kind"], one["metadata"]["name"]): one for one in found.objects}
    assert list(kinds) == [("ConfigMap", "nowhere"), ("Secret", "db"), ("ConfigMap", "settings"), ("Pod", "web")]
    assert kinds["ConfigMap", "settings"]["data"] == {"a": "1"}
    assert "uid" not in kinds["ConfigMap", "settings"]["metadata"]
    assert base64.b64decode(kinds["Secret", "db"]["data"]["p"]) == b"redacted"
    assert kinds["Pod", "web"]["metadata"] == {"name": "web", "namespace": "default"}
    assert [note.partition(":")[0] for note in found.notes] == [
        "configmap default/nowhere for pod/web is a placeholder",
        "values of Secrets are redacted",
    ]


def test_values_of_secrets_come_along_when_they_are_asked_for_and_still_there() -> None:
    value = record(seen(0, []), seen(1, []), objects=(GIVEN, HIDDEN, SETTINGS))
    found = {one["metadata"]["name"]: one for one in capture_records([value], [DB], with_secrets=True).objects}
    assert found["db"]["data"] == DB["data"]
    gone = capture_records([value], [], with_secrets=True)
    assert "secret default/db is redacted: it is gone, and records keep no values of Secrets" in gone.notes


def test_a_pod_that_was_seen_once_shows_what_its_status_tells() -> None:
    status = waits_again("first", 4, 3)
    value = record(seen(0, [status]), objects=(GIVEN,))
    found = capture_records([value], [])
    assert [fault.partition("/first")[2] for fault in found.faults] == ["#0-4:exit=3"]
    assert "taken to have ended like attempt 4" in found.notes[-1]


def test_a_capture_tells_images_and_the_times_of_attempts() -> None:
    shown = {**running("first"), "image": "shop:1", "imageID": "docker-pullable://shop@sha256:1"}
    about = about_pod(record(seen(0, [waiting("first", "x")]), seen(1, [shown], [waiting("app", "PodInitializing")])))
    assert about["images"] == {"shop:1": "docker-pullable://shop@sha256:1"}
    (one,) = [one for one in about["attempts"] if one["container"] == "first"]
    assert (one["attempt"], one["started"], one["imageID"]) == (
        0,
        "2026-01-01T00:00:01.000000Z",
        "docker-pullable://shop@sha256:1",
    )


# --- secrets ------------------------------------------------------------------------------------------------------------


def test_values_are_found_whole_by_their_lines_and_encoded() -> None:
    secret: Json = {"stringData": {"pem": "-- BEGIN --\nabcdefghij\n", "short": "abc"}}
    redaction = Redaction.of(telling_values(secret))
    encoded = base64.b64encode(b"-- BEGIN --\nabcdefghij\n")
    assert redaction.output(b"x abcdefghij y abc " + encoded) == b"x <redacted> y abc <redacted>"
    assert list(telling_values({"data": {"a": "!"}})) == []


def test_what_names_something_stays_as_it_is() -> None:
    redaction = Redaction.of(["postgres"])
    status = {"name": "postgres", "state": {"terminated": {"exitCode": 1, "message": "no postgres here"}}}
    assert redaction.messages({"status": [status]}) == {
        "status": [{"name": "postgres", "state": {"terminated": {"exitCode": 1, "message": "no <redacted> here"}}}]
    }
