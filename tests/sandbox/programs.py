"""The pause program as an ordinary process, and a little of the domain name system to talk to its resolver."""

from __future__ import annotations

import platform
import secrets
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from runner.clock import Deadline, Wakeup
from runner.sandbox.image import sandbox_program

DEADLINE = 10.0
"""Seconds after which something that should be immediate counts as hanging."""
A, CNAME, SOA, PTR, AAAA, SRV, OPT = 1, 5, 6, 12, 28, 33, 41


def write_program(folder: Path) -> str:
    """An executable copy of the program for this machine."""
    program = folder / "pause"
    program.write_bytes(sandbox_program(platform.machine()))
    program.chmod(0o755)
    return str(program)


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is told to end afterwards, and does."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            yield process
            assert process.poll() is None, "it has ended by itself"
            process.terminate()
            assert process.wait(DEADLINE) == 0
        finally:
            process.kill()


def free_port() -> int:
    """A port that is free for TCP and for UDP, and that the kernel does not give out as any port."""
    for _ in range(100):
        port = 10_000 + secrets.randbelow(20_000)
        try:
            with (
                closing(socket.create_server(("127.0.0.1", port))),
                closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as other,
            ):
                other.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port
    raise AssertionError("no free port")


def children_of(pid: int) -> list[int]:
    """The processes that a process has started and that have not ended."""
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found if _state(int(child)) != "Z"]


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # It ended before it was opened, or after it.
        return "Z"


def descriptors_of(pid: int) -> list[str]:
    """What a process has open beside stdin, stdout and stderr."""
    links = sorted(Path(f"/proc/{pid}/fd").iterdir(), key=lambda link: int(link.name))
    return [str(link.readlink()) for link in links if int(link.name) > 2]


def work_of(pid: int) -> int:
    """The hundredths of a second that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    deadline, never = Deadline(DEADLINE), Wakeup()
    while not condition():
        assert deadline.remaining(), f"{what} did not come"
        never.wait(0.01)


def with_descriptors(count: int, *command: str) -> tuple[str, ...]:
    """The command, as a process that may have so many descriptors."""
    return ("sh", "-c", f'ulimit -n {count}; exec "$@"', "sh", *command)


def until_listening(port: int) -> None:
    """Wait until connections are taken."""
    deadline, never = Deadline(DEADLINE), Wakeup()
    while deadline.remaining():
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            never.wait(0.01)
        else:
            return
    raise AssertionError(f"nobody listens to {port}")


def is_refused(port: int) -> bool:
    """Whether no program takes connections."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=DEADLINE).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # It was waiting for its turn when the listener closed.
    return False


# Questions and answers.


def wire_name(name: str) -> bytes:
    return b"".join(bytes([len(part)]) + part.encode() for part in name.split(".") if part) + b"\0"


def question(name: str, kind: int = A, *, number: int | None = None, size: int = 0) -> bytes:
    """A query with recursion wanted; ``size``: of the answers that are taken (0: as in the beginning)."""
    number = secrets.randbelow(65536) if number is None else number
    head = struct.pack("!6H", number, 0x0100, 1, 0, 0, 1 if size else 0)
    more = b"\0" + struct.pack("!HHIH", OPT, size, 0, 0) if size else b""
    return head + wire_name(name) + struct.pack("!HH", kind, 1) + more


def record(name: bytes, kind: int, data: bytes, ttl: int = 60) -> bytes:
    return name + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def reply(query: bytes, *records: bytes, code: int = 0) -> bytes:
    """An answer to a query (without EDNS) with these records."""
    end = read_name(query, 12)[1] + 4
    return query[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(records), 0, 0) + query[12:end] + b"".join(records)


@dataclass(frozen=True)
class Answer:
    """What came back: error code, whether it was cut, the records as (name, type, text), and who has authority."""

    number: int
    code: int
    is_cut: bool
    records: Sequence[tuple[str, int, str]]
    authority: Sequence[int]
    has_edns: bool
    name: str

    @property
    def texts(self) -> list[str]:
        return [text for _, _, text in self.records]


def read_name(message: bytes, at: int) -> tuple[str, int]:
    parts: list[str] = []
    after = 0
    while message[at]:
        if message[at] >= 0xC0:
            after = after or at + 2
            at = struct.unpack_from("!H", message, at)[0] & 0x3FFF
            continue
        parts.append(message[at + 1 : at + 1 + message[at]].decode("latin-1"))
        at += 1 + message[at]
    return ".".join(parts), after or at + 1


def _text(message: bytes, kind: int, at: int, size: int) -> str:
    if kind == A:
        return socket.inet_ntoa(message[at : at + size])
    if kind in (CNAME, PTR):
        return read_name(message, at)[0]
    if kind == SRV:
        priority, weight, port = struct.unpack_from("!3H", message, at)
        return f"{priority} {weight} {port} {read_name(message, at + 6)[0]}"
    return message[at : at + size].hex()


def read_answer(message: bytes) -> Answer:
    number, flags, questions, answers, authorities, additional = struct.unpack_from("!6H", message)
    assert flags & 0x8000, "no answer"
    at, name = 12, ""
    for _ in range(questions):
        name, at = read_name(message, at)
        at += 4
    found: list[tuple[str, int, str]] = []
    for _ in range(answers + authorities + additional):
        owner, at = read_name(message, at)
        kind, _, _, size = struct.unpack_from("!HHIH", message, at)
        at += 10
        found.append((owner, kind, _text(message, kind, at, size)))
        at += size
    assert at == len(message), "there is more in it than it says"
    return Answer(
        number=number,
        code=flags & 15,
        is_cut=bool(flags & 0x0200),
        records=found[:answers],
        authority=[kind for _, kind, _ in found[answers : answers + authorities]],
        has_edns=any(kind == OPT for _, kind, _ in found[answers + authorities :]),
        name=name,
    )


def ask_at_once(port: int, *queries: bytes) -> list[Answer]:
    """The answers to questions that are sent without waiting for any, as they come."""
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.settimeout(DEADLINE)
        for query in queries:
            client.sendto(query, ("127.0.0.1", port))
        return [read_answer(client.recv(65535)) for _ in queries]


def ask(port: int, query: bytes, *, timeout: float = DEADLINE) -> Answer:
    with closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as client:
        client.settimeout(timeout)
        client.sendto(query, ("127.0.0.1", port))
        return read_answer(client.recv(65535))


def ask_over_tcp(port: int, *queries: bytes) -> list[Answer]:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)) as client:
        answers = []
        for query in queries:
            client.sendall(struct.pack("!H", len(query)) + query)
            stream = client.makefile("rb")
            (size,) = struct.unpack("!H", stream.read(2))
            answers.append(read_answer(stream.read(size)))
        return answers
