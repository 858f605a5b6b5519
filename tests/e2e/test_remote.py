"""Into containers of an Engine that is reached over TLS: bytes, and the end of input, pass as on its own machine."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile

import pytest

from tests.e2e.support import SECONDS, Bench, container, pod
from tests.e2e.test_port_forward import talk
from tests.e2e.tlsrelay import certificate, tls_in_front_of

pytestmark = pytest.mark.docker

MEGABYTES = 20
SERVES = "(while :; do nc -l -p 7000 -e sha256sum; done) & trap 'exit 0' TERM; while :; do sleep 1; done"
READS = "while read x; do echo got $x; done; echo end; sleep 3600"


def test_what_goes_into_a_pod_ends_there_also_over_tls(
    bench: Bench, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """exec both ways, tar into a container, cp both ways, a server that waits for the end of its input, attach."""
    if not bench.address.startswith("unix://"):
        pytest.skip("the Engine has no socket on this machine")
    folder = tmp_path_factory.mktemp("tls") / "certificate"
    certificate(folder)
    with tls_in_front_of(bench.address.removeprefix("unix://"), folder) as address:
        bench.address = address
        monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
        monkeypatch.setenv("DOCKER_CERT_PATH", str(folder))
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(folder / "of-others.pem"))  # the Engine's own authority counts
        try_everything(bench)


def try_everything(bench: Bench) -> None:
    name = bench.name("remote")
    reader = container("reader", READS, stdin=True, stdinOnce=True)
    path = bench.write(pod(name, container("main", SERVES), reader, terminationGracePeriodSeconds=1))
    done = bench("run", path, "--until", "ready", "--keep", "always")
    assert done.code == 0, done.err

    data = os.urandom(1_000_000) * MEGABYTES

    def piped(given: bytes, *command: str) -> bytes:
        argv = [sys.executable, "-m", "runner", "exec", "-i", name, "-c", "main", "--", *command]
        return subprocess.run(
            argv, env=bench.environ, input=given, stdout=subprocess.PIPE, check=True, timeout=SECONDS
        ).stdout

    assert piped(data, "cat") == data
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo("packed")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    assert piped(packed.getvalue(), "tar", "x", "-C", "/tmp") == b""

    back, digest = bench.directory / "back", hashlib.sha256(data).hexdigest()
    assert bench("cp", f"{name}:/tmp/packed", str(back), "-c", "main").code == 0
    assert back.read_bytes() == data
    assert bench("cp", str(back), f"{name}:/tmp/again", "-c", "main").code == 0
    assert piped(b"", "sha256sum", "/tmp/again").split()[0].decode() == digest

    forward = bench.start("port-forward", name, ":7000")
    port = int(forward.line("Forwarding from 127.0.0.1:", stream="out").split(":")[1].split(" ")[0])
    bench.until(lambda: talk(port, data) == f"{digest}  -\n".encode(), "the sum of what was sent")
    forward.interrupt()
    assert forward.end().code == 0

    attached = bench.start("attach", "-i", name, "-c", "reader", stdin="one\ntwo\n")
    attached.line("end", stream="out")
    assert attached.text("out") == "got one\ngot two\nend\n"
    attached.interrupt()
    attached.end()
    assert bench("delete", "pod", name, "--grace-period", "0").code == 0
    bench.assert_nothing_left(name)
