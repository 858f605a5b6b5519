"""Finds the way to a pod's address: directly, or through the pod's sandbox where its network is not reachable from here.

With Docker Desktop, a VM or a remote machine, a pod's address leads nowhere from here, or elsewhere. ``Reach`` does not guess
from the platform or the Engine's address; it tries, once for each kind of network.
"""

from __future__ import annotations

import contextlib
import math
import socket
import threading
from collections.abc import Iterator
from typing import Final

from runner.clock import Deadline
from runner.core.labels import SANDBOX_CONTAINER
from runner.engine.protocol import ExecStream, ExecTimeout
from runner.errors import EngineError, EngineRefusal, is_out_of_files
from runner.kubelet.prober.handlers.contract import ExecEngine, Target
from runner.kubelet.prober.handlers.dialing import Connection, DialError, dial_direct, join_host_port
from runner.kubelet.prober.handlers.relay import PROGRAM, UNLIMITED_SECONDS, LocalPort, RelayConnection, relay_trouble

_TRIED_SECONDS: Final = 1
_ENGINE_SECONDS: Final = 10.0
"""How many seconds an exec may take beyond its command's own timeout."""

_LINE_LIMIT: Final = 4096


def _numeric(host: str, port: int) -> str:
    """An address for the sandbox's program, which has no resolver. Raises DialError."""
    if host == "localhost":
        return host
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise DialError(f"dial tcp: lookup {host}: no such host") from problem
    return str(found[0][4][0])


class Reach:
    """Connects to pods. ``direct`` says whether directly; None: the first connection finds out."""

    def __init__(self, engine: ExecEngine, *, direct: bool | None = None) -> None:
        self._engine = engine
        self._direct = direct
        self._found: dict[bool, bool] = {}  # by whether the pod is in the host's network
        self._lock = threading.Lock()

    # --- connecting --------------------------------------------------------------------------------------------------

    def dial(self, target: Target, host: str, port: int, seconds: float | None) -> Connection:
        """Connect to a port. Raises DialError, and EngineError when the sandbox cannot be used.

        On the way through the sandbox a server that cannot be reached shows first as an end of the stream, then as
        the connection's ``trouble``; the deadline starts when the exec has started.
        """
        if not self._through_sandbox(target, host):
            return dial_direct(host, port, seconds)
        stream = self._relay(target, host, port, seconds)
        return RelayConnection(stream, join_host_port(host, port), Deadline(seconds))

    def check(self, target: Target, host: str, port: int, seconds: int) -> None:
        """Open a connection and close it. Raises DialError, and EngineError when the sandbox cannot be used."""
        if not self._through_sandbox(target, host):
            dial_direct(host, port, seconds).close()
            return
        peer = join_host_port(host, port)
        trouble = self._ask_sandbox(target, _numeric(host, port), port, seconds, peer)
        if trouble is not None:
            raise trouble

    @contextlib.contextmanager
    def address(self, target: Target, host: str, port: int, seconds: float) -> Iterator[tuple[str, int]]:
        """An address where a client that connects by itself finds the port, as long as the context lasts."""
        if not self._through_sandbox(target, host):
            yield host, port
            return
        local = LocalPort(lambda: self._relay(target, host, port, seconds))
        try:
            yield "127.0.0.1", local.port
        finally:
            local.close()

    def _relay(self, target: Target, host: str, port: int, seconds: float | None) -> ExecStream:
        # Longer than the caller waits, so that the caller's own deadline passes first.
        life = UNLIMITED_SECONDS if seconds is None else math.ceil(min(seconds, UNLIMITED_SECONDS)) + 1
        command = [PROGRAM, "relay", _numeric(host, port), str(port), str(life)]
        return self._sandbox(target).exec_stream(target.sandbox_id, command)

    def _ask_sandbox(self, target: Target, host: str, port: int, seconds: int, peer: str) -> DialError | None:
        """Let the sandbox connect. Raises EngineError when its program gives no answer."""
        command = [PROGRAM, "check", host, str(port), str(min(seconds, UNLIMITED_SECONDS))]
        try:
            answer = self._sandbox(target).exec(
                target.sandbox_id, command, timeout=seconds + _ENGINE_SECONDS, limit=_LINE_LIMIT
            )
        except ExecTimeout:
            return DialError(f"dial tcp {peer}: i/o timeout", timed_out=True)
        if answer.exit_code == 0:
            return None
        if answer.exit_code != 1 or not answer.output.startswith(b"pause: "):
            text = answer.output.decode("utf-8", "replace").strip()
            raise EngineRefusal(f"the sandbox cannot open connections: {text or f'exit code {answer.exit_code}'}")
        return relay_trouble(answer.output, peer) or DialError(f"dial tcp {peer}: connect: failed")

    def _sandbox(self, target: Target) -> ExecEngine:
        return self._engine.of(target.pod, SANDBOX_CONTAINER)

    # --- which way ---------------------------------------------------------------------------------------------------

    def _through_sandbox(self, target: Target, host: str) -> bool:
        # The node connects to any other host, and we are the node. In the host's network that is every host.
        if host != target.pod_ip and not target.pod.host_network:
            return False
        return not self.is_direct(target)

    def is_direct(self, target: Target) -> bool:
        """Whether the pod's address leads to the pod from here."""
        if self._direct is not None:
            return self._direct
        kind = target.pod.host_network
        with self._lock:
            found = self._found.get(kind)
            if found is None:
                found = self._meets(target)
                if found is None:
                    return True  # the sandbox cannot connect just now, so we have learned nothing
                self._found[kind] = found
            return found

    def _meets(self, target: Target) -> bool | None:
        """Let the sandbox connect to a port that we open: a peer that comes from the pod's address can be reached there.

        The other direction proves less: a router may refuse for an address that it does not know, and another network
        of this machine may have the same addresses. None when the sandbox gives no answer.
        """
        ours = "127.0.0.1" if target.pod.host_network else _own_address(target.pod_ip)
        with contextlib.ExitStack() as cleanup:
            try:
                family = socket.AF_INET6 if ":" in ours else socket.AF_INET
                listener = cleanup.enter_context(socket.create_server((ours, 0), family=family))
            except OSError as problem:
                return None if is_out_of_files(problem) else False
            port = listener.getsockname()[1]
            try:
                trouble = self._ask_sandbox(target, ours, port, _TRIED_SECONDS, join_host_port(ours, port))
            except EngineError:
                return None
            listener.setblocking(False)
            try:
                guest, (address, *_) = listener.accept()
            except BlockingIOError:
                return False
            guest.close()
            return trouble is None and (target.pod.host_network or address == target.pod_ip)


def _own_address(pod_ip: str) -> str:
    """The address from which this machine would speak to a pod, found without sending anything; the loopback without a route."""
    family = socket.AF_INET6 if ":" in pod_ip else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect((pod_ip, 1))
        return str(probe.getsockname()[0])
    return "127.0.0.1"
