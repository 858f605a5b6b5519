"""Files into containers and out of them, on the real Engine."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tests.e2e.support import SERVE, Bench, container, mounted, pod
from tests.support.tars import HOSTILE, whole

pytestmark = pytest.mark.docker

FILLS = "echo own > /own; echo vol > /data/f; ln -s f /data/in; ln -s /etc/passwd /data/out; mkfifo /tmp/fifo; exit 0"
LARGE, MANY = 20_000_000, 2_000


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_files_go_in_and_come_out_bit_for_bit(bench: Bench) -> None:
    """A container that has ended, volumes, another user, a read-only root, megabytes, thousands of files, archives, bad ones."""
    name, data = bench.name("cp"), mounted("data", "/data")
    main = container("main", SERVE, volumeMounts=[*data["volumeMounts"], {"name": "mem", "mountPath": "/mem"}])
    user = container("user", SERVE, securityContext={"runAsUser": 1000, "readOnlyRootFilesystem": True}, **data)
    volumes = [{"name": "data", "emptyDir": {}}, {"name": "mem", "emptyDir": {"medium": "Memory"}}]
    run = bench.start(
        "run", bench.write(pod(name, main, user, inits=[container("first", FILLS, **data)], volumes=volumes))
    )
    bench.until(
        lambda: bench("wait", "--for=condition=Ready", f"pod/{name}", "--timeout", "5s").code == 0, "a ready pod"
    )
    at, folder = f"{name}:", bench.directory / "files"
    folder.mkdir()

    assert bench("cp", f"{at}/own", str(folder), "-c", "first").code == 0
    assert (folder / "own").read_text() == "own\n"
    out = bench("cp", f"{at}/data", str(folder / "d"))
    assert out.code == 0, out.err
    assert 'Defaulted container "main" out of: main, user, first (init)\n' in out.err
    assert f'warning: skipping symlink: "{folder}/d/out" -> "/etc/passwd"\n' in out.err
    assert (folder / "d/in").readlink() == Path("f")
    assert not (folder / "d/out").is_symlink()

    large = folder / "large"
    large.write_bytes(os.urandom(LARGE))
    assert bench("cp", str(large), f"{at}/mem/", "-c", "main").code == 0
    assert bench("cp", f"{at}/mem/large", str(folder / "back"), "-c", "main").code == 0
    assert digest(folder / "back") == digest(large)

    many = folder / "many"
    many.mkdir()
    for number in range(MANY):
        (many / str(number)).write_text(str(number))
    assert bench("cp", str(many), f"{at}/data/many", "-c", "user").code == 0
    assert bench("cp", f"{at}/data/many", str(folder / "again"), "-c", "main").code == 0
    assert {int(one.name): one.read_text() for one in (folder / "again").iterdir()} == {n: str(n) for n in range(MANY)}

    refused = {
        ("cp", str(large), f"{at}/x", "-c", "user"): "container rootfs is marked read-only",
        (
            "cp",
            str(large),
            f"{at}/nope/x",
            "-c",
            "main",
        ): "cannot copy to /nope/x in container main: /nope: No such file or",
        ("cp", f"{at}/nope", "x", "-c", "main"): "error: /nope in container main: No such file or directory",
        ("cp", "nope.txt", f"{at}/tmp/x", "-c", "main"): "error: nope.txt doesn't exist in local filesystem",
        ("cp", f"{at}/tmp", str(folder / "t"), "-c", "first"): "warning: skipping fifo: ",
        ("cp", str(large), f"{at}/dev/shm/x", "-c", "main"): "the Engine does not see what is mounted there",
        ("cp", "a", f"{at}/tmp", "-c", "no"): "container no is not valid for pod",
    }
    (bench.directory / "a").write_text("a")
    for words, text in refused.items():
        done = bench(*words)
        assert done.code != 0, words
        assert text in done.err
        assert "Traceback" not in done.err

    labels = [f"io.kubernetes.pod.name={name}", "io.kubernetes.container.name=main"]
    (found,) = bench.engine.containers.list(filters={"label": labels})
    for what in ("an absolute name", "a name that climbs", "a file through a link", "a hard link out"):
        evil = folder / "evil.tar"
        evil.write_bytes(whole(HOSTILE[what]))
        sent = bench("cp", "-", f"{at}/data", "-c", "main", stdin=evil.read_bytes().decode("latin-1"))
        assert (sent.code, "the archive is refused" in sent.err) == (1, True), (what, sent.err)
    assert found.exec_run(["sh", "-c", "ls /etc/evil /tmp/evil /evil"]).exit_code != 0
    bench.close()
    run.end()
