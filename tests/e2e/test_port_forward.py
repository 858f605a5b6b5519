"""Local ports that lead into a pod, on the real Engine."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.e2e.support import SECONDS, Bench, container, pod

pytestmark = pytest.mark.docker

LARGE, MANY = 20_000_000, 40
SERVES = (
    f"mkdir /w; echo hello > /w/index.html; head -c {LARGE} /dev/urandom > /w/large; sha256sum /w/large | cut -d' ' -f1;"
    " (while :; do nc -l -p 7000 -e sha256sum; done) & exec httpd -f -p 127.0.0.1:8080 -h /w"
)


def talk(port: int, data: bytes) -> bytes:
    """Send, close one half, and read to the end."""
    with socket.create_connection(("127.0.0.1", port), SECONDS) as link:
        link.sendall(data)
        link.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: link.recv(65536), b""))


def get(port: int, path: str) -> bytes:
    with socket.create_connection(("127.0.0.1", port), SECONDS) as link:
        link.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        answer = b"".join(iter(lambda: link.recv(65536), b""))
    return answer.partition(b"\r\n\r\n")[2]


def answers(look: Callable[[], bytes], wanted: bytes) -> bool:
    """Whether this comes; a connection that is closed or refused meanwhile is none."""
    try:
        return look() == wanted
    except OSError:
        return False


def test_ports_lead_into_the_pod_also_when_its_sandbox_was_replaced(bench: Bench) -> None:
    """Of a server on the loopback alone: megabytes, half a connection closed, many at once, one refused; then another sandbox."""
    name = bench.name("forward")
    manifest = pod(name, container("main", SERVES, ports=[{"name": "http", "containerPort": 8080}]))
    bench.start("run", bench.write(manifest), "--speed", "50")
    ready = ("wait", "--for=condition=Ready", f"pod/{name}", "--timeout", "5s")
    bench.until(lambda: bench(*ready).code == 0, "a ready pod")
    digest = bench.until(lambda: re.search(r"[0-9a-f]{64}", bench("logs", name).out), "what is served")
    forward = bench.start("port-forward", name, ":http", ":7000", ":9")
    ports = {}
    for remote in (8080, 7000, 9):
        line = forward.line("Forwarding from 127.0.0.1:", f"-> {remote}", stream="out")
        ports[remote] = int(line.split(":")[1].split(" ")[0])
    bench.until(lambda: answers(lambda: get(ports[8080], "/"), b"hello\n"), "the server")
    assert hashlib.sha256(get(ports[8080], "/large")).hexdigest() == (digest and digest[0])
    sent = bytes(range(256)) * 4096
    summed = f"{hashlib.sha256(sent).hexdigest()}  -\n".encode()
    bench.until(lambda: answers(lambda: talk(ports[7000], sent), summed), "a sum")
    with ThreadPoolExecutor(MANY) as pool:
        assert set(pool.map(lambda _: get(ports[8080], "/"), range(MANY))) == {b"hello\n"}
    assert not answers(lambda: talk(ports[9], b""), b"x")
    forward.line(
        f"an error occurred forwarding {ports[9]} -> 9", "failed to connect to localhost:9", "connection refused"
    )

    filters: dict[str, str | list[str] | bool] = {
        "label": [f"io.kubernetes.pod.name={name}", "io.kubernetes.docker.type=podsandbox"]
    }
    (before,) = bench.engine.containers.list(filters=filters)
    before.kill()
    bench.until(
        lambda: [one.id for one in bench.engine.containers.list(filters=filters)] not in ([], [before.id]), "another"
    )
    bench.until(lambda: answers(lambda: get(ports[8080], "/"), b"hello\n"), "the server in the new sandbox")
    taken = bench("port-forward", name, f"{ports[8080]}:8080")
    assert taken.code == 2
    assert f"Unable to listen on port {ports[8080]}: " in taken.err
    forward.interrupt()
    assert forward.end().code == 0
    second = bench.start("port-forward", f"pod/{name}", ":8080")
    second.line("Forwarding from 127.0.0.1:", stream="out")
    assert bench("delete", "po", name, "--grace-period", "0").code == 0
    ended = second.end()
    assert ended.code == 1
    assert "error: lost connection to pod" in ended.err
