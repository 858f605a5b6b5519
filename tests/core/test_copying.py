"""What is copied from where to where, and whose it is, in kubectl's words."""

from __future__ import annotations

import pytest

from runner.core.container.defaultcontainer import ANNOTATION, chosen_container
from runner.core.files.copying import (
    FileSpec,
    SpecError,
    absolute,
    file_spec,
    ignore,
    is_content,
    is_unseen,
    owner_of,
    skipped_link,
)
from runner.errors import UsageError
from tests.support.pods import make_pod


@pytest.mark.parametrize(
    ("text", "namespace", "pod", "path"),
    [
        ("web:/tmp/a", "", "web", "/tmp/a"),
        ("web:a:b", "", "web", "a:b"),
        ("shop/web:/a", "shop", "web", "/a"),
        ("pod/web:/a", "", "web", "/a"),
        ("file.txt", "", "", "file.txt"),
        ("dir/file", "", "", "dir/file"),
        ("./a:b", "", "", "./a:b"),
        ("/a/b:c", "", "", "/a/b:c"),
        ("~/a:b", "", "", "~/a:b"),
        ("-", "", "", "-"),
    ],
)
def test_an_end_of_a_copy_is_a_pods_or_local(text: str, namespace: str, pod: str, path: str) -> None:
    found = file_spec(text, ("po", "pod"))
    assert found == FileSpec(namespace, pod, path)
    assert found.is_stream is (text == "-")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (":/a", "filespec must match the canonical format: [[namespace/]pod:]file/path"),
        ("a/b/c:/d", "filespec must match the canonical format: [[namespace/]pod:]file/path"),
        ("a/:/d", "filespec must match the canonical format: [[namespace/]pod:]file/path"),
        ("web:", "filepath can not be empty"),
        ("", "filepath can not be empty"),
    ],
)
def test_an_end_that_cannot_be_read_is_refused_as_kubectl_does(text: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        file_spec(text)
    assert str(caught.value) == words


def test_a_path_of_a_container_begins_at_its_root_or_where_its_processes_start() -> None:
    found = [absolute(path, "/app") for path in ("/a/", "a/./b/../c", "..", "../../..", ".")]
    assert found == ["/a", "/app/a/c", "/", "/", "/app"]


def test_the_content_of_a_directory_is_asked_for_with_a_dot() -> None:
    assert [is_content(path) for path in (".", "d/.", "..", "d/./", "d", "d/", ".x")] == [True] * 4 + [False] * 3


def test_an_engine_does_not_see_what_is_mounted_for_the_process() -> None:
    assert [is_unseen(path) for path in ("/proc/1", "/dev", "/sys/x", "/devices", "/")] == [
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_link_that_is_not_copied_is_told_in_kubectls_words() -> None:
    assert skipped_link("d/l", "/etc") == 'warning: skipping symlink: "d/l" -> "/etc"'
    ignore("nobody listens")


PASSWD = "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:web:/:/bin/false\nbad line\n"
GROUP = "root:x:0:\nstaff:x:50:\n"


@pytest.mark.parametrize(
    ("user", "numbers"),
    [
        ("web", (33, 34)),
        ("33", (33, 34)),
        ("1000", (1000, 0)),
        ("1000:2000", (1000, 2000)),
        ("web:staff", (33, 50)),
        ("nobody", (0, 0)),
    ],
)
def test_a_user_has_the_numbers_that_the_container_knows(user: str, numbers: tuple[int, int]) -> None:
    assert owner_of(user, PASSWD, GROUP) == numbers


def test_the_container_is_the_named_the_annotated_or_the_first_one() -> None:
    told: list[str] = []
    plain, single = make_pod(["first"], ["main", "side"]), make_pod(apps=["main"])
    annotated = make_pod(["first"], ["main", "side"], metadata={"annotations": {ANNOTATION: "side"}})
    assert chosen_container(plain, "first", told.append) == "first"
    assert chosen_container(annotated, None, told.append) == "side"
    assert chosen_container(single, None, told.append) == "main"
    assert told == []
    assert chosen_container(plain, None, told.append) == "main"
    assert told == ['Defaulted container "main" out of: main, side, first (init)']
    with pytest.raises(
        UsageError, match=r"^container nope is not valid for pod web out of: main, side, first \(init\)$"
    ):
        chosen_container(plain, "nope", told.append)
