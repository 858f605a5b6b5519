"""What containers find at their mounts, and in their environment."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.support import Bench, container, mounted, pod

pytestmark = pytest.mark.docker

CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "config"},
    "data": {"greeting": "hello", "other": "unused"},
    "binaryData": {"raw": "AAEC"},
}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "secret"}, "stringData": {"password": "s3cret"}}


def run_once(bench: Bench, script: str, *objects: dict[str, Any], mounts: dict[str, Any], **spec: Any) -> list[str]:
    """Run one container to its end; return what it printed."""
    name = bench.name("volumes")
    value = pod(name, container("main", script, **mounts), restartPolicy="Never", **spec)
    done = bench("run", bench.write(*objects, value))
    assert done.code == 0, done.err + done.out
    bench.assert_nothing_left(name)
    return [line.partition("| ")[2] for line in done.out.splitlines()]


def test_an_empty_dir_is_open_to_all_and_empty_whatever_the_image_has_there(bench: Bench) -> None:
    """The image has /etc/passwd; an emptyDir mounted over /etc has not."""
    name = bench.name("empty")
    volumes = [{"name": "shared", "emptyDir": {}}]
    look = "stat -c %a /etc; test -e /etc/passwd || echo empty"
    inits = [
        container("plain", "test -e /etc/passwd && echo filled"),
        container("writes", "echo written > /shared/file", **mounted("shared", "/shared")),
    ]
    main = container("main", f"{look}; cat /etc/file", **mounted("shared", "/etc"))
    done = bench("run", bench.write(pod(name, main, inits=inits, volumes=volumes, restartPolicy="Never")))
    assert done.code == 0, done.err
    lines = [line.partition("| ")[2] for line in done.out.splitlines()]
    assert lines == ["filled", "777", "empty", "written"]
    bench.assert_nothing_left(name)


def test_an_empty_dir_in_memory_is_a_tmpfs_of_its_size_for_all_containers(bench: Bench) -> None:
    name = bench.name("memory")
    mount = mounted("fast", "/fast")
    main = container("main", "cat /fast/file; grep ' /fast ' /proc/mounts", **mount)
    inits = [container("writes", "echo kept > /fast/file", **mount)]
    volumes = [{"name": "fast", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}}]
    done = bench("run", bench.write(pod(name, main, inits=inits, volumes=volumes, restartPolicy="Never")))
    assert done.code == 0, done.err
    content, line = [line.partition("| ")[2] for line in done.out.splitlines()]
    assert content == "kept"
    assert line.startswith("tmpfs /fast tmpfs rw")
    assert "size=8192k" in line
    bench.assert_nothing_left(name)


def test_a_config_map_of_the_same_file_is_mounted_read_only(bench: Bench) -> None:
    lines = run_once(
        bench,
        "cat /config/greeting; echo; ls /config; stat -L -c %a /config/greeting; touch /config/x 2>/dev/null || echo read-only",
        CONFIG,
        mounts=mounted("config", "/config"),
        volumes=[{"name": "config", "configMap": {"name": "config"}}],
    )
    assert lines[:5] == ["hello", "greeting", "other", "raw", "644"]
    assert lines[-1] == "read-only"


def test_items_choose_keys_paths_and_modes(bench: Bench) -> None:
    items = [{"key": "greeting", "path": "deep/hi", "mode": 0o400}]
    lines = run_once(
        bench,
        "cat /config/deep/hi; echo; ls /config; stat -L -c %a /config/deep/hi",
        CONFIG,
        mounts=mounted("config", "/config"),
        volumes=[{"name": "config", "configMap": {"name": "config", "items": items, "defaultMode": 0o440}}],
    )
    assert lines == ["hello", "deep", "400"]


def test_files_that_are_brought_into_a_pod_are_as_old_as_the_pod(bench: Bench) -> None:
    sources: list[dict[str, Any]] = [
        {"configMap": {"name": "config"}},
        {"secret": {"secretName": "secret"}},
        {"downwardAPI": {"items": [{"path": "deep/name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
    ]
    volumes = [{"name": f"v{number}", **source} for number, source in enumerate(sources)]
    mounts = [{"name": volume["name"], "mountPath": f"/{volume['name']}"} for volume in volumes]
    look = "now=$(date +%s); for f in $(find /v? /etc/hosts /dev/termination-log); do"
    look += (
        " age=$((now - $(stat -c %Y $f))); [ $age -lt 600 ] || echo $f is $age s old; done; find /v? -type f | wc -l"
    )
    aliases = [{"ip": "10.0.0.1", "hostnames": ["x"]}]
    lines = run_once(bench, look, CONFIG, SECRET, mounts={"volumeMounts": mounts}, volumes=volumes, hostAliases=aliases)
    assert lines == ["6"]


def test_a_secret_is_mounted_and_goes_into_the_environment(bench: Bench) -> None:
    environment = [
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "secret", "key": "password"}}},
        {"name": "GREETING", "valueFrom": {"configMapKeyRef": {"name": "config", "key": "greeting"}}},
        {"name": "BOTH", "value": "$(GREETING) $(PASSWORD)"},
    ]
    lines = run_once(
        bench,
        "cat /secret/password; echo; stat -L -c %a /secret/password; echo $BOTH",
        CONFIG,
        SECRET,
        mounts={**mounted("secret", "/secret"), "env": environment},
        volumes=[{"name": "secret", "secret": {"secretName": "secret", "defaultMode": 0o400}}],
    )
    assert lines == ["s3cret", "400", "hello s3cret"]


def test_a_host_path_is_the_hosts_own_directory(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("from the host\n")
    lines = run_once(
        bench,
        "cat /host/given; echo back > /host/written",
        mounts=mounted("host", "/host"),
        volumes=[{"name": "host", "hostPath": {"path": str(tmp_path), "type": "Directory"}}],
    )
    assert lines == ["from the host"]
    assert (tmp_path / "written").read_text() == "back\n"


def test_a_claim_keeps_its_content_over_runs(bench: Bench) -> None:
    claim = f"claim-{secrets.token_hex(4)}"
    bench.claims.append(claim)
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]
    script = "echo run >> /data/log; cat /data/log"
    assert run_once(bench, script, mounts=mounted("data", "/data"), volumes=volumes) == ["run"]
    assert run_once(bench, script, mounts=mounted("data", "/data"), volumes=volumes) == ["run", "run"]
    assert bench("gc").code == 0
    assert bench.engine.volumes.get(f"k8s_pvc_{claim}_default").name == f"k8s_pvc_{claim}_default"


def test_the_pods_name_is_its_host_name_and_all_containers_share_its_address(bench: Bench) -> None:
    name = bench.name("hostname")
    inits = [container("one", "hostname; hostname -i")]
    main = container("main", "hostname; hostname -i")
    done = bench("run", bench.write(pod(name, main, inits=inits, restartPolicy="Never")))
    assert done.code == 0, done.err
    lines = [line.partition("| ")[2] for line in done.out.splitlines()]
    assert lines[:2] == lines[2:]
    assert lines[0] == name


def test_containers_reach_each_other_on_the_loopback(bench: Bench) -> None:
    name = bench.name("loopback")
    serve = container("serve", "echo hi > /tmp/index.html; exec httpd -f -p 8080 -h /tmp")
    ask = container("ask", "until wget -q -O - http://127.0.0.1:8080/index.html; do usleep 50000; done; echo asked")
    run = bench.start("run", bench.write(pod(name, serve, ask, terminationGracePeriodSeconds=1)))
    run.line("asked", stream="out")
    run.interrupt()
    done = run.end()
    assert any(line.endswith("| hi") for line in done.out.splitlines())
    bench.assert_nothing_left(name)
