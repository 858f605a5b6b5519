"""The pause program itself, run on this machine: pausing, checking and relaying."""

from __future__ import annotations

import select
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

DEADLINE = 10.0
"""Seconds after which something that should be immediate counts as hanging."""


@contextmanager
def serve(handle: Callable[[socket.socket], None], family: socket.AddressFamily = socket.AF_INET) -> Iterator[str]:
    """A server on a loopback port that treats one connection; yields the port as text and joins the handler."""

    def accept() -> None:
        connection, _ = listener.accept()
        with closing(connection):
            connection.settimeout(DEADLINE)
            handle(connection)

    listener = socket.create_server(("127.0.0.1" if family == socket.AF_INET else "::1", 0), family=family)
    listener.settimeout(DEADLINE)
    with closing(listener):
        thread = threading.Thread(target=accept)
        thread.start()
        yield str(listener.getsockname()[1])
        thread.join(DEADLINE)
        assert not thread.is_alive(), "the server still waits for the relay"


@contextmanager
def started(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A running process with three pipes that is gone afterwards."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def run(*command: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Runs a command that ends by itself."""
    return subprocess.run(command, input=given, capture_output=True, timeout=DEADLINE, check=False)


def receive_all(connection: socket.socket) -> bytes:
    """Everything until the other side ends its direction."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def until_closed(connection: socket.socket) -> None:
    """A server that listens to the end and says nothing."""
    receive_all(connection)


def unused_port() -> str:
    """A port where nothing listened a moment ago."""
    with closing(socket.create_server(("127.0.0.1", 0))) as probe:
        return str(probe.getsockname()[1])


def wait_until_paused(process: subprocess.Popen[bytes]) -> None:
    """Waits until the process sleeps: there is nothing that the program sleeps in before it waits for signals."""
    status = Path(f"/proc/{process.pid}/stat")
    for _ in range(int(DEADLINE * 100)):
        if status.read_text().rpartition(")")[2].split()[0] == "S":
            return
        select.select([], [], [], 0.01)
    raise AssertionError("the program does not wait for signals")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_pause_waits_for_a_stop_signal_and_then_ends_well(pause: str, sent: signal.Signals) -> None:
    with started(pause) as process:
        wait_until_paused(process)
        assert process.poll() is None
        process.send_signal(signal.SIGCHLD)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
        process.send_signal(sent)
        assert process.wait(DEADLINE) == 0


def test_version_goes_to_stdout(pause: str) -> None:
    done = run(pause, "-v")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"pause 4\n", b"")


@pytest.mark.parametrize(
    "arguments",
    [
        ("-x",),
        ("relay",),
        ("relay", "127.0.0.1"),
        ("relay", "127.0.0.1", "0"),
        ("relay", "127.0.0.1", "65536"),
        ("relay", "127.0.0.1", "80a"),
        ("relay", "127.0.0.1", ""),
        ("relay", "127.0.0.1", "80", "-1"),
        ("relay", "127.0.0.1", "80", "4294967300"),
        ("relay", "127.0.0.1", "80", "1", "more"),
        ("dance", "127.0.0.1", "80"),
    ],
)
def test_wrong_arguments_are_exit_code_two_and_one_line(pause: str, arguments: tuple[str, ...]) -> None:
    done = run(pause, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr == b"usage: pause [-v | {check|relay} HOST PORT [SECONDS]]\n"


@pytest.mark.parametrize("verb", ["relay", "check"])
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_refused_connection_is_exit_code_one_and_one_line(pause: str, verb: str, host: str) -> None:
    port = unused_port()
    done = run(pause, verb, host, port)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == f"pause: {host}:{port}: connection refused\n".encode()


@pytest.mark.parametrize("host", ["example.org", "127.1", "", "fe80::1%lo", "x" * 1000])
def test_host_that_is_no_numeric_address_is_named_in_one_line(pause: str, host: str) -> None:
    done = run(pause, "relay", host, "80")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(f"pause: {host}"[:200].encode())
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.endswith(b"\n")


def test_check_ends_well_as_soon_as_the_connection_stands(pause: str) -> None:
    """It neither waits for the server nor sends anything."""
    received: list[bytes] = []
    with serve(lambda connection: received.append(receive_all(connection))) as port:
        done = run(pause, "check", "127.0.0.1", port)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert received == [b""]


@pytest.mark.parametrize(
    ("host", "family"),
    [
        ("127.0.0.1", socket.AF_INET),
        ("localhost", socket.AF_INET),
        ("::1", socket.AF_INET6),
        ("localhost", socket.AF_INET6),
    ],
)
def test_relay_passes_the_end_of_stdin_on_and_still_hears_the_answer(
    pause: str, host: str, family: socket.AddressFamily
) -> None:
    """The server answers only when it has seen the client's end of file, so the connection must be half closed."""
    with serve(lambda connection: connection.sendall(receive_all(connection).upper()), family) as port:
        done = run(pause, "relay", host, port, given=b"hello sandbox")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"HELLO SANDBOX", b"")


def test_relay_loses_nothing_of_a_stream_larger_than_every_buffer(pause: str) -> None:
    """The server echoes while it receives: a relay that only writes or only reads would stand still for ever."""

    def echo(connection: socket.socket) -> None:
        while chunk := connection.recv(65536):
            connection.sendall(chunk)

    sent = bytes(range(256)) * 65536
    with serve(echo) as port:
        done = run(pause, "relay", "127.0.0.1", port, given=sent)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == sent


def test_relay_is_interactive_in_both_directions(pause: str) -> None:
    """Each side speaks before the other has ended."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"who?")
        name = connection.recv(100)
        connection.sendall(b"hello " + name)
        receive_all(connection)

    with serve(answer) as port, started(pause, "relay", "127.0.0.1", port) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.read(4) == b"who?"
        process.stdin.write(b"me")
        process.stdin.flush()
        assert process.stdout.read(8) == b"hello me"
        process.stdin.close()
        assert process.stdout.read() == b""
        assert process.wait(DEADLINE) == 0


def test_relay_still_delivers_stdin_after_the_server_has_ended_its_direction(pause: str, tmp_path: Path) -> None:
    sent = bytes(range(256)) * 32768
    given = tmp_path / "stdin"
    given.write_bytes(sent)
    received: list[bytes] = []

    def half_close_then_listen(connection: socket.socket) -> None:
        connection.sendall(b"bye")
        connection.shutdown(socket.SHUT_WR)
        received.append(receive_all(connection))

    with serve(half_close_then_listen) as port, given.open("rb") as stdin:
        done = subprocess.run(
            [pause, "relay", "127.0.0.1", port], stdin=stdin, capture_output=True, timeout=DEADLINE, check=False
        )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"bye", b"")
    assert received == [sent]


def test_relay_ends_by_itself_when_the_server_has_closed_and_the_client_is_silent(pause: str) -> None:
    """stdin stays open for ever: nothing else would end the process."""
    with (
        serve(lambda connection: connection.sendall(b"bye")) as port,
        started(pause, "relay", "127.0.0.1", port) as process,
    ):
        assert process.stdout is not None
        assert process.stdout.read() == b"bye"
        assert process.wait(DEADLINE) == 0


def test_relay_ends_when_nobody_reads_its_output_any_more(pause: str) -> None:
    """The server stays silent and never closes; the reader's end alone must end the process."""
    with (
        serve(until_closed) as port,
        started(pause, "relay", "127.0.0.1", port) as process,
    ):
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(DEADLINE) == 0


def test_connection_that_breaks_is_exit_code_one_and_one_line(pause: str) -> None:
    """A server that closes with unread bytes makes its kernel send a reset."""

    def reset(connection: socket.socket) -> None:
        connection.recv(1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")

    with serve(reset) as port, started(pause, "relay", "127.0.0.1", port) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"anything")
        process.stdin.flush()
        assert process.wait(DEADLINE) == 1
        assert process.stderr.read() == f"pause: 127.0.0.1:{port}: connection reset by peer\n".encode()


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_server_does_not_become_what_was_closed(pause: str, closed: str) -> None:
    """Its connection would get the first free number, and what it sends would come back to it."""
    received: list[bytes] = []

    def hear(connection: socket.socket) -> None:
        connection.sendall(b"secret")
        connection.shutdown(socket.SHUT_WR)
        received.append(receive_all(connection))

    with serve(hear) as port:
        done = run("sh", "-c", f'exec "$@" {closed}', "sh", pause, "relay", "127.0.0.1", port, "5")
    assert received == [b""]
    assert done.returncode == 0


def test_limit_ends_a_relay_whose_server_never_answers(pause: str) -> None:
    """The client is gone (stdin ended), the server accepts and hangs."""
    finished = threading.Event()

    def hang(_: socket.socket) -> None:
        finished.wait(DEADLINE)

    with serve(hang) as port:
        done = run(pause, "relay", "127.0.0.1", port, "1")
        finished.set()
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == f"pause: 127.0.0.1:{port}: timed out\n".encode()
