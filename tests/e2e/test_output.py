"""What containers print reaches its reader: all of it, byte by byte, and nothing that a terminal would obey beside it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import runner
from runner.clock import Deadline
from runner.kubelet.logs.follow import SILENCE_SECONDS
from runner.registry.home import Home
from tests.e2e.support import SERVE, Bench, container, pod, until

pytestmark = pytest.mark.docker

LONG = "printf START; head -c 40000 /dev/zero | tr '\\0' x; echo END; echo second; printf 'no newline at the end'"
LONG_LINE = "START" + "x" * 40000 + "END"
ODD = "printf 'a\\000b\\rc\\r\\n\\n\\tcaf\\303\\251 \\033[31mred\\n'; printf end"
ODD_BYTES = b"a\0b\rc\r\n\n\tcaf\xc3\xa9 \x1b[31mred\nend"
EVIL = "\x1b]0;owned\x07\x1b[2J\rfake"


def shell(bench: Bench, line: str, seconds: float = 60) -> subprocess.CompletedProcess[bytes]:
    """Run a command line in which ``podrunner`` is the command."""
    text = line.replace("podrunner", f'"{sys.executable}" -m runner')
    return subprocess.run(
        ["/bin/bash", "-c", text],
        env=bench.environ,
        cwd=bench.directory,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )


@pytest.fixture
def kept(bench: Bench) -> str:
    """A pod that is over and kept, with a long line and odd bytes."""
    name = bench.name("kept")
    path = bench.write(
        pod(name, container("main", ODD), inits=[container("dump", LONG)], restartPolicy="Never"),
    )
    done = bench("run", path, "-q", "--keep", "always")
    assert done.code == 0, done.err
    assert done.out.splitlines()[:3] == [f"dump | {LONG_LINE}", "dump | second", "dump | no newline at the end"]
    return name


def test_a_line_longer_than_the_engines_pieces_is_one_line(bench: Bench, kept: str) -> None:
    assert bench("logs", kept, "-c", "dump").out == f"{LONG_LINE}\nsecond\nno newline at the end"
    assert bench("logs", kept, "-c", "dump", "--tail", "2").out == "second\nno newline at the end"
    assert bench("logs", kept, "-c", "dump", "--tail", "3").out == f"{LONG_LINE}\nsecond\nno newline at the end"
    assert bench("logs", kept, "-c", "dump", "-f", "--tail", "1").out == "no newline at the end"
    stamped = bench("logs", kept, "-c", "dump", "--timestamps").out.splitlines()
    assert [line.partition(" ")[2] for line in stamped] == [LONG_LINE, "second", "no newline at the end"]
    placed = bench("logs", kept, "-c", "dump", "--prefix").out.splitlines()
    assert placed[:2] == [f"[pod/{kept}/dump] {LONG_LINE}", f"[pod/{kept}/dump] second"]


def test_logs_are_the_bytes_that_were_written(bench: Bench, kept: str) -> None:
    for flags in ("", "-f", "--tail 10", "-f --tail 10", "--attempt 0"):
        done = shell(bench, f"podrunner logs {kept} -c main {flags}")
        assert (flags, done.returncode, done.stdout) == (flags, 0, ODD_BYTES)


def test_programs_get_the_bytes_that_were_written(bench: Bench) -> None:
    with runner.Runner(home=Home(bench.directory / "home"), environ=bench.environ) as r:
        name = bench.name("program")
        made = r.run(
            pod(name, container("main", f"{ODD}; sleep 3600"), inits=[container("dump", LONG)]),
            until="ready",
            timeout=60,
        )
        dump = made.container("dump")
        assert dump.logs() == dump.attempts[0].logs() == f"{LONG_LINE}\nsecond\nno newline at the end"
        assert list(dump.logs(follow=True)) == [LONG_LINE, "second", "no newline at the end"]
        main = made.container("main")
        whole = ODD_BYTES.removesuffix(b"end")  # The Engine has the end of a line when its writer has ended.
        assert until(lambda: main.output() == whole, "the output of main")
        assert main.attempts[0].output() == whole
        assert made.logs("main") == whole.decode()
        made.delete(grace=0)


@pytest.mark.parametrize(
    ("flags", "lines"), [("-q", 30_000), ("--keep always -q", 30_000), ("--timeout 60s 2>/dev/null", 30_000)]
)
def test_a_slow_reader_gets_every_line(bench: Bench, flags: str, lines: int) -> None:
    name = bench.name("slow")
    bench.write(pod(name, container("main", f"seq 1 {lines}"), restartPolicy="Never"))
    done = shell(bench, f"podrunner run pod.yaml {flags} | (sleep 7; cat)")
    assert done.stdout.decode().splitlines() == [f"main | {number}" for number in range(1, lines + 1)]


def test_much_output_is_told_to_its_end(bench: Bench) -> None:
    name = bench.name("much")
    bench.write(pod(name, container("main", "seq 1 200000"), restartPolicy="Never"))
    done = shell(bench, "podrunner run pod.yaml -q | tail -n 1; podrunner run pod.yaml -q | wc -l", 300)
    assert done.stdout.decode().split() == ["main", "|", "200000", "200000"]
    assert done.stderr == b""


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("podrunner run pod.yaml 2>&1 | head -n 3", id="both streams"),
        pytest.param("podrunner run pod.yaml 2>&1 >/dev/null | head -n 1", id="standard error"),
        pytest.param("podrunner run pod.yaml 2>/dev/null | true", id="standard output"),
        pytest.param("podrunner run pod.yaml -q 2>&1 | true", id="nothing was ever written"),
        pytest.param("podrunner run pod.yaml --progress json 2>&1 | head -n 1", id="narration as JSON"),
    ],
)
def test_a_run_ends_when_its_reader_goes_also_when_nobody_writes(bench: Bench, line: str) -> None:
    name = bench.name("silent")
    bench.write(pod(name, container("main", "trap 'exit 0' TERM; sleep 3600 & wait")))
    done = shell(bench, f"{line}; echo ${{PIPESTATUS[0]}}")
    assert done.stdout.decode().splitlines()[-1] == "130"
    assert b"Traceback" not in done.stdout + done.stderr
    bench.assert_nothing_left(name)


def test_every_attempt_of_a_pod_can_be_read(bench: Bench) -> None:
    name = bench.name("again")
    count = "echo attempt; cat /count/n 2>/dev/null; echo . >> /count/n; exit 1"
    volume = {"volumeMounts": [{"name": "count", "mountPath": "/count"}]}
    path = bench.write(
        pod(name, inits=[container("init", count, **volume)], volumes=[{"name": "count", "emptyDir": {}}])
    )
    flags = ("--retry", "container", "--speed", "100", "--max-restarts", "3", "--keep", "always")
    assert bench("run", path, "-q", *flags).code == 1
    for number in range(4):
        done = bench("logs", name, "-c", "init", "--attempt", str(number))
        assert (done.code, done.out) == (0, "attempt\n" + ".\n" * number)
    every = bench("logs", name, "-c", "init", "--attempt", "all")
    assert every.out == "".join("attempt\n" + ".\n" * number for number in range(4))
    assert every.err == "".join(f"==> init, attempt {number} <==\n" for number in range(4))
    placed = bench("logs", name, "-c", "init", "--attempt", "all", "--prefix", "--tail", "1").out.splitlines()
    assert placed == [f"[pod/{name}/init#0] attempt", *(f"[pod/{name}/init#{number}] ." for number in (1, 2, 3))]
    missing = bench("logs", name, "-c", "init", "--attempt", "7")
    assert missing.code != 0
    assert f'attempt 7 of container "init" in pod "{name}" not found' in missing.err
    assert "there are: 0, 1, 2, 3" in missing.err


def test_a_container_that_cannot_start_is_not_waited_for(bench: Bench) -> None:
    """It stays created for ever, and would be waited for at each attempt and at the end."""
    name = bench.name("nostart")
    path = bench.write(pod(name, container("main", ["/binbash"]), terminationGracePeriodSeconds=1))
    run = bench.start("run", path, "--speed", "100", "--max-restarts", "3")
    run.line("Failed", "binbash")
    since_first = Deadline(3 * SILENCE_SECONDS)
    done = run.end()
    assert done.code == 1
    assert since_first.remaining() != 0


def test_foreign_text_is_shown_and_not_obeyed(bench: Bench) -> None:
    name = bench.name("evil")
    script = f"printf '{EVIL}' > /dev/termination-log; exit 3".replace("\x1b", "\\033").replace("\x07", "\\007")
    manifest = pod(
        name,
        container("main", script.replace("\r", "\\r"), env=[{"name": "EVIL", "value": EVIL}]),
        container("probed", SERVE, readinessProbe={"exec": {"command": ["sh", "-c", f"printf '{EVIL}'; exit 1"]}}),
        restartPolicy="Never",
    )
    manifest["metadata"]["annotations"] = {"evil": EVIL}
    path = bench.write(manifest)
    run = bench.start("run", path, "--until", "ready", "--keep", "always", "--timeout", "120s")
    run.line("Unhealthy")
    bench.until(
        lambda: "exitCode" in str(bench.pod(name)["status"]["containerStatuses"][0]["state"]), "the end of main"
    )
    shown = {
        verb: bench(verb, *words) for verb, words in {"describe": ["po", name], "events": [], "get": ["events"]}.items()
    }
    run.interrupt()
    shown["run"] = run.end()
    bad = bench("validate", bench.write({**manifest, "spec": {"containers": [{"name": f"x{EVIL}"}]}}, name="bad.yaml"))
    for verb, done in {**shown, "validate": bad}.items():
        text = done.out + done.err
        assert "^[" in text or verb == "validate", verb  # whose values are quoted as Go quotes them
        assert not set(text) & {"\x1b", "\x07", "\r"}, verb
    value = bench.pod(name)
    assert value["metadata"]["annotations"]["evil"] == EVIL
    assert value["status"]["containerStatuses"][0]["state"]["terminated"]["message"] == EVIL
    assert bench("get", "po", name, "-o", "jsonpath={.metadata.annotations.evil}").out == EVIL.replace(
        "\r", "\n"
    )  # as text it is read
    bench("delete", "po", name, "--force")
