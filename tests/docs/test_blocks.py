"""Every code block of the documentation is carried out, in a scratch folder for each page, in the page's order."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from runner import Runner
from runner.engine.docker import DockerEngine
from runner.registry.contract import name_of
from tests.conftest import require_engine
from tests.docs.blocks import ROOT, SECONDS, Block, Place, blocks_of, changed, matches

DOCS = ROOT / "docs"
PAGES = sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if "_build" not in page.parts)
GENERATED = ("support.md",)


@pytest.mark.docker
@pytest.mark.parametrize("page", [page for page in PAGES if page not in GENERATED])
def test_the_code_of_a_page_does_what_the_page_says(page: str, tmp_path: Path, docker_engine: DockerEngine) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    if page == "tutorial.md":
        shutil.copytree(ROOT / "fixtures" / "sample", folder, dirs_exist_ok=True)
        build = [sys.executable, "-m", "tools.sample"]
        subprocess.run(build, cwd=ROOT, env={**os.environ, "DOCKER_HOST": docker_engine.address}, check=True)
    else:
        shutil.copytree(ROOT / "fixtures", folder / "fixtures", ignore=shutil.ignore_patterns("sample"))
    place = Place(folder, tmp_path / "home", require_engine().url)
    try:
        for block in blocks_of(DOCS / page):
            place.carry_out(block)
    finally:
        with Runner(home=tmp_path / "home", engine=docker_engine) as runner:
            for pod in runner.store.list("Pod").items:  # kept, or of a page that does not do what it says
                runner.delete(*name_of(pod), grace=0, force=True).wait(SECONDS)


def test_blocks_are_found_with_their_language_and_file(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        textwrap.dedent(
            """\
            ```python
            a = 1
            ```
            ```{code-block} yaml
            :caption: pod.yaml

            kind: Pod
            ```
            """
        )
    )
    assert blocks_of(page) == [Block("python", "", "a = 1\n"), Block("yaml", "pod.yaml", "kind: Pod\n")]


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\nb", "a\nb\n", True),
        ("a", "b\n", False),
        ("…\n1 passed in …", "x\ny\n1 passed in 3 s\n", True),
        ("…\n1 passed in …", "x\n1 failed in 3 s\n", False),
        ("a … c", "a b c\n", True),
        ("", "", True),
        ("…", "", True),
        ("…", "anything\n", True),
    ],
)
def test_what_is_printed_is_compared_loosely(expected: str, printed: str, *, same: bool) -> None:
    assert matches(expected, printed) is same


def test_a_title_behind_the_language_names_the_file(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('```diff title="a/b.py"\n+x\n```\n')
    assert blocks_of(page) == [Block("diff", "a/b.py", "+x\n")]


def test_a_diff_finds_its_place_by_its_lines() -> None:
    text = "a\nb\nc\n"
    assert changed(text, " a\n-b\n+B\n") == "a\nB\nc\n"
    assert changed(text, " a\n+1\n@@\n c\n+2\n") == "a\n1\nb\nc\n2\n"


@pytest.mark.parametrize("diff", [" b\n+x\n", "-d\n", "+d\n"])
def test_a_diff_without_its_one_place_is_an_error(diff: str) -> None:
    with pytest.raises(AssertionError, match="times, not once"):
        changed("b\nb\n", diff)
