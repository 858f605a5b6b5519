"""Where manifests come from: links, paths with dots, folders, encodings, sizes."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from runner.api.sources import MAX_BYTES, read_sources, stdin_text
from runner.core.manifest import LoadResult, load
from runner.errors import UsageError

POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: main\n    image: nginx:1.27\n"


def loaded(*paths: Path | str, stdin: str | None = None) -> LoadResult:
    return load(read_sources([str(path) for path in paths], None if stdin is None else io.StringIO(stdin)))


@pytest.fixture
def pod(tmp_path: Path) -> Path:
    path = tmp_path / "pod.yaml"
    path.write_text(POD)
    return path


def test_a_link_is_followed_alone_and_in_a_folder(pod: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    link = folder / "linked.yaml"
    link.symlink_to(pod)
    assert loaded(link).ok
    assert [item.file for item in loaded(folder).objects] == [str(link)]


def test_a_link_to_nowhere_or_to_itself_is_refused_by_its_name(tmp_path: Path) -> None:
    dangling, circle = tmp_path / "dangling.yaml", tmp_path / "circle.yaml"
    dangling.symlink_to(tmp_path / "nowhere")
    circle.symlink_to(circle)
    with pytest.raises(UsageError, match=r'the path ".*dangling\.yaml" does not exist'):
        loaded(dangling)
    with pytest.raises(UsageError, match=r'cannot read ".*circle\.yaml": Too many levels'):
        loaded(circle)


def test_a_path_with_dots_is_taken_as_it_is(pod: Path, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    path = f"{tmp_path}/deep/../{pod.name}"
    assert [item.file for item in loaded(path).objects] == [path]


def test_a_folder_takes_manifests_only(pod: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not: [a manifest")
    (tmp_path / "below.yaml").mkdir()
    assert [item.file for item in loaded(tmp_path).objects] == [str(pod)]
    with pytest.raises(UsageError, match="no manifests in folder"):
        loaded(tmp_path / "below.yaml")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_read_with_and_without_its_mark(tmp_path: Path, encoding: str) -> None:
    text = POD.replace("\n", "\r\n") + "# é 😀\r\n"
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    path = tmp_path / "pod.yaml"
    path.write_bytes((mark + text).encode(encoding))
    result = loaded(path)
    assert [str(problem) for problem in (*result.problems, *result.warnings)] == []


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (POD.encode() + b"# caf\xe9\n", "9:6: invalid UTF-8: byte 0xe9"),
        (POD.encode("latin-1").replace(b"web", b"w\xfcb"), "4:10: invalid UTF-8: byte 0xfc"),
        (b"\xff\xfea\x00\n\x00\x00\xd8", "invalid UTF-16"),
    ],
)
def test_other_encodings_are_refused_with_the_place_of_the_first_byte(
    tmp_path: Path, content: bytes, place: str
) -> None:
    path = tmp_path / "pod.yaml"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=place):
        loaded(path)


def test_fifty_megabytes_are_refused_without_being_read(tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(50 * 1000 * 1000)
    with pytest.raises(UsageError, match=r"large\.yaml\" is larger than 8 MiB, that is no manifest"):
        loaded(path)
    with pytest.raises(UsageError, match="standard input is larger than 8 MiB"):
        loaded("-", stdin="#" * (MAX_BYTES + 1))


def cpu_seconds() -> float:
    """What this process has computed: other programs do not count."""
    return sum(os.times()[:2])


def test_a_value_of_megabytes_is_answered_soon() -> None:
    began = cpu_seconds()
    result = loaded("-", stdin=POD.replace("web", "w" * (MAX_BYTES - 1000)))
    assert not result.ok
    assert cpu_seconds() - began < 5


def test_aliases_that_multiply_are_refused_before_they_do() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    began = cpu_seconds()
    (problem,) = loaded("-", stdin="\n".join(lines)).problems
    assert "aliases expand to more than 100000 values" in problem.message
    assert cpu_seconds() - began < 5


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("\ufeffkind: é\r\n".encode(), "kind: é\r\n"),
        ("\ufeffkind: é\r\n".encode("utf-16-le"), "kind: é\r\n"),
        (b"kind: \xff", "kind: \udcff"),
    ],
    ids=["UTF-8 with its mark", "UTF-16", "no UTF-8"],
)
def test_standard_input_is_read_whatever_the_locale_says(content: bytes, expected: str) -> None:
    assert stdin_text(io.TextIOWrapper(io.BytesIO(content), encoding="ascii")) == expected
    assert stdin_text(io.StringIO(expected)) == expected
