"""Servers on the loopback that stand for a pod, and an Engine whose containers are processes of this machine."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.core.model import Pod
from runner.engine.protocol import ExecResult, ExecTimeout, Untagged
from runner.errors import EngineError, EngineRefusal
from runner.kubelet.prober.handlers import Target

POD_IP = "127.0.0.1"
PATIENT = 60
"""Seconds of a time-out that is not to pass, however busy the machine is."""
DEADLINE = 20.0

Respond = Callable[[str], bytes | None]
"""The bytes that answer a request's head; None: no answer until the client gives up."""


def target(container: dict[str, Any] | None = None, *, pod_ip: str = POD_IP, host_network: bool = False) -> Target:
    """A running container ``c`` of pod ``p``."""
    pod = Pod.from_json(
        {
            "metadata": {"name": "p", "namespace": "ns", "uid": "uid"},
            "spec": {"hostNetwork": host_network, "containers": [{"name": "c", "image": "i"} | (container or {})]},
        }
    )
    return Target(pod=pod, container=pod.containers[0], container_id="container", sandbox_id="sandbox", pod_ip=pod_ip)


def answer(status: str, body: str = "", **headers: str) -> bytes:
    """An HTTP response; underscores in header names become dashes."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@dataclass
class Server:
    """A server with what it was asked so far."""

    port: int
    requests: list[str] = field(default_factory=list)


@contextlib.contextmanager
def serve(respond: Respond, *, tls: bool = False) -> Iterator[Server]:
    """Answer every connection once, each in its own thread."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).parent / "server.pem")
    threads: list[threading.Thread] = []
    stopped = threading.Event()

    def handle(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            connection.settimeout(DEADLINE)
            end = stack.enter_context(context.wrap_socket(connection, server_side=True)) if tls else connection
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                piece = end.recv(65536)
                if not piece or piece[:1] == b"\x16":  # the start of a TLS handshake
                    head = head or piece
                    break
                head += piece
            server.requests.append(head.decode("utf-8", "replace"))
            response = respond(server.requests[-1])
            if response is None:
                end.recv(1)
            else:
                end.sendall(response)

    def accept() -> None:
        while not stopped.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                threads.append(threading.Thread(target=handle, args=(connection,)))
                threads[-1].start()

    with socket.create_server((POD_IP, 0)) as listener:
        listener.settimeout(0.05)
        server = Server(listener.getsockname()[1])
        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield server
        finally:
            stopped.set()
            acceptor.join(DEADLINE)
            for thread in threads:
                thread.join(DEADLINE)
                assert not thread.is_alive(), "a connection was left open"


def closed_port() -> int:
    """A port where nothing listens."""
    with socket.create_server((POD_IP, 0)) as listener:
        return int(listener.getsockname()[1])


class ProcessStream:
    """A process as an exec."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0
        )
        self.errors = b""

    def read(self, size: int) -> bytes:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        try:
            piece = self._process.stdout.read(size) or b""
            if not piece:
                self.errors = self._process.stderr.read()
        except ValueError:
            return b""
        return piece

    def write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(data)
        except (OSError, ValueError) as problem:
            raise EngineRefusal(str(problem)) from problem

    def end_input(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def give_back(self) -> None:
        self.close()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe is not None
            pipe.close()


class ProcessEngine(Untagged):
    """Runs what would be run in a container on this machine; ``program`` is what the sandbox has as /pause."""

    def __init__(self, program: str = "/nonexistent") -> None:
        self._program = program
        self._streams: list[ProcessStream] = []
        self.execs: list[list[str]] = []
        self.problem: EngineError | None = None

    def _command(self, command: Sequence[str]) -> list[str]:
        self.execs.append(list(command))
        if self.problem is not None:
            raise self.problem
        return [self._program if word == "/pause" else word for word in command]

    def exec(self, container_id: str, command: Sequence[str], *, timeout: float | None, limit: int) -> ExecResult:
        assert container_id
        try:
            ended = subprocess.run(self._command(command), capture_output=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as problem:
            raise ExecTimeout(str(problem)) from problem
        except OSError as problem:
            text = f"OCI runtime exec failed: exec failed: {problem}\r\n"
            return ExecResult(exit_code=126, output=text.encode())
        return ExecResult(exit_code=ended.returncode, output=(ended.stdout + ended.stderr)[:limit], stderr=ended.stderr)

    def exec_stream(self, container_id: str, command: Sequence[str]) -> ProcessStream:
        assert container_id == "sandbox"
        stream = ProcessStream(self._command(command))
        self._streams.append(stream)
        return stream

    def close(self) -> None:
        for stream in self._streams:
            stream.give_back()
