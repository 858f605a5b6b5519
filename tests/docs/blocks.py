"""Code blocks of a page, and a scratch folder where they are carried out.

Blocks with a caption, or a title behind their language, are files; a ``diff`` with a title changes a file that is there, and its
lines without a sign say where. ``python`` blocks without one run one after the other, each with what those before it have made.
``console`` blocks are commands after ``$ `` with what they print; ``…`` stands for anything, also for lines; a command ends well
unless a comment behind it says ``# exit code N``. Kubernetes objects in ``yaml`` blocks are valid.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import yaml

from runner.core.manifest import Source, load
from tests.conftest import OF_USERS

ROOT = Path(__file__).parents[2]
SECONDS = 200
_BLOCK = re.compile(r"^```(?P<head>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
_OPTION = re.compile(r"\A(?::\w+: [^\n]*\n)+\n?")
_TITLE = re.compile(r'\btitle="([^"]+)"')
_FILES = ("yaml", "python", "ini")
_SAID = ("{toctree}", "{eval-rst}", "{literalinclude}", "{include}", "text", "")
"""Blocks that are no code, or code that is a file of this repository."""


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language, the file it stands for ("" for none), and its text."""

    language: str
    file: str
    text: str


def blocks_of(page: Path) -> list[Block]:
    return blocks_in(page.read_text(encoding="utf-8"))


def blocks_in(text: str) -> list[Block]:
    found = []
    for match in _BLOCK.finditer(text):
        head, body = match["head"].strip(), match["body"]
        language = head.removeprefix("{code-block}").strip() if head.startswith("{code-block}") else head.split(" ")[0]
        options = _OPTION.match(body)
        caption = re.search(r"^:caption: (.*)$", options[0], re.MULTILINE) if options else None
        named = caption or _TITLE.search(head)
        found.append(Block(language, named[1] if named else "", body[options.end() :] if options else body))
    return found


def changed(text: str, diff: str) -> str:
    """A file's text after a ``diff`` whose hunks stand between lines of ``@@``; each says by its lines where it belongs."""
    for hunk in re.split(r"^@@.*\n", diff, flags=re.MULTILINE):
        lines = hunk.splitlines()
        before = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
        after = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
        found = len(re.findall(rf"(?=\n{re.escape(before)})", f"\n{text}")) if before else 0
        assert found == 1, f"these lines are there {found} times, not once:\n{before}"
        text = f"\n{text}".replace(f"\n{before}", f"\n{after}")[1:]
    return text


def matches(expected: str, printed: str) -> bool:
    """Whether what was printed is what was said; ``…`` on a line of its own is any number of lines."""
    pattern = ""
    for line in expected.splitlines():
        pattern += r"(?:.*\n)*?" if line == "…" else ".*?".join(re.escape(part) for part in line.split("…")) + r" *\n"
    return re.fullmatch(pattern, f"{printed.rstrip()}\n" if printed.strip() else "") is not None


class Place:
    """A scratch folder where a page is carried out."""

    def __init__(
        self, folder: Path, home: Path, address: str = "", more: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """``address`` is an Engine's; ``more`` goes into the environment of what is carried out."""
        self.folder = folder
        self.names: dict[str, object] = {"__name__": "page"}
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PODRUNNER_", "PYTEST_"))}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        mine = {"PATH": path, "PODRUNNER_HOME": str(home), "DOCKER_HOST": address, "COLUMNS": "200"}
        self.environ = {**kept, **OF_USERS, **mine, **more}

    def carry_out(self, block: Block) -> None:
        if block.language in _SAID:
            return
        if block.language == "diff":
            file = self.folder / block.file
            try:
                file.write_text(changed(file.read_text(encoding="utf-8"), block.text), encoding="utf-8")
            except AssertionError as error:
                raise AssertionError(f"{block.file}: {error}") from None
        elif block.file:
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
            # All of it, and gracefully: pods are deleted by their node.
            os.killpg(process.pid, signal.SIGTERM)
            output, _ = process.communicate()
            raise AssertionError(f"{command[-1]} was not over after {SECONDS} s\n{output}") from None
        return subprocess.CompletedProcess(command, process.returncode, output)


def _check_yaml(block: Block) -> None:
    documents = list(yaml.safe_load_all(block.text))
    if all("apiVersion" in document for document in documents):
        result = load([Source(name=block.file, text=block.text)], namespace="default")
        assert result.ok, result.problems
