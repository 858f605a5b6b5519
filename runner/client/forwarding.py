"""``port-forward``: local ports that lead into a pod, through the sandbox's program, on every kind of Engine.

As a kubelet does it the other end is ``localhost`` in the pod's network, so what listens there alone is reached too. Mirrors
client-go tools/portforward/portforward.go in what is said; unlike it a connection that fails inside ends nothing else, and a
sandbox that was replaced is found again.
"""

from __future__ import annotations

import errno
import selectors
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from runner.clock import Wakeup
from runner.core.labels import DOCKER_TYPE, POD_UID, SANDBOX_CONTAINER, TYPE_SANDBOX
from runner.core.network.forwards import LOOPBACKS, Forward
from runner.engine.protocol import EngineState
from runner.errors import EngineError, EngineRefusal, UsageError, is_out_of_files
from runner.kubelet.prober.handlers.relay import PROGRAM, UNLIMITED_SECONDS

if TYPE_CHECKING:
    from runner.core.model import Object, Pod
    from runner.engine.protocol import Engine, ExecStream

_PIECE: Final = 65536
_BACKLOG: Final = 256
_FIRST_WAIT, _LONGEST_WAIT = 0.1, 2.0
_PATIENCE: Final = 30.0
"""Seconds in which a sandbox may be replaced before a connection is given up."""
Tell = Callable[[str], None]


class Forwarding:
    """Some local ports that lead into a pod as long as it is open. ``ports`` tells which local one leads where.

    ``tell`` hears what kubectl prints, ``complain`` what goes wrong. Raises UsageError when no port can be opened.
    """

    def __init__(
        self, engine: Engine, pod: Pod, wanted: Sequence[Forward], addresses: Sequence[str], tell: Tell, complain: Tell
    ) -> None:
        self._engine = engine.of(pod, SANDBOX_CONTAINER)
        self._pod = pod
        self._tell, self._complain = tell, complain
        self._sandbox = ""
        self._lock = threading.Lock()
        self._stopped = Wakeup()
        self._is_closed = False
        self._open: set[_Connection] = set()
        self._selector = selectors.DefaultSelector()
        self._waker, self._woken = socket.socketpair()
        self._selector.register(self._woken, selectors.EVENT_READ)
        self.ports: list[Forward] = []
        for one in wanted:
            self._listen(one, addresses)
        if not self.ports:
            self._give_back()
            asked = " ".join(f"{{{one.local} {one.remote}}}" for one in wanted)
            raise UsageError(f"unable to listen on any of the requested ports: [{asked}]")
        self._thread = threading.Thread(target=self._accept, name="podrunner-forward", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the ports and every connection through them."""
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
            connections = list(self._open)
        self._stopped.set()
        self._waker.send(b"x")
        for one in connections:
            one.close()
        self._thread.join()
        self._give_back()

    def _give_back(self) -> None:
        for key in list(self._selector.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._selector.close()
        self._waker.close()

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    # --- listening ----------------------------------------------------------------------------------------------------

    def _listen(self, wanted: Forward, addresses: Sequence[str]) -> None:
        local, failures, is_open = wanted.local, [], False
        for address in addresses:
            try:
                listener = _listener(address, local)
            except OSError as problem:
                if is_open and address in LOOPBACKS:
                    continue  # A machine may have one of the two alone.
                kind, shown = ("tcp6", f"[{address}]") if ":" in address else ("tcp4", address)
                failures.append(
                    f"unable to create listener: Error listen {kind} {shown}:{local}: bind: {_words(problem)}"
                )
                continue
            is_open, local = True, listener.getsockname()[1]
            self._selector.register(listener, selectors.EVENT_READ, Forward(local, wanted.remote))
            self._tell(f"Forwarding from {f'[{address}]' if ':' in address else address}:{local} -> {wanted.remote}")
        if is_open:
            self.ports.append(Forward(local, wanted.remote))
        else:
            words = f"Listeners failed to create with the following errors: [{' '.join(failures)}]"
            self._complain(f"Unable to listen on port {local}: {words}")

    def _accept(self) -> None:
        while not self._is_closed:
            for key, _ in self._selector.select():
                if key.data is None or self._is_closed:
                    continue
                assert isinstance(key.fileobj, socket.socket)
                try:
                    client, _address = key.fileobj.accept()
                except OSError as problem:
                    if is_out_of_files(problem):
                        self._complain("too many open files: a connection waits")
                        self._stopped.wait(1.0)
                    continue
                client.setblocking(True)
                self._tell(f"Handling connection for {key.data.local}")
                _Connection(self, client, key.data).start()

    # --- into the pod -------------------------------------------------------------------------------------------------

    def joined(self, one: _Connection) -> bool:
        """Note a connection; False when all are being closed."""
        with self._lock:
            if not self._is_closed:
                self._open.add(one)
            return not self._is_closed

    def left(self, one: _Connection) -> None:
        """Forget a connection that has ended."""
        with self._lock:
            self._open.discard(one)

    def stream(self, port: int) -> ExecStream:
        """A way to a port of the pod's network, through the sandbox that runs now. Raises EngineError."""
        wait, waited = _FIRST_WAIT, 0.0
        command = [PROGRAM, "relay", "localhost", str(port), str(UNLIMITED_SECONDS)]
        while True:
            try:
                return self._engine.exec_stream(self._running(), command)
            except EngineError as problem:
                with self._lock:
                    self._sandbox = ""
                if self._is_closed or waited >= _PATIENCE:
                    raise
                if not waited:
                    self._complain(f"pod {self._pod.name} cannot be reached just now, trying again: {problem}")
                self._stopped.wait(wait)
                waited, wait = waited + wait, min(2 * wait, _LONGEST_WAIT)

    def _running(self) -> str:
        with self._lock:
            known = self._sandbox
        if known:
            return known
        rows = self._engine.list_containers({POD_UID: self._pod.uid, DOCKER_TYPE: TYPE_SANDBOX})
        found = next((one.id for one in rows if one.state is EngineState.RUNNING), None)
        if found is None:
            raise EngineRefusal("it has no running sandbox")
        with self._lock:
            self._sandbox = found
        return found

    def failed(self, port: Forward, why: str) -> None:
        """Tell of a connection that did not come about."""
        self._complain(f"an error occurred forwarding {port.local} -> {port.remote}: {why}")

    def refused(self, port: Forward, text: bytes) -> None:
        """Tell what the program in the sandbox said."""
        reason = text.decode("utf-8", "replace").strip().rpartition(": ")[2]
        self.failed(port, f"failed to connect to localhost:{port.remote} inside pod {self._pod.name}: {reason}")


def refuse_stopped(value: Object) -> None:
    """Raise UsageError, in kubectl's words, for a pod that does not run."""
    phase = (value.get("status") or {}).get("phase") or "Pending"
    if phase != "Running":
        raise UsageError(f"unable to forward port because pod is not running. Current status={phase}")


class _Connection:
    """One connection: a thread for each direction, and nothing is read before what was read has been passed on."""

    def __init__(self, forwarding: Forwarding, client: socket.socket, port: Forward) -> None:
        self._forwarding = forwarding
        self._client = client
        self._port = port
        self._stream: ExecStream | None = None

    def start(self) -> None:
        threading.Thread(target=self._run, name="podrunner-forward-in", daemon=True).start()

    def _run(self) -> None:
        forwarding = self._forwarding
        try:
            if not forwarding.joined(self):
                return
            self._stream = stream = forwarding.stream(self._port.remote)
            outward = threading.Thread(target=self._out, args=(stream,), name="podrunner-forward-out", daemon=True)
            outward.start()
            with suppress(OSError):
                while data := stream.read(_PIECE):
                    self._client.sendall(data)
            self.close()
            outward.join()
            if stream.errors:
                forwarding.refused(self._port, stream.errors)
        except EngineError as problem:
            forwarding.failed(self._port, str(problem))
        finally:
            self.close()
            self._client.close()
            if self._stream is not None:
                self._stream.close()
            forwarding.left(self)

    def _out(self, stream: ExecStream) -> None:
        with suppress(OSError, EngineError):
            while data := self._client.recv(_PIECE):
                stream.write(data)
            stream.end_input()

    def close(self) -> None:
        """End it, from any thread: what waits on either side wakes."""
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_RDWR)
        if self._stream is not None and self._forwarding.is_closed:
            self._stream.close()


def _listener(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = socket.create_server((address, port), family=family, backlog=_BACKLOG)
    listener.setblocking(False)
    return listener


def _words(problem: OSError) -> str:
    if problem.errno == errno.EADDRINUSE:
        return "address already in use"
    return (problem.strerror or str(problem)).lower()
