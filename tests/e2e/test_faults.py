"""Faults on the real Engine: what a pod shows of each is what the same failure shows that was made by hand."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from runner import testing
from runner.core.faults.standin import MISSING
from runner.core.labels import FAULTS
from tests.e2e.support import BUSYBOX, Bench, container, mounted, pod

pytestmark = pytest.mark.docker

Shown = tuple[str, str, int | None]
"""Reason, message and exit code of a container's state."""


def shown(trace: Path) -> list[Shown]:
    """What a pod's containers showed that was wrong, each once, in order."""
    found: list[Shown] = []
    for line in trace.read_text().splitlines():
        status = json.loads(line)["pod"]["status"]
        for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            for kind, state in one["state"].items():
                reason = state.get("reason", "")
                if kind == "terminated" or reason.startswith(("Err", "ImagePull", "Create", "Run")):
                    what = (reason, state.get("message", ""), state.get("exitCode"))
                    if what not in found:
                        found.append(what)
    return found


ERRORS = {
    "missing": (404, "MANIFEST_UNKNOWN", "manifest unknown"),
    "closed": (401, "DENIED", "requested access to the resource is denied"),
    "busy": (
        429,
        "TOOMANYREQUESTS",
        "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit",
    ),
}


@contextmanager
def refusing_registry() -> Iterator[str]:
    """A registry that has nothing, and says so in the words of the big ones, by the name of the repository."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            word = self.path.removeprefix("/v2/").partition("/")[0]
            status, code, message = ERRORS.get(word, (200, "", ""))
            body = json.dumps(
                {"errors": [{"code": code, "message": message, "detail": {"about": word}}]} if code else {}
            ).encode()
            self.send_response(status)
            self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815 - the names that http.server looks for

        def log_message(self, *words: object) -> None:
            """Nothing is logged."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run(
    bench: Bench,
    pods: Mapping[str, dict[str, Any]],
    faults: Mapping[str, str],
    *more: str,
    others: Sequence[dict[str, Any]] = (),
    shows: Mapping[str, str] | None = None,
    code: int = 1,
) -> dict[str, Path]:
    """Run pods with a fault each, all at once, to their ends, or until each shows something. Returns where their records are."""
    names = {stem: bench.name(stem) for stem in pods}
    manifests = []
    for stem, value in pods.items():
        value["metadata"]["name"] = names[stem]
        manifests.append(value)
    manifests += others
    artifacts = bench.directory / "artifacts"
    given = [word for stem, fault in faults.items() for word in ("--fault", f"{names[stem]}/{fault}")]
    process = bench.start(
        "run", bench.write(*manifests), *given, *more, "--no-fail-fast", "--artifacts", str(artifacts)
    )
    for stem, text in (shows or {}).items():
        process.line(f" {names[stem]} ", text)
    if shows:
        process.interrupt()
    done = process.end()
    assert done.code == (130 if shows else code), done.err
    assert bench.all_left() == []
    return {stem: artifacts / f"default_{name}" for stem, name in names.items()}


def seen_of(statuses: Iterable[Mapping[str, Any]]) -> list[tuple[str, int | None]]:
    """Reasons and exit codes of what containers showed that was wrong, each once, in order."""
    found: list[tuple[str, int | None]] = []
    for status in statuses:
        for one in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            for kind, state in one["state"].items():
                reason = state.get("reason", "")
                what = (reason, state.get("exitCode"))
                if (
                    kind == "terminated" or reason.startswith(("Err", "ImagePull", "Create", "Run"))
                ) and what not in found:
                    found.append(what)
    return found


def is_the_same_in_virtual_time(records: Path, *more: str) -> bool:
    """See that a simulation of what was run shows the same of its containers, and the same events of faults."""
    value = json.loads((records / "pod.json").read_text())
    texts = value["metadata"].pop("annotations")[FAULTS].split("; ")
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": value["metadata"]["name"]},
        "spec": value["spec"],
    }
    manifest["spec"].pop("nodeName", None)
    names = [one["name"] for key in ("initContainers", "containers") for one in value["spec"].get(key) or ()]
    sleeping = {"containers": {name: {"attempts": [{"run": "forever"}]} for name in names}}
    life = testing.simulate(
        "".join(f"{one}\n---\n" for one in (json.dumps(manifest), *more)), faults=texts, seconds=40, script=sleeping
    )
    lines = (records / "trace.jsonl").read_text().splitlines()
    real = seen_of(json.loads(line)["pod"]["status"] for line in lines)
    virtual = seen_of(status.typed.to_json() for _, status in life.statuses)
    events = [(one.source.component, one.type, one.message) for one in life.events() if one.reason == "FaultInjected"]
    assert real[: len(virtual)] == virtual[: len(real)], texts
    assert set(events) == set(told(records)), texts
    return True


def told(records: Path) -> list[tuple[str, str, str]]:
    """The events of injected faults: component, type and message."""
    events = json.loads((records / "events.json").read_text())["items"]
    found = [one for one in events if one["reason"] == "FaultInjected"]
    return [(one["source"]["component"], one["type"], one["message"]) for one in found]


def once(main: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return pod("x", container("main", ["true"]), inits=[main], restartPolicy="Never", **spec)


BY_HAND: dict[str, tuple[str, dict[str, Any]]] = {
    "exit": ("init:exit=3", {"command": ["sh", "-c", "exit 3"]}),
    "oom": ("init:oom", {"command": ["sh", "-c", "tail /dev/zero"], "resources": {"limits": {"memory": "16Mi"}}}),
    "kill": ("init:signal=KILL", {"command": ["sh", "-c", "kill -KILL $PPID; sleep 600"]}),
    "start": ("init:start-error", {"command": [MISSING]}),
    "half": ("init@init.running+1s:exit=4", {"command": ["sh", "-c", "sleep 1; exit 4"]}),
}
HIDDEN = {"runAsUser": 1234, "runAsNonRoot": True, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def test_containers_fail_as_those_do_that_fail_by_themselves(bench: Bench) -> None:
    """Whoever runs them, and whatever they may write."""
    pods: dict[str, dict[str, Any]] = {}
    for stem, (_, by_hand) in BY_HAND.items():
        pods[f"{stem}-made"] = once({**container("init", "sleep 600"), "securityContext": HIDDEN})
        if stem != "kill":  # PID 1 cannot be killed from inside.
            pods[f"{stem}-hand"] = once({**container("init"), **by_hand})
    found = run(bench, pods, {f"{stem}-made": fault for stem, (fault, _) in BY_HAND.items()})
    seen = {stem: shown(records / "trace.jsonl") for stem, records in found.items()}
    assert seen["kill-made"] == [("Error", "", 137)]
    for stem in BY_HAND.keys() - {"kill"}:
        assert seen[f"{stem}-made"] == seen[f"{stem}-hand"], stem
    assert seen["exit-made"] == [("Error", "", 3)]
    assert [(reason, code) for reason, _, code in seen["oom-made"]] == [("OOMKilled", 137)]
    for stem, (fault, _) in BY_HAND.items():
        name = found[f"{stem}-made"].name.removeprefix("default_")
        assert told(found[f"{stem}-made"]) == [("podrunner", "Warning", f"Injected fault {name}/{fault}")]
        (line,) = (found[f"{stem}-made"] / "faults.jsonl").read_text().splitlines()
        mark = json.loads(line)
        assert (mark["kind"], mark["container"], mark["attempt"]) == ("FaultInjected", "init", 0)
        assert mark["text"] == f"Injected fault {name}/{fault}"
        value = json.loads((found[f"{stem}-made"] / "pod.json").read_text())
        assert value["metadata"]["annotations"] == {FAULTS: f"{name}/{fault}"}
        assert is_the_same_in_virtual_time(found[f"{stem}-made"])
    value = json.loads((found["exit-made"] / "pod.json").read_text())
    assert value["spec"]["initContainers"][0]["command"] == ["sh", "-c", "sleep 600"]


def test_images_are_refused_as_a_registry_refuses_them(bench: Bench) -> None:
    """The same image, in the words of the same Engine: once by a fault, once by a registry."""
    kinds = {"missing": "not-found", "closed": "unauthorized", "busy": "too-many-requests"}
    with refusing_registry() as registry:
        pods: dict[str, dict[str, Any]] = {}
        for stem in kinds:
            image = f"{registry}/{stem}/app:1"
            for way in ("made", "hand"):
                pods[f"{stem}-{way}"] = once({"name": "init", "image": image})
        faults = {f"{stem}-made": f"image/*/app:{kind}" for stem, kind in kinds.items()}
        found = run(bench, pods, faults, shows=dict.fromkeys(pods, "→ Init:ImagePullBackOff"))
    for stem in kinds:
        made, by_hand = (shown(found[f"{stem}-{way}"] / "trace.jsonl") for way in ("made", "hand"))
        assert [reason for reason, _, _ in made][:2] == ["ErrImagePull", "ImagePullBackOff"]
        assert is_the_same_in_virtual_time(found[f"{stem}-made"])
        assert made[:2] == by_hand[:2]


def test_an_image_that_is_there_is_pulled_and_one_without_a_shell_has_its_faults(bench: Bench) -> None:
    """The Engine's sandbox image has nothing but one program."""
    reference = next(
        tag for one in bench.engine.images.list() for tag in one.tags if tag.startswith("podrunner/sandbox:")
    )
    pods = {
        "bare": pod("x", {"name": "main", "image": reference}, restartPolicy="Never"),
        "late": once({**container("init", "echo it runs as $0 $1"), "args": ["one", "two"]}),
    }
    artifacts = run(
        bench, pods, {"bare": "main:exit=9", "late": f"image/{BUSYBOX}#0:not-found"}, "--fault", "init:delay=1s"
    )
    assert shown(artifacts["bare"] / "trace.jsonl") == [("Error", "", 9)]
    late = shown(artifacts["late"] / "trace.jsonl")
    assert [reason for reason, _, _ in late][:3] == ["ErrImagePull", "ImagePullBackOff", "Completed"]
    log = next((artifacts["late"] / "logs" / "init").iterdir()).read_text()
    assert log.rstrip().endswith("it runs as one two")


def referring(config: str, key: str = "colour") -> dict[str, Any]:
    env = [{"name": "COLOUR", "valueFrom": {"configMapKeyRef": {"name": config, "key": key}}}]
    return pod("x", container("main", env=env), terminationGracePeriodSeconds=0)


def secretive(name: str) -> dict[str, Any]:
    env = [{"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": name, "key": "password"}}}]
    return pod("x", container("main", env=env), terminationGracePeriodSeconds=0)


def probed(*command: str, timeout: int = 60) -> dict[str, Any]:
    probe = {"exec": {"command": list(command)}, "periodSeconds": 1, "timeoutSeconds": timeout}
    return pod("x", container("main", readinessProbe=probe), terminationGracePeriodSeconds=0)


def writing(**more: Any) -> dict[str, Any]:
    main = container("main", "touch /work/here", **mounted("work", "/work", **more))
    return pod("x", main, restartPolicy="Never", volumes=[{"name": "work", "emptyDir": {}}])


def test_what_a_pod_refers_to_fails_as_it_would_by_itself(bench: Bench) -> None:
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"colour": "red"}}
    pods = {
        "config-made": referring("settings"),
        "config-hand": referring("settingz"),
        "key-made": referring("settings"),
        "key-hand": referring("settings", "colors"),
        "secret-made": secretive("token"),
        "secret-hand": secretive("tokens"),
        "late-made": probed("true", timeout=1),
        "slow": once({"name": "init", "image": BUSYBOX, "command": ["false"]}),
        "probe-made": probed("true"),
        "probe-hand": probed("false"),
        "write-made": writing(),
        "write-hand": writing(readOnly=True),
    }
    faults = {
        "config-made": "config/settings:missing",
        "key-made": "config/settings.colour:missing",
        "secret-made": "secret/token:missing",
        "late-made": "probe/main.readiness:delay=5s",
        "slow": f"image/{BUSYBOX}:delay=1s",
        "probe-made": "probe/main.readiness:fail",
        "write-made": "volume/work:readonly",
    }
    says = {
        "config": "→ CreateContainerConfigError",
        "key": "→ CreateContainerConfigError",
        "secret": "→ CreateContainerConfigError",
        "late": "Unhealthy",
        "slow": "→ Init:Error",
        "probe": "Unhealthy",
        "write": "→ Error",
    }
    shows = {stem: says[stem.partition("-")[0]] for stem in pods}
    token = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "token"}, "stringData": {"password": "x"}}
    found = run(bench, pods, faults, others=[settings, token], shows=shows)
    texts = {
        "config": 'configmap "settings" not found',
        "key": "couldn't find key colour",
        "secret": 'secret "token" not found',
    }
    for stem, text in texts.items():
        assert is_the_same_in_virtual_time(found[f"{stem}-made"], json.dumps(settings), json.dumps(token))
        made, by_hand = (shown(found[f"{stem}-{way}"] / "trace.jsonl") for way in ("made", "hand"))
        assert made[0][0] == "CreateContainerConfigError"
        assert made[0][1].startswith(text)
        assert made[0] == (
            by_hand[0][0],
            by_hand[0][1].replace("settingz", "settings").replace("colors", "colour").replace("tokens", "token"),
            None,
        )
    assert (
        shown(found["write-made"] / "trace.jsonl") == shown(found["write-hand"] / "trace.jsonl") == [("Error", "", 1)]
    )
    assert "Read-only file system" in next((found["write-made"] / "logs" / "main").iterdir()).read_text()
    unhealthy = [
        {
            one["message"]
            for one in json.loads((found[stem] / "events.json").read_text())["items"]
            if one["reason"] == "Unhealthy"
        }
        for stem in ("probe-made", "probe-hand")
    ]
    late = json.loads((found["late-made"] / "events.json").read_text())["items"]
    assert 'Readiness probe failed: command timed out: "true" timed out after 1s' in [one["message"] for one in late]
    for messages in unhealthy:  # Whatever is said of a container that is being stopped.
        assert "Readiness probe failed: " in messages
    for stem, fault in faults.items():
        name = found[stem].name.removeprefix("default_")
        kind = "Normal" if "delay" in fault else "Warning"
        assert told(found[stem]) == [("podrunner", kind, f"Injected fault {name}/{fault}")]


RESOLVING = """
for name in gone.default.svc.cluster.local fails.example.org www.example.org; do nslookup -type=a $name; done
began=$(date +%s)
nslookup -type=a kubernetes.default.svc.cluster.local
test $(( $(date +%s) - began )) -ge 2 && echo it was late
exit 3
"""
LOSING = """
gateway=$(ip route | awk '/^default/ { print $3 }') && before=$(ip -o -4 address show eth0 | awk '{ print $4 }')
while ping -c 1 -W 1 $gateway > /dev/null; do sleep 0.1; done
echo it is lost
until ping -c 1 -W 1 $gateway > /dev/null; do sleep 0.1; done
test "$before" = "$(ip -o -4 address show eth0 | awk '{ print $4 }')" && echo it is back
exit 4
"""


def test_what_a_sandbox_holds_goes_wrong(bench: Bench) -> None:
    """Volumes that are full or somebody's, names that lead elsewhere, a network that is away for a while."""
    user = {"securityContext": {"runAsUser": 1234}}
    filling = {
        **container("init", "dd if=/dev/zero of=/work/file bs=1000 count=2000", **mounted("work", "/work")),
        **user,
    }
    owned = {**container("init", "touch /work/file", **mounted("work", "/work")), **user}
    volumes = [{"name": "work", "emptyDir": {}}]
    probe = {"tcpSocket": {"port": 80}, "periodSeconds": 1, "failureThreshold": 100}
    pods = {
        "full": once(filling, volumes=volumes),
        "owned": once(owned, volumes=volumes),
        "names": once(container("init", RESOLVING)),
        "net": pod("x", container("main", LOSING, startupProbe=probe), restartPolicy="Never"),
    }
    faults = {
        "full": "volume/work:full=1Mi",
        "owned": "volume/work:owner=0",
        "names": "dns/gone:nxdomain",
        "net": "net@main.running+500ms:cut=8s",
    }
    more = [
        "dns/fails.*:servfail",
        "dns/*.example.org:delay=1ms",
        "dns/www.*:answer=192.0.2.9",
        "dns/kubernetes:delay=2s",
    ]
    found = run(bench, pods, faults, *(word for one in more for word in ("--fault", f"names-*/{one}")))
    seen = {stem: shown(records / "trace.jsonl") for stem, records in found.items()}
    assert seen["full"] == seen["owned"] == [("Error", "", 1)]
    assert (seen["names"], seen["net"]) == ([("Error", "", 3)], [("Error", "", 4)])
    logs = {stem: next((records / "logs").glob("*/*")).read_text() for stem, records in found.items()}
    assert "No space left on device" in logs["full"]
    assert "Permission denied" in logs["owned"]
    assert "gone.default.svc.cluster.local: NXDOMAIN" in logs["names"]
    assert "fails.example.org: SERVFAIL" in logs["names"]
    assert "Address: 192.0.2.9" in logs["names"]
    assert "it was late" in logs["names"]
    assert logs["net"].count("it is lost") == logs["net"].count("it is back") == 1
    events = json.loads((found["net"] / "events.json").read_text())["items"]
    unhealthy = [one["message"] for one in events if one["reason"] == "Unhealthy"]
    assert any(
        text.startswith("Startup probe failed: dial tcp ") and text.endswith(":80: i/o timeout") for text in unhealthy
    )
    for stem, fault in faults.items():
        name = found[stem].name.removeprefix("default_")
        assert ("podrunner", "Warning", f"Injected fault {name}/{fault}") in told(found[stem])
    assert len(told(found["names"])) == 1 + len(more)


def initialized() -> dict[str, Any]:
    """Init containers around a sidecar with a startup probe; the second one and the app run until a fault comes."""
    probe = {"exec": {"command": ["true"]}, "periodSeconds": 1, "timeoutSeconds": 60, "failureThreshold": 100}
    side = container("side", "sleep 600", restartPolicy="Always", startupProbe=probe)
    inits = [container("one", ["true"]), side, container("two", "sleep 600")]
    return pod(
        "x", container("main", "sleep 600"), inits=inits, restartPolicy="OnFailure", terminationGracePeriodSeconds=1
    )


def starts(records: Path) -> list[str]:
    """The containers of a pod in the order in which the Engine has started them, with their attempts."""
    found = []
    for path in (records / "engine").glob("*/*.json"):
        value = json.loads(path.read_text())
        found.append((value["State"]["StartedAt"], f"{path.parent.name}#{path.stem}"))
    return [name for _, name in sorted(found)]


ONCE_MORE = [f"{name}#{attempt}" for attempt in (0, 1) for name in ("one", "side", "two", "main")]


def test_a_node_that_reboots_and_a_sandbox_that_is_killed_run_all_init_containers_again(bench: Bench) -> None:
    """During their init and after it, in the order of the first time; an Engine that is away for a while changes nothing.

    ``tests/lab/test_faults.py`` has either at each place.
    """
    late = ["two#0@two.running:exit=0", "main#1:exit=0"]
    early = ["two#1:exit=0", "main:exit=0"]
    faults = {
        "reboot-late": ["node@main.running+200ms:reboot", *late, "two#1:exit=0"],
        "killed-early": ["sandbox@two.running+200ms:kill", *early],
        "away": ["engine@side.running:down=2s", "two#0:exit=0", "main:exit=0"],
    }
    names = {stem: bench.name(stem) for stem in faults}
    pods = []
    for name in names.values():
        pods.append(initialized())
        pods[-1]["metadata"]["name"] = name
    given = [word for stem, listed in faults.items() for one in listed for word in ("--fault", f"{names[stem]}/{one}")]
    artifacts = bench.directory / "artifacts"
    done = bench("run", bench.write(*pods), *given, "--speed", "20", "--artifacts", str(artifacts))
    assert done.code == 0, done.err
    assert bench.all_left() == []
    records = {stem: artifacts / f"default_{name}" for stem, name in names.items()}
    assert starts(records["reboot-late"]) == ONCE_MORE
    during = [one for one in ONCE_MORE if not one.startswith("main")] + ["main#0"]
    assert starts(records["killed-early"]) == during
    assert starts(records["away"]) == ["one#0", "side#0", "two#0", "main#0"]
    for stem, records_of in records.items():
        events = [one["reason"] for one in json.loads((records_of / "events.json").read_text())["items"]]
        assert ("SandboxChanged" in events) is (stem != "away")
        assert (f"Injected fault {names[stem]}/{faults[stem][0]}") in [message for _, _, message in told(records_of)]


def test_what_hangs_runs_on_and_what_is_no_fault_touches_nothing(bench: Bench) -> None:
    manifest = bench.write(
        pod(bench.name("hangs"), inits=[container("init", ["true"])], terminationGracePeriodSeconds=0)
    )
    process = bench.start("run", manifest, "--fault", "init:hang")
    process.line("Injected fault init:hang")
    process.line("Started", "init: Container started")
    process.interrupt()
    assert process.end().statuses[:3] == ["Pending", "Init:0/1", "Terminating"]
    done = bench("run", manifest, "--fault", "inti:hang")
    assert done.code == 2
    assert done.err == 'error: fault "inti:hang", column 1: no pod has a container "inti", did you mean "init"?\n'
