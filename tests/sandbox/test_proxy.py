"""The proxy of a Service, run on this machine."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from runner.clock import Wakeup
from tests.sandbox.programs import (
    DEADLINE,
    children_of,
    descriptors_of,
    free_port,
    is_refused,
    running,
    until,
    until_listening,
    with_descriptors,
    work_of,
)


@contextmanager
def server(handle: Callable[[socket.socket], None]) -> Iterator[str]:
    """A TCP server that treats each connection in a thread; yields ``address:port``."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def work(connection: socket.socket) -> None:
        with closing(connection):
            connection.settimeout(DEADLINE)
            handle(connection)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=work, args=(connection,)))
            threads[-1].start()

    accepting = threading.Thread(target=accept)
    accepting.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for thread in (accepting, *threads):
            thread.join(DEADLINE)


def named(name: str) -> Callable[[socket.socket], None]:
    return lambda connection: connection.sendall(name.encode())


def echo(connection: socket.socket) -> None:
    while chunk := connection.recv(65536):
        connection.sendall(chunk)


def fetch(port: int) -> str:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)) as client:
        return b"".join(iter(lambda: client.recv(65536), b"")).decode()


def write(place: Path, *lines: str) -> None:
    place.write_text("".join(f"{line}\n" for line in (*lines, "end")))


def test_connections_take_turns_among_the_endpoints(pause: str, tmp_path: Path) -> None:
    port, table = free_port(), tmp_path / "endpoints"
    with server(named("one")) as one, server(named("two")) as two, running(pause, "proxy", str(table)):
        write(table, f"tcp {port} none {one} {two}")
        until_listening(port)
        assert {fetch(port) for _ in range(4)} == {"one", "two"}


def test_a_client_stays_with_its_endpoint_when_the_service_wants_that(pause: str, tmp_path: Path) -> None:
    port, table = free_port(), tmp_path / "endpoints"
    write(table, f"tcp {port} client 127.0.0.1:1")
    with server(named("one")) as one, server(named("two")) as two:
        write(table, f"tcp {port} client {one} {two}")
        with running(pause, "proxy", str(table)):
            until_listening(port)
            assert len({fetch(port) for _ in range(6)}) == 1


def test_large_streams_pass_in_both_directions_and_ends_are_passed_on(pause: str, tmp_path: Path) -> None:
    port, table = free_port(), tmp_path / "endpoints"
    sent = bytes(range(256)) * 32768
    with server(echo) as target, running(pause, "proxy", str(table)):
        write(table, f"tcp {port} none {target}")
        until_listening(port)
        with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)) as client:
            received: list[bytes] = []
            reader = threading.Thread(target=lambda: received.extend(iter(lambda: client.recv(65536), b"")))
            reader.start()
            client.sendall(sent)
            client.shutdown(socket.SHUT_WR)
            reader.join(DEADLINE)
        assert b"".join(received) == sent


def test_an_endpoint_that_does_not_answer_is_passed_over(pause: str, tmp_path: Path) -> None:
    """And a client that no endpoint takes gets no silence."""
    port, other, table = free_port(), free_port(), tmp_path / "endpoints"
    with server(named("one")) as one, running(pause, "proxy", str(table)):
        gone = f"127.0.0.1:{free_port()}"
        write(table, f"tcp {port} none {gone} {one}", f"tcp {other} none {gone}")
        until_listening(port)
        assert [fetch(port) for _ in range(3)] == ["one"] * 3
        until_listening(other)
        with pytest.raises(ConnectionResetError):
            fetch(other)


def test_the_table_is_followed_and_a_port_without_endpoints_is_refused(pause: str, tmp_path: Path) -> None:
    """Connections that stand stay; half of a table changes nothing."""
    port, other, table = free_port(), free_port(), tmp_path / "endpoints"
    with server(echo) as target, running(pause, "proxy", str(table)):
        write(table, f"tcp {port} none {target}")
        until_listening(port)
        with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)) as client:
            client.sendall(b"first")
            assert client.recv(100) == b"first"
            write(table, f"tcp {port} none", f"tcp {other} none {target}")
            until(lambda: is_refused(port), "a refusal")
            client.sendall(b"second")
            assert client.recv(100) == b"second"
        until_listening(other)
        table.write_text(f"tcp {port} none {target}\n")
        assert is_refused(port)
        assert not is_refused(other)
        write(table, f"tcp {port} none {target}")
        until_listening(port)
        until(lambda: is_refused(other), "a refusal")


def test_datagrams_come_back_to_whom_they_belong(pause: str, tmp_path: Path) -> None:
    port, table = free_port(), tmp_path / "endpoints"
    with (
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as target,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as first,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as second,
    ):
        target.bind(("127.0.0.1", 0))
        for one in (target, first, second):
            one.settimeout(DEADLINE)
        write(table, f"udp {port} none 127.0.0.1:{target.getsockname()[1]}", f"tcp {port} none 127.0.0.1:1")
        with running(pause, "proxy", str(table)):
            until_listening(port)
            first.sendto(b"from first", ("127.0.0.1", port))
            at_first = target.recvfrom(100)
            second.sendto(b"from second", ("127.0.0.1", port))
            at_second = target.recvfrom(100)
            assert (at_first[0], at_second[0]) == (b"from first", b"from second")
            target.sendto(b"to second", at_second[1])
            target.sendto(b"to first", at_first[1])
            assert first.recvfrom(100) == (b"to first", ("127.0.0.1", port))
            assert second.recvfrom(100) == (b"to second", ("127.0.0.1", port))
            first.sendto(b"again", ("127.0.0.1", port))
            assert target.recvfrom(100) == (b"again", at_first[1])


def test_a_broken_table_breaks_nothing(pause: str, tmp_path: Path) -> None:
    port, table = free_port(), tmp_path / "endpoints"
    with server(named("one")) as one, running(pause, "proxy", str(table)):
        write(
            table,
            "",
            "tcp",
            "tcp 0 none 127.0.0.1:80",
            "tcp 99999 none 127.0.0.1:80",
            "sctp 80 none 127.0.0.1:80",
            f"tcp {free_port()}",
            f"tcp {port} none 127.0.0.1 x:1 127.0.0.1:0 {'9' * 500} {one}",
            *(f"udp {number} none" for number in range(1, 200)),
        )
        until_listening(port)
        assert fetch(port) == "one"


def test_a_client_that_resets_its_connection_ends_it(pause: str, tmp_path: Path) -> None:
    port, table = free_port(), tmp_path / "endpoints"
    ended = threading.Event()

    def hear(connection: socket.socket) -> None:
        connection.sendall(b"hello")
        with suppress(ConnectionResetError):
            connection.recv(1)
        ended.set()

    with server(hear) as target, running(pause, "proxy", str(table)):
        write(table, f"tcp {port} none {target}")
        until_listening(port)
        with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)) as client:
            assert client.recv(100) == b"hello"
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert ended.wait(DEADLINE)


def reset(connection: socket.socket) -> None:
    """Close so that the other side is told that the connection broke."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_a_server_that_breaks_off_is_no_end_of_its_answer(pause: str, tmp_path: Path) -> None:
    """Half of an answer must not look like all of it; but what came before the break arrives."""
    port, table = free_port(), tmp_path / "endpoints"

    def break_off(connection: socket.socket) -> None:
        connection.sendall(b"half")
        with suppress(ConnectionResetError):  # The proxy may have given up by itself.
            connection.recv(100)
        reset(connection)

    with server(break_off) as target, running(pause, "proxy", str(table)):
        write(table, f"tcp {port} none {target}")
        until_listening(port)
        with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)) as client:
            assert client.recv(100) == b"half"
            client.sendall(b"more")
            with pytest.raises(ConnectionResetError):
                client.recv(100)


def test_a_client_that_breaks_off_while_the_server_does_not_read_leaves_no_process(pause: str, tmp_path: Path) -> None:
    port, table = free_port(), tmp_path / "endpoints"
    done = threading.Event()

    def hang(_: socket.socket) -> None:
        done.wait(DEADLINE)

    with server(hang) as target, running(pause, "proxy", str(table)) as process:
        write(table, f"tcp {port} none {target}")
        until_listening(port)
        before = set(children_of(process.pid))
        with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)) as client:
            client.settimeout(0.3)
            with suppress(TimeoutError):
                while True:
                    client.send(bytes(65536))
            assert set(children_of(process.pid)) - before
            reset(client)
        until(lambda: set(children_of(process.pid)) <= before, "the end of the connection")
        done.set()


def test_a_peer_that_vanished_is_noticed(pause: str, tmp_path: Path) -> None:
    """Nothing is sent on an idle connection, and its other end may be gone: both its sides are probed."""
    port, table = free_port(), tmp_path / "endpoints"
    with server(echo) as target, running(pause, "proxy", str(table)):
        write(table, f"tcp {port} none {target}")
        until_listening(port)
        with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)) as client:
            client.sendall(b"x")
            assert client.recv(1) == b"x"
            until(lambda: probed(port, 1) and probed(int(target.partition(":")[2]), 2), "a timer on both sides")


def probed(port: int, column: int) -> bool:
    """Whether an established connection from (1) or to (2) a local port has the kernel's timer that probes the peer."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[column].endswith(f":{port:04X}") and row[3] == "01" and row[5].startswith("02:") for row in rows)


def test_all_ports_may_be_replaced_at_once(pause: str, tmp_path: Path) -> None:
    table, first, later = tmp_path / "endpoints", free_port(), free_port()
    with server(named("one")) as one, running(pause, "proxy", str(table)):
        write(table, f"tcp {first} none {one}", *(f"udp {number} none" for number in range(1, 64)))
        until_listening(first)
        write(table, *(f"udp {number} none" for number in range(101, 164)), f"tcp {later} none {one}")
        until_listening(later)
        until(lambda: is_refused(first), "the end of the old port")


def test_a_port_that_was_taken_is_listened_to_once_it_is_free(pause: str, tmp_path: Path) -> None:
    port, table = free_port(), tmp_path / "endpoints"
    with server(named("one")) as one, running(pause, "proxy", str(table)):
        other = free_port()
        with closing(socket.create_server(("127.0.0.1", port))):
            write(table, f"tcp {port} none {one}", f"tcp {other} none {one}")
            until_listening(other)
        until_listening(port)
        assert fetch(port) == "one"


def test_a_connection_has_its_own_descriptors_alone(pause: str, tmp_path: Path) -> None:
    """Its process would else keep ports and clients of others open."""
    port, table = free_port(), tmp_path / "endpoints"
    with (
        server(echo) as target,
        closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client,
        running(pause, "proxy", str(table)) as process,
    ):
        write(table, f"tcp {port} none {target}", f"udp {port} none 127.0.0.1:1")
        until_listening(port)
        client.sendto(b"x", ("127.0.0.1", port))
        with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)) as connection:
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
            until(lambda: len(children_of(process.pid)) == 1, "the end of the first connection")
            open_there = descriptors_of(children_of(process.pid)[0])
        assert len(open_there) == 2, open_there
        assert all(name.startswith("socket:") for name in open_there)


@pytest.mark.parametrize("count", [6, 7, 20])
def test_a_proxy_without_descriptors_waits_for_some(pause: str, tmp_path: Path, count: int) -> None:
    """A client that cannot be taken must not keep a processor busy; with enough for one at a time all are served."""
    port, table = free_port(), tmp_path / "endpoints"
    with (
        server(named("one")) as one,
        running(*with_descriptors(count, pause, "proxy", str(table))) as process,
    ):
        write(table, f"tcp {port} none {one}")
        until_listening(port)
        with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)):
            before = work_of(process.pid)
            Wakeup().wait(0.3)
            assert work_of(process.pid) - before < 10
        if count == 20:
            assert fetch(port) == "one"
