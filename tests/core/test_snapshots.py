"""What became of a volume between two looks at it."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.history.record import FileKind, FileState
from runner.core.history.snapshots import Entry, changed_since, compared


def file(text: str | bytes | None = "", *, changed: float = 0.0, digest: str | None = None, **more: Any) -> Entry:
    data = text.encode() if isinstance(text, str) else text
    known = digest if digest is not None else repr(data)
    state = FileState(kind=FileKind.FILE, size=len(data or b""), digest=known, **more)
    return Entry(state=state, changed=changed, data=data)


def test_added_changed_and_removed_files_are_told_in_order() -> None:
    before = {"a": file("old\nsame\n"), "c": file("gone\n"), "d": file("same")}
    after = {"a": file("new\nsame\n"), "b/x": file("here\n"), "d": file("same", changed=9)}
    changes = compared("work", before, after)
    assert [(one.volume, one.path, one.what) for one in changes] == [
        ("work", "a", "changed"),
        ("work", "b/x", "added"),
        ("work", "c", "removed"),
    ]
    assert changes[0].diff.splitlines() == ["--- a/a", "+++ b/a", "@@ -1,2 +1,2 @@", "-old", "+new", " same"]
    assert changes[1].diff.splitlines()[-1] == "+here"
    assert changes[2].diff.splitlines()[-1] == "-gone"


@pytest.mark.parametrize(
    ("before", "after", "diff"),
    [
        pytest.param(file("x", mode=0o600), file("x"), "", id="mode alone"),
        pytest.param(file("x", uid=5), file("x"), "", id="owner alone"),
        pytest.param(file(b"\0a"), file(b"\0b"), "", id="no text"),
        pytest.param(file(b"\xff"), file(b"\xfe"), "", id="no UTF-8"),
        pytest.param(file(None, digest="1"), file(None, digest="2"), "", id="too big"),
        pytest.param(file(None, digest="", changed=1), file(None, digest="", changed=2), "", id="by its time"),
    ],
)
def test_a_change_without_small_text_has_no_diff(before: Entry, after: Entry, diff: str) -> None:
    (change,) = compared("work", {"a": before}, {"a": after})
    assert (change.diff, change.before, change.after) == (diff, before.state, after.state)


def test_a_big_file_with_the_same_time_and_a_directory_that_was_written_into_are_no_change() -> None:
    directory = FileState(kind=FileKind.DIRECTORY)
    before = {"big": file(None, digest="", changed=1), "d": Entry(state=directory, changed=1)}
    after = {"big": file(None, digest="", changed=1), "d": Entry(state=directory, changed=2)}
    assert compared("work", before, after) == ()


def test_a_long_diff_is_cut() -> None:
    (change,) = compared("work", {}, {"a": file("\n".join(map(str, range(1000))))})
    assert len(change.diff.splitlines()) == 401
    assert change.diff.endswith("\n…")


def test_without_a_look_before_times_tell_what_was_written() -> None:
    after = {"old": file("x", changed=9.5), "new": file("y", changed=10)}
    changes = changed_since("work", after, 10)
    assert [(one.path, one.before) for one in changes] == [("new", None)]


def test_what_is_hidden_in_a_text_is_in_no_diff() -> None:
    (change,) = compared("work", {}, {"a": file("key: hunter2\n")}, lambda text: text.replace("hunter2", "…"))
    assert change.diff.splitlines()[-1] == "+key: …"
