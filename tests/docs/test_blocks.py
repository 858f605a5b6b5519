"""Every code block of the documentation is carried out, in a scratch folder for each page, in the page's order.

Blocks with a caption are files. ``python`` blocks run one after the other, each with what those before it have made.
``console`` blocks are commands after ``$ `` with what they print; ``…`` stands for anything, also for lines; a command ends well
unless a comment behind it says ``# exit code N``. Kubernetes objects in ``yaml`` blocks are valid.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from runner import Runner
from runner.core.manifest import Source, load
from runner.engine.docker import DockerEngine
from runner.registry.contract import name_of
from tests.conftest import OF_USERS, require_engine

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md") if "_build" not in page.parts)
GENERATED = ("support.md",)
SECONDS = 200
_BLOCK = re.compile(r"^```(?P<head>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"\A(?::\w+: [^\n]*\n)+\n?")
_FILES = ("yaml", "python", "ini")
_SAID = ("{toctree}", "{eval-rst}", "{literalinclude}", "text", "")
"""Blocks that are no code, or code that is a file of this repository."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, the file it stands for ("" for none), and its text."""

    language: str
    file: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    found = []
    for match in _BLOCK.finditer(page.read_text(encoding="utf-8")):
        head, body = match["head"].strip(), match["body"]
        language = head.removeprefix("{code-block}").strip() if head.startswith("{code-block}") else head.split(" ")[0]
        options = _OPTION.match(body)
        caption = re.search(r"^:caption: (.*)$", options[0], re.MULTILINE) if options else None
        found.append(Block(language, caption[1] if caption else "", body[options.end() :] if options else body))
    return found


def matches(expected: str, printed: str) -> bool:
    """Whether what was printed is what was said; ``…`` on a line of its own is any number of lines."""
    pattern = ""
    for line in expected.splitlines():
        pattern += r"(?:.*\n)*?" if line == "…" else ".*?".join(re.escape(part) for part in line.split("…")) + r" *\n"
    return re.fullmatch(pattern, f"{printed.rstrip()}\n" if printed.strip() else "") is not None


class Place:
    """A scratch folder where a page is carried out."""

    def __init__(self, folder: Path, home: Path, address: str) -> None:
        self.folder = folder
        self.names: dict[str, object] = {"__name__": "page"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PODRUNNER_", "PYTEST_"))}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        mine = {"PATH": path, "PODRUNNER_HOME": str(home), "DOCKER_HOST": address, "COLUMNS": "200"}
        self.environ = {**kept, **OF_USERS, **mine}

    def carry_out(self, block: Block) -> None:
        if block.language in _SAID:
            return
        if block.file:
            assert block.language in _FILES, f"{block.file} is no file of a known kind"
            (self.folder / block.file).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / block.file).write_text(block.text, encoding="utf-8")
            if block.language == "yaml":
                _check_yaml(block)
        elif block.language == "python":
            self._run_python(block.text)
        else:
            assert block.language == "console", f"nobody knows how to carry out {block.language!r}"
            self._run_console(block.text)

    def _run_python(self, text: str) -> None:
        """As a program of its own, with what the blocks before it have left."""
        before = self.names.setdefault("text", "")
        program = f"{before}\n{text}"
        self.names["text"] = program
        done = self._call([sys.executable, "-c", program])
        assert done.returncode == 0, done.stdout

    def _run_console(self, text: str) -> None:
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, _, expected = part.partition("\n")
            done = self._call(["sh", "-c", command])
            code = re.search(r"# exit code (\d+)$", command)
            assert done.returncode == (int(code[1]) if code else 0), f"$ {command}\n{done.stdout}"
            assert matches(expected, done.stdout), f"$ {command}\n{done.stdout}\nis not\n{expected}"

    def _call(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            # All of it, and gracefully: pods are deleted by whoever runs them.
            os.killpg(process.pid, signal.SIGTERM)
            output, _ = process.communicate()
            raise AssertionError(f"{command[-1]} was not over after {SECONDS} s\n{output}") from None
        return subprocess.CompletedProcess(command, process.returncode, output)


def _check_yaml(block: Block) -> None:
    documents = list(yaml.safe_load_all(block.text))
    if all("apiVersion" in document for document in documents):
        result = load([Source(name=block.file, text=block.text)], namespace="default")
        assert result.ok, result.problems


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
