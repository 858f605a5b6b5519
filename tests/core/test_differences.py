"""What two attempts differ in."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.history.attempt import Attempt
from runner.core.history.differences import Difference, differences, in_words
from runner.core.history.record import FileKind, FileState, PodRecord, VolumeChange


def attempt(number: int, **more: Any) -> Attempt:
    return Attempt(container="migrate", number=number, **more)


def record(**more: Any) -> PodRecord:
    return PodRecord(namespace="default", name="web", uid="u", **more)


def found(left: Attempt, right: Attempt, **more: Any) -> list[tuple[str, str, str | None, str | None]]:
    return [(one.what, one.name, one.left, one.right) for one in differences(record(**more), left, right).found]


def test_attempts_that_are_alike_differ_in_nothing() -> None:
    same = differences(record(), attempt(0, exit_code=1, reason="Error"), attempt(1, exit_code=1, reason="Error"))
    assert (same.found, same.output) == ((), ())


def test_ends_and_images_are_compared() -> None:
    left = attempt(0, exit_code=3, reason="Error", image_id="a@sha256:1")
    right = attempt(1, message="gone", image_id="a@sha256:2")
    assert found(left, right) == [
        ("end", "exit code", "3", None),
        ("end", "reason", "Error", None),
        ("end", "message", None, "gone"),
        ("image", "digest", "a@sha256:1", "a@sha256:2"),
    ]


def test_what_the_engine_was_told_is_compared_when_it_is_known_of_both() -> None:
    left = {"Image": "sha256:1", "Config": {"Env": ["A=1", "B=2", "C"], "Cmd": ["x"]}}
    right = {"Image": "sha256:2", "Config": {"Env": ["A=9", "B=2"], "User": "5", "Cmd": ["x"]}}
    both = {("migrate", 0): left, ("migrate", 1): right}
    assert found(attempt(0), attempt(1), inspections=both) == [
        ("environment", "A", "1", "9"),
        ("environment", "C", "", None),
        ("container", "User", None, "5"),
        ("image", "id", "sha256:1", "sha256:2"),
    ]
    assert found(attempt(0), attempt(1), inspections={("migrate", 0): left}) == []
    assert found(attempt(0), attempt(1), inspections={("migrate", 0): {}, ("migrate", 1): {"Config": None}}) == []


def test_changes_in_volumes_are_compared_by_path() -> None:
    state = FileState(kind=FileKind.FILE, size=4)
    volumes = {
        ("migrate", 0): (VolumeChange(volume="work", path="log", after=state),),
        ("migrate", 1): (VolumeChange(volume="work", path="log", before=state),),
    }
    assert found(attempt(0), attempt(1), volumes=volumes) == [
        ("volume", "work/log", "added, 4 B, 0644, 0:0", "removed")
    ]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, FileState(kind=FileKind.DIRECTORY, mode=0o755), "added, directory, 0755, 0:0"),
        (None, FileState(kind=FileKind.LINK, mode=0o777, target="a"), "added, link, 0777, 0:0, → a"),
        (FileState(kind=FileKind.FILE), None, "removed"),
        (
            FileState(kind=FileKind.FILE, mode=0o600, uid=7),
            FileState(kind=FileKind.FILE, size=1, gid=9),
            "changed, 1 B, 0644, 0:9, mode was 0600, owner was 7:0",
        ),
        (FileState(kind=FileKind.FILE), FileState(kind=FileKind.FILE, size=1), "changed, 1 B, 0644, 0:0"),
    ],
)
def test_a_change_is_said_in_words(before: FileState | None, after: FileState | None, words: str) -> None:
    assert in_words(VolumeChange(volume="work", path="a", before=before, after=after)) == words


def test_outputs_are_compared_without_their_times() -> None:
    outputs = {("migrate", 0): lambda: b"T1 same\nT2 old\n", ("migrate", 1): lambda: b"T3 same\nT4 new\n"}
    compared = differences(record(outputs=outputs), attempt(0), attempt(1))
    assert list(compared.output) == ["--- attempt 0", "+++ attempt 1", "@@ -1,2 +1,2 @@", " same", "-old", "+new"]
    assert Difference(what="a", name="b", left=None, right=None) == Difference(
        what="a", name="b", left=None, right=None
    )
