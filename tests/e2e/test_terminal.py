"""What is printed where, what can be read from, and what a second terminal can follow."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml

from tests.e2e.support import Bench, container, pod, until

pytestmark = pytest.mark.docker

COUNT = "trap 'exit 0' TERM; echo one; echo two; echo three; sleep 3600 & wait"


def test_a_manifest_may_come_through_standard_input(bench: Bench) -> None:
    name = bench.name("stdin")
    text = yaml.safe_dump(pod(name, container("main", "echo hi"), restartPolicy="Never"))
    done = bench("run", "-", "-q", stdin=text)
    assert (done.code, done.out) == (0, "main | hi\n")


def test_a_folder_of_manifests_runs_all_its_pods(bench: Bench) -> None:
    names = [bench.name("folder"), bench.name("folder")]
    for name in names:
        bench.write(pod(name, container("main", "echo hi"), restartPolicy="Never"), name=f"folder/{name}.yaml")
    done = bench("run", str(bench.directory / "folder"), "-o", "name", "-q")
    assert (done.code, sorted(done.out.splitlines())) == (0, sorted(f"pod/{name}" for name in names))


def test_two_pods_of_one_file_run_side_by_side(bench: Bench) -> None:
    one, two = bench.name("one"), bench.name("two")
    path = bench.write(
        pod(one, container("main", "echo first"), restartPolicy="Never"),
        pod(two, container("main", "echo second; exit 1"), restartPolicy="Never"),
    )
    done = bench("run", path, "-o", "json")
    assert done.code == 1
    phases = {item["metadata"]["name"]: item["status"]["phase"] for item in json.loads(done.out)["items"]}
    assert phases == {one: "Succeeded", two: "Failed"}
    assert f"pod {two} failed" in done.err
    bench.assert_nothing_left(one)
    bench.assert_nothing_left(two)


def test_a_reader_that_leaves_ends_the_run_without_a_traceback(bench: Bench) -> None:
    name = bench.name("head")
    path = bench.write(pod(name, container("main", "trap 'exit 0' TERM; while :; do echo line; usleep 20000; done")))
    done = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m runner run "{path}" | head -n 1'],
        env=bench.environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "main | line\n"
    assert "Traceback" not in done.stderr
    bench.assert_nothing_left(name)


def test_narration_for_programs_is_one_object_a_line(bench: Bench) -> None:
    name = bench.name("json")
    path = bench.write(pod(name, container("main", "echo hi"), restartPolicy="Never"))
    done = bench("run", path, "--progress", "json")
    assert done.code == 0
    values = [json.loads(line) for line in done.err.splitlines()]
    assert {value["pod"] for value in values} == {name}
    assert values[0]["type"] == "status"
    assert values[-1]["type"] == "gone"


def test_colours_can_be_had_in_pipes(bench: Bench) -> None:
    name = bench.name("colour")
    path = bench.write(pod(name, container("main", "echo hi"), restartPolicy="Never"))
    done = bench("run", path, "--color", "always")
    assert "\x1b[" in done.err
    assert "\x1b[" in done.out


def test_logs_can_be_cut_followed_and_dated(bench: Bench) -> None:
    name = bench.name("logs")
    run = bench.start("run", bench.write(pod(name, container("main", COUNT))), "-q")
    run.line("three", stream="out")
    assert bench("logs", name, "--tail", "2").out == "two\nthree\n"
    assert bench("logs", name, "--tail", "0").out == ""
    assert bench("logs", name, "--since", "1h").out == "one\ntwo\nthree\n"
    assert re.fullmatch(r"(\d{4}-\d\d-\d\dT[\d:.]+Z \w+\n){3}", bench("logs", name, "--timestamps").out)
    assert bench("logs", name, "-p").code == 2
    assert f'previous terminated container "main" in pod "{name}" not found' in bench("logs", name, "-p").err
    follow = bench.start("logs", name, "-f")
    follow.line("three", stream="out")
    run.interrupt()
    assert run.end().code == 130
    assert (follow.end().code, follow.text("out")) == (0, "one\ntwo\nthree\n")


def test_previous_logs_are_those_of_the_attempt_before(bench: Bench) -> None:
    """With the whole pod as scope the container itself is gone by then."""
    name = bench.name("previous")
    volumes = [{"name": "notes", "emptyDir": {}}]
    script = "echo x >> /n/n; echo attempt $(wc -l < /n/n); test $(wc -l < /n/n) -ge 2 && sleep 3600; exit 1"
    init = container("bad", script, volumeMounts=[{"name": "notes", "mountPath": "/n"}])
    run = bench.start("run", bench.write(pod(name, inits=[init], volumes=volumes, terminationGracePeriodSeconds=0)))
    run.line("attempt 2", stream="out")
    assert bench("logs", name, "-c", "bad").out == "attempt 2\n"
    assert bench("logs", name, "-c", "bad", "-p").out == "attempt 1\n"
    run.interrupt()
    run.end()
    bench.assert_nothing_left(name)


def test_events_and_waits_follow_a_pod(bench: Bench) -> None:
    name = bench.name("follow")
    created = bench.start("wait", "--for=create", f"pod/{name}")
    ready = bench.start("events", "--for", f"pod/{name}", "-w")
    run = bench.start("run", bench.write(pod(name)))
    run.line("→ Running (1/1 ready)")
    assert created.end().code == 0
    ready.line("Container started", stream="out")
    for condition in ("condition=Ready", "phase=Running", "jsonpath={.status.phase}=Running"):
        assert bench("wait", f"--for={condition}", f"pod/{name}").code == 0
    assert bench("wait", "--for=condition=Ready=False", f"pod/{name}", "--timeout", "0").code == 4
    ready.interrupt()
    assert ready.end().code == 130
    run.interrupt()
    run.end()


def test_doctor_tells_of_leftovers(bench: Bench) -> None:
    name = bench.name("doctor")
    run = bench.start("run", bench.write(pod(name)))
    run.line("→ Running (1/1 ready)")
    told = bench("doctor").out
    for label in ("Engine address:", "Address from:", "API version:", "Storage driver:", "Cgroup version:"):
        assert label in told
    run.interrupt()
    run.end()
    until(lambda: not bench.left(name), "the pod's end")
