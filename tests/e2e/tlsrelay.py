"""The real Engine as if it were on another machine: TLS on loopback before its socket, as a daemon with --tlsverify has it."""

from __future__ import annotations

import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

_PIECE = 65536


def certificate(folder: Path) -> None:
    """ca.pem, cert.pem and key.pem, as DOCKER_CERT_PATH has them: one certificate, for both ends, that vouches for itself."""
    folder.mkdir()
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=engine")
    files = ("-keyout", folder / "key.pem", "-out", folder / "cert.pem")
    subprocess.run(
        ["openssl", "req", "-x509", *kind, "-addext", "subjectAltName=IP:127.0.0.1", *files],
        check=True,
        capture_output=True,
    )
    (folder / "ca.pem").write_bytes((folder / "cert.pem").read_bytes())


class _Connection:
    """One connection: a thread for each direction. The end of either half is passed on, and the other half goes on."""

    def __init__(self, client: socket.socket, engine: socket.socket, context: ssl.SSLContext) -> None:
        self._client, self._engine = client, engine
        self._coded, self._answers = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._coded, self._answers, server_side=True)
        self._lock = threading.Lock()  # of the three above: one thread at a time may use them

    def run(self) -> None:
        with closing(self._client), closing(self._engine), suppress(OSError):
            if not self._shake_hands():
                return
            back = threading.Thread(target=self._outward, daemon=True)
            back.start()
            self._inward()
            back.join()

    def _shake_hands(self) -> bool:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                self._client.sendall(self._answers.read())
                if not (data := self._client.recv(_PIECE)):
                    return False
                self._coded.write(data)
            else:
                self._client.sendall(self._answers.read())
                return True

    def _inward(self) -> None:
        with suppress(OSError):
            self._engine.sendall(self._plain())
            while data := self._client.recv(_PIECE):
                with self._lock:
                    self._coded.write(data)
                self._engine.sendall(self._plain())
        with suppress(OSError):
            self._engine.shutdown(socket.SHUT_WR)

    def _plain(self) -> bytes:
        found = bytearray()
        with self._lock, suppress(ssl.SSLError):  # no whole record is left
            while piece := self._tls.read(_PIECE):
                found += piece
        return bytes(found)

    def _outward(self) -> None:
        with suppress(OSError):
            while data := self._engine.recv(_PIECE):
                with self._lock:
                    self._tls.write(data)
                    coded = self._answers.read()
                self._client.sendall(coded)
        with suppress(OSError):
            self._client.shutdown(socket.SHUT_WR)


@contextmanager
def tls_in_front_of(path: str, folder: Path) -> Iterator[str]:
    """The address of a TLS server that leads to the Engine's socket, for clients that have the certificate in the folder."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)

    def serve() -> None:
        with suppress(OSError):  # the listener was closed
            while True:
                client, _ = listener.accept()
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(path)
                threading.Thread(target=_Connection(client, engine, context).run, daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
