"""Into containers that run: exec, shell, attach, with what is read and written, a terminal, and what goes wrong."""

from __future__ import annotations

import hashlib
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import suppress
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest

from runner.clock import Deadline
from tests.e2e.support import SECONDS, Bench, container, pod

pytestmark = pytest.mark.docker

MEGABYTES = 20
ALL = "main, reader, setup (init)"


@pytest.fixture
def inside(bench: Bench) -> Iterator[str]:
    """A pod whose first container stays, and whose second says what it reads."""
    name = bench.name("inside")
    reads = "while read x; do echo got $x; done; echo end; exit 5"
    path = bench.write(
        pod(
            name,
            container("main", "trap 'exit 0' TERM; sleep 3600 & wait"),
            container("reader", reads, stdin=True, stdinOnce=True),
            inits=[container("setup", "true")],
            restartPolicy="Never",
        )
    )
    done = bench("run", path, "--until", "ready", "--keep", "always")
    assert done.code == 0, done.err
    yield name
    assert bench("delete", "pod", name).code == 0
    bench.assert_nothing_left(name)


def test_commands_run_in_containers_and_what_goes_wrong_is_said_in_kubectls_words(bench: Bench, inside: str) -> None:
    defaulted = f'Defaulted container "main" out of: {ALL}\n'
    rows: list[tuple[tuple[str, ...], str | None, int, str, str]] = [
        (("exec", inside, "--", "echo", "hi"), None, 0, "hi\n", defaulted),
        (("exec", inside, "-q", "--", "sh", "-c", "echo out; echo err >&2; exit 7"), None, 7, "out\n", "err\n"),
        (("exec", f"pod/{inside}", "-c", "main", "-i", "--", "cat"), "one\ntwo", 0, "one\ntwo", ""),
        (("exec", inside, "-c", "main", "--", "cat"), "not passed on", 0, "", ""),
        (("exec", inside, "-c", "main", "--", "sh", "-c", "exit 126"), None, 126, "", ""),
        (
            ("exec", inside, "-c", "nope", "--", "true"),
            None,
            2,
            "",
            f"error: container nope is not valid for pod {inside} out of: {ALL}\n",
        ),
        (
            ("exec", inside, "-c", "main", "-it", "--", "echo", "x"),
            "",
            0,
            "x\n",
            "Unable to use a TTY - input is not a terminal or the right kind of file\n",
        ),
        (("shell", inside, "-c", "main"), "echo from a shell; exit 3", 3, "from a shell\n", ""),
    ]
    for argv, given, code, out, err in rows:
        done = bench(*argv, stdin=given)
        assert (done.code, done.out, done.err) == (code, out, err), argv

    for argv, code, words in (
        (
            ("exec", inside, "-c", "main", "--", "/nope"),
            127,
            "error: Internal error occurred: error executing command in container: OCI runtime",
        ),
        (
            ("exec", inside, "-c", "setup", "--", "true"),
            1,
            'unable to upgrade connection: container not found ("setup")',
        ),
        (("exec", inside), 2, "you must specify at least one command for the container"),
        (("exec", "nosuch", "--", "true"), 1, 'pods "nosuch" not found'),
        (("attach", "deploy/nosuch"), 1, 'deployments.apps "nosuch" not found'),
    ):
        done = bench(*argv)
        assert done.code == code, done
        assert words in done.err

    attached = bench("attach", "-i", inside, "-c", "reader", stdin="one\ntwo\n")
    assert (attached.code, attached.out) == (0, "got one\ngot two\nend\n")
    assert "All commands and output from this session will be recorded" in attached.err
    ended = bench("exec", inside, "-c", "reader", "--", "true")  # The Engine is asked: no node runs any more.
    assert ended.code == 1
    assert 'container not found ("reader")' in ended.err


def test_megabytes_go_in_and_out_bit_for_bit(bench: Bench, inside: str, tmp_path: Path) -> None:
    data = os.urandom(1_000_000) * MEGABYTES
    digest = hashlib.sha256(data).hexdigest()
    source = tmp_path / "data"
    source.write_bytes(data)
    command = [sys.executable, "-m", "runner", "exec", "-i", inside, "-c", "main", "--"]
    with source.open("rb") as file:
        summed = subprocess.run(
            [*command, "sha256sum"], env=bench.environ, stdin=file, capture_output=True, check=True, timeout=SECONDS
        )
    assert summed.stdout.split()[0].decode() == digest
    with source.open("rb") as file:
        echoed = subprocess.run(
            [*command, "cat"], env=bench.environ, stdin=file, capture_output=True, check=True, timeout=SECONDS
        )
    assert hashlib.sha256(echoed.stdout).hexdigest() == digest


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, bench: Bench, *argv: str) -> None:
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execve(sys.executable, [sys.executable, "-m", "runner", *argv], dict(bench.environ))
        self.seen = b""

    def size(self, columns: int, rows: int) -> None:
        ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def until(self, words: str) -> None:
        """Read on until these words have come since the last time."""
        deadline = Deadline(SECONDS)
        while words.encode() not in self.seen:
            assert deadline.remaining() != 0, f"no {words!r} in {self.seen!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                with suppress(OSError):
                    self.seen += os.read(self.master, 65536)
        self.seen = self.seen.partition(words.encode())[2]

    def flags(self) -> Any:
        return termios.tcgetattr(self.master)[3]

    def end(self) -> int:
        """Its exit code."""
        deadline = Deadline(SECONDS)
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            assert deadline.remaining() != 0, f"still running; it said {self.seen!r}"
            if select.select([self.master], [], [], 0.1)[0]:
                with suppress(OSError):
                    self.seen += os.read(self.master, 65536)


def test_a_terminal_is_passed_through_and_is_as_it_was_afterwards(bench: Bench, inside: str) -> None:
    """Keys, sizes and Ctrl-C reach the process; its exit code comes out."""
    terminal = Terminal(bench, "exec", "-it", inside, "-c", "main", "--", "sh", "-c", "echo rea''dy; exec sh")
    before = terminal.flags()
    terminal.until("ready")
    assert not terminal.flags() & termios.ECHO
    terminal.size(101, 41)
    terminal.type("until stty size | grep -q '41 101'; do sleep 1; done; echo si''zed\n")
    terminal.until("sized")
    terminal.type("trap 'echo cau''ght' INT; sh -c 'echo wai\"\"ts; exec sleep 1000'; echo af''ter\n")
    terminal.until("waits")
    terminal.type("\x03")
    terminal.until("after")
    terminal.type("exit 9\n")
    assert terminal.end() == 9
    assert terminal.flags() == before
