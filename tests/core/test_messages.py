"""Termination messages: where they lie and what of them counts."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runner.core.container.messages import FOLDER, end_of, message_mount, messages_plan, needs_logs, with_message
from runner.core.volumes import volumes_archive
from tests.support.pods import START, make_pod, record


def test_every_instance_has_a_file_of_its_own() -> None:
    pod = make_pod(("init",), ({"name": "app", "terminationMessagePath": "/tmp/why"},))
    plan = messages_plan(pod, "me")
    assert [entry.path for entry in plan.files] == ["containers/init/0", "containers/app/0"]
    (mount,) = message_mount(pod.containers[0], 2, (plan,))
    assert (mount.source, mount.target, mount.sub_path) == (plan.source, "/tmp/why", "containers/app/2")
    assert mount.is_own
    archive = volumes_archive((plan,), START)
    assert archive is not None
    assert f"{FOLDER}/containers/app/0".lstrip("/").encode() in archive


def test_without_a_path_or_a_volume_nothing_is_mounted() -> None:
    pod = make_pod(apps=({"name": "app", "terminationMessagePath": ""}, "other"))
    plan = messages_plan(pod, "me")
    assert [entry.path for entry in plan.files] == ["containers/other/0"]
    assert message_mount(pod.containers[0], 0, (plan,)) == ()
    assert message_mount(pod.containers[1], 0, ()) == ()


@pytest.mark.parametrize(
    ("policy", "code", "reason", "message", "wanted"),
    [
        ("FallbackToLogsOnError", 1, "Error", "", True),
        ("FallbackToLogsOnError", 1, "Error", "from the file", False),
        ("FallbackToLogsOnError", 0, "Completed", "", False),
        ("FallbackToLogsOnError", 128, "StartError", "", False),
        ("File", 1, "Error", "", False),
    ],
)
def test_the_log_stands_in_for_an_empty_file_of_a_failed_process(
    policy: str, code: int, reason: str, message: str, wanted: bool
) -> None:
    pod = make_pod(apps=({"name": "app", "terminationMessagePolicy": policy},))
    ended = record(pod, "app", "exited", code=code, reason=reason)
    assert needs_logs(pod.containers[0], ended, message) is wanted


@pytest.mark.parametrize(
    ("runtime", "own", "shown"), [("", "own", "own"), ("runtime", "", "runtime"), ("runtime", "own", "runtime: own")]
)
def test_the_runtimes_text_comes_first(runtime: str, own: str, shown: str) -> None:
    ended = replace(record(make_pod(), "main", "exited", code=1), message=runtime)
    assert with_message(ended, own).message == shown


def test_only_the_end_counts_and_bytes_that_are_no_text_are_replaced() -> None:
    assert end_of(b"0123456789", 4) == "6789"
    assert end_of(b"\xffok", 10) == "\N{REPLACEMENT CHARACTER}ok"
