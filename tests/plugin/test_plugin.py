"""The pytest plugin as a project uses it: pytest as a process, pods on the real Engine."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.support import until
from tests.plugin.conftest import Project

docker = pytest.mark.docker

USES_POD = """\
import pytest

@pytest.mark.pod("pod.yaml", timeout=120)
def test_good(pod):
    assert pod.status.is_ready
    assert pod.init("migrate").attempts[0].exit_code == 0
    assert pod.logs("migrate") == "migrating\\n"

@pytest.mark.pod("pod.yaml", images={"migrate": "busybox:latest"})
def test_bad(pod):
    assert pod.status.word == "Terminating"
"""
PATIENT = 100.0
"""Seconds for what comes at once, on a machine that is busy; a grace period that is waited for takes longer."""
KILLS = int(os.environ.get("PODRUNNER_KILLS", "4"))
"""How often a session is killed; each time a little later."""


@docker
def test_a_marked_test_has_its_pod_and_a_failing_one_tells_of_it(project: Project) -> None:
    project.write("test_web.py", USES_POD)
    code, output = project.pytest("--junitxml=report.xml", "--podrunner-artifacts=artifacts")
    assert code == 1, output
    assert "1 failed, 1 passed" in output
    assert re.search(r"-+ podrunner: pod test-\w+/web -+\nNAME   READY   STATUS    RESTARTS   AGE\n", output), output
    assert re.search(r"Normal +Started +app: Container started", output)
    assert "Logs of migrate, attempt 0:\n  migrating" in output
    assert "start app attempt 0: it has not run yet" in output
    assert "E       AssertionError: assert 'Running' == 'Terminating'" in output
    report = (project.folder / "report.xml").read_text()
    assert re.search(r'<property name="podrunner:test-\w+/web" value="Running, 0 restarts" */>', report)
    (pod,) = (project.folder / "artifacts").glob("test_web.py_test_good/test-*_web/pod.json")
    assert '"name": "web"' in pod.read_text()
    assert project.left() == []
    assert project.store.list("PersistentVolumeClaim").items == []


@docker
def test_a_wider_scope_shares_the_pod(project: Project) -> None:
    project.write(
        "test_shared.py",
        """\
import pytest

pytestmark = pytest.mark.pod("pod.yaml")
seen = []

@pytest.mark.parametrize("number", [1, 2])
def test_same(pod, number):
    seen.append(pod.uid)
    assert len(set(seen)) == 1

def test_of_the_session(podrunner_session):
    assert podrunner_session.run("pod.yaml", timeout=120, host_ports=False).status.is_ready
""",
    )
    code, output = project.pytest("--podrunner-scope=module")
    assert (code, "3 passed" in output) == (0, True), output
    assert project.left() == []


@docker
def test_functions_of_a_session_have_the_pods_of_their_own_markers(project: Project) -> None:
    """Equal markers share a pod, others do not; ``pods`` are all of a marker."""
    project.write(
        "test_session.py",
        """\
import pytest

seen = {}

@pytest.mark.pod("pod.yaml", timeout=120, host_ports=False)
def test_first(pod):
    seen["first"] = pod.uid

@pytest.mark.pod("pod.yaml", timeout=120, host_ports=False)
def test_second(pod):
    assert pod.uid == seen["first"]

MAIN = {"name": "m", "image": "busybox:1.36", "command": ["sleep", "60"]}
TWO = [
    {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [MAIN]}} for name in "ab"
]

@pytest.mark.pod(TWO)
def test_several(pods):
    assert [pod.name for pod in pods] == ["a", "b"]
    assert seen["first"] not in [pod.uid for pod in pods]
""",
    )
    code, output = project.pytest("--podrunner-scope=session")
    assert (code, "3 passed" in output) == (0, True), output
    assert project.left() == []


@docker
def test_a_pod_that_cannot_be_had_is_told_of_by_its_reason_alone(project: Project) -> None:
    """In the terminal, in the log while it is waited for, and in the JUnit file."""
    project.write(
        "test_bad.py",
        """\
import pytest

@pytest.mark.pod("pod.yaml", timeout=120, host_ports=False, commands={"migrate": ["sh", "-c", "echo wrong; exit 3"]},
                 max_restarts=0, retry="container")
def test_fails(pod):
    raise AssertionError("never here")

@pytest.mark.pod("nosuch.yaml")
def test_missing(pod):
    raise AssertionError("never here")

def test_in_the_test(podrunner):
    podrunner.run("nosuch.yaml")

@pytest.mark.pod("pod.yaml", timeout=120, host_ports=False)
def test_commands(pod):
    with pytest.raises(Exception, match="a command is a list of words, such as"):
        pod.exec("ls | wc -l")
    with pytest.raises(Exception, match="'nosuch -x' cannot be started in container app: .*nosuch"):
        pod.exec(["nosuch", "-x"])
    assert pod.exec(["sh", "-c", "exit 127"]).exit_code == 127
    raise AssertionError("tell of it")
""",
    )
    code, output = project.pytest("--junitxml=report.xml", "--log-level=INFO")
    assert code == 1, output
    assert "2 failed, 2 errors" in output
    assert "gave up" in output
    assert "nosuch.yaml" in output
    assert "tell of it" in output
    assert "runner/" not in output, output
    assert "During handling" not in output, output
    assert re.search(r"INFO +podrunner:\S+ web Normal Started  migrate: Container started", output), output
    report = (project.folder / "report.xml").read_text()
    assert re.search(r"podrunner: pod test-\w+/web -+\nNAME   READY   STATUS", report), report
    assert project.left() == []


@docker
def test_pods_of_failed_tests_can_be_kept(project: Project) -> None:
    project.write("test_web.py", USES_POD)
    code, output = project.pytest("--podrunner-keep=failed", "-n", "1")
    assert code == 1, output
    kept = re.search(r"podrunner kept pod (test-\w+)/web: podrunner describe po web -n \1\n", output)
    assert kept is not None, output
    assert [pod["metadata"]["namespace"] for pod in project.store.list("Pod").items] == [kept[1]]
    # A sweep respects what is kept; a deletion does not.
    project.write("test_none.py", "def test_engine(podrunner_engine): pass\n")
    assert project.pytest("test_none.py")[0] == 0
    assert len(project.store.list("Pod").items) == 1
    from runner import Runner

    with Runner(home=project.home, engine=project.engine) as runner:
        runner.delete(kept[1], "web", grace=0, force=True).wait(60)
        runner.sweep()
    assert project.left() == []


@docker
def test_workers_run_side_by_side(project: Project) -> None:
    project.write(
        "test_many.py",
        'import pytest\n\n@pytest.mark.parametrize("n", range(4))\n@pytest.mark.pod("pod.yaml")\n'
        "def test_web(pod, n):\n    assert pod.status.is_ready\n",
    )
    code, output = project.pytest("-n", "2")
    assert (code, "4 passed" in output) == (0, True), output
    assert project.left() == []


@docker
def test_every_knob_can_be_turned_by_fixture_flag_variable_and_ini(project: Project) -> None:
    project.write(
        "conftest.py",
        """\
import pytest

@pytest.fixture
def podrunner_overrides():
    return {"env": {"app": {"COLOUR": "red"}}}

@pytest.fixture
def podrunner_namespace():
    return "mine"
""",
    )
    project.write(
        "test_knobs.py",
        """\
import pytest
from runner import RunOptions
from runner.pytest_plugin import setting

@pytest.mark.pod("pod.yaml")
def test_overrides(pod):
    assert pod.namespace == "mine"
    assert pod.exec(["sh", "-c", "echo $COLOUR"], container="app").stdout == "red\\n"

def test_settings(podrunner_options, pytestconfig):
    assert isinstance(podrunner_options, RunOptions)
    assert podrunner_options.worker.speed == 7.0
    assert podrunner_options.grace == 3
    assert podrunner_options.keep == "failed"
    assert setting(pytestconfig, "timeout") == 30.0
""",
    )
    project.write("pytest.ini", "[pytest]\npodrunner_speed = 5\npodrunner_grace = 3\npodrunner_timeout = 30\n")
    code, output = project.pytest("--podrunner-speed=7", PODRUNNER_KEEP="failed", PODRUNNER_TIMEOUT="30")
    assert (code, "2 passed" in output) == (0, True), output
    assert project.left() == []


def test_without_an_engine_tests_are_skipped_for_one_clear_reason(lonely_project: Project) -> None:
    lonely_project.write("test_web.py", USES_POD)
    code, output = lonely_project.pytest("-rs")
    assert code == 0
    assert "2 skipped" in output
    assert re.search(r"SKIPPED \[\d\] .*: podrunner: .*nosuch.sock.*\(podrunner doctor tells more\)\n", output), output
    for arguments, environ in (
        (["--podrunner-require-engine"], {}),
        ([], {"PODRUNNER_REQUIRE_ENGINE": "1"}),
        (["-o", "podrunner_require_engine=true"], {}),
    ):
        code, output = lonely_project.pytest(*arguments, **environ)
        assert (code, "2 errors" in output, "podrunner: " in output) == (1, True, True), output
        assert "During handling" not in output, output


@pytest.mark.parametrize(
    ("arguments", "environ", "text"),
    [
        (["--podrunner-keep=sometimes"], {}, "invalid choice: 'sometimes'"),
        (
            [],
            {"PODRUNNER_SCOPE": "galaxy"},
            "podrunner_scope='galaxy': one of function, class, module, package, session",
        ),
        ([], {"PODRUNNER_SCOPE": "module", "PODRUNNER_REQUIRE_ENGINE": "no"}, "2 skipped"),
    ],
)
def test_a_setting_that_makes_no_sense_is_told_so(
    lonely_project: Project, arguments: list[str], environ: dict[str, str], text: str
) -> None:
    lonely_project.write("test_web.py", USES_POD)
    assert text in lonely_project.pytest(*arguments, **environ)[1]


def test_the_fixture_without_a_marker_says_what_is_missing(lonely_project: Project) -> None:
    lonely_project.write("test_web.py", "def test_it(pod):\n    pass\n")
    lonely_project.write(
        "conftest.py", "import pytest\n\n@pytest.fixture\ndef podrunner():\n    return None\n"
    )  # fmt: skip
    code, output = lonely_project.pytest()
    assert code == 1
    assert 'the fixture pod needs a marker: @pytest.mark.pod("pod.yaml")' in output
    assert "hidden" not in output, output


def test_who_does_not_use_it_does_not_pay_for_it(lonely_project: Project) -> None:
    lonely_project.write(
        "test_plain.py",
        "import sys\n\ndef test_it(pytestconfig):\n"
        "    assert pytestconfig.pluginmanager.hasplugin('podrunner')\n"
        "    names = ('docker', 'requests', 'rich', 'click', 'yaml', 'tenacity', 'runner', 'sqlite3')\n"
        "    assert [name for name in names if name in sys.modules] == []\n",
    )
    code, output = lonely_project.pytest("-p", "no:hypothesispytest", "-p", "no:inline_snapshot")
    assert code == 0, output
    assert not lonely_project.home.exists()


IN_THE_WAY = {
    "a module": {"runner.py": "ANSWER = 42\n"},
    "a package": {"runner/__init__.py": "ANSWER = 42\n"},
}


@pytest.mark.parametrize("files", IN_THE_WAY.values(), ids=IN_THE_WAY)
@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_a_project_may_have_a_runner_of_its_own(lonely_project: Project, files: dict[str, str], mode: str) -> None:
    """It has its own; a test that asks for a pod there is told in one sentence what is in the way."""
    for name, text in files.items():
        (lonely_project.folder / name).parent.mkdir(exist_ok=True)
        lonely_project.write(name, text)
    lonely_project.write("test_own.py", "from runner import ANSWER\n\ndef test_it():\n    assert ANSWER == 42\n")
    code, output = lonely_project.pytest("test_own.py", f"--import-mode={mode}")
    assert (code, "1 passed" in output) == (0, True), output
    lonely_project.write("test_web.py", USES_POD)
    code, output = lonely_project.pytest("test_web.py", f"--import-mode={mode}")
    assert (code, "2 errors" in output) == (1, True), output
    place = lonely_project.folder / next(iter(files))
    text = f"podrunner cannot be used here: its package is called runner, and {place} is in the way"
    assert text in output
    assert "Traceback" not in output
    assert output.count("podrunner_plugin.py") == 0, output


def test_a_runner_that_tests_have_imported_stays_theirs(lonely_project: Project) -> None:
    """Also where it only comes onto the path after the plugin was loaded."""
    (lonely_project.folder / "src").mkdir()
    lonely_project.write("src/runner.py", "ANSWER = 42\n")
    lonely_project.write("pytest.ini", "[pytest]\npythonpath = src\n")
    lonely_project.write(
        "test_own.py",
        "import pytest\nimport runner\n\ndef test_own():\n    assert runner.ANSWER == 42\n\n"
        '@pytest.mark.pod("pod.yaml")\ndef test_pod(pod):\n    pass\n',
    )
    code, output = lonely_project.pytest()
    assert (code, "1 passed, 1 error" in output) == (1, True), output
    assert "src/runner.py is in the way" in output


WAITS = """\
import pathlib
import pytest

@pytest.mark.pod("pod.yaml", host_ports=False)
def test_waits(pod):
    pathlib.Path("up").write_text(pod.uid)
    pod.wait_for("completed", timeout=600)
"""


@docker
@pytest.mark.parametrize("times", [1, 2], ids=["once", "twice"])
def test_an_interrupted_session_leaves_nothing(project: Project, times: int) -> None:
    project.write("test_web.py", WAITS)
    grace = "600" if times == 2 else "1"
    process = project.start(f"--podrunner-grace={grace}")
    until((project.folder / "up").exists, "the test")
    process.send_signal(signal.SIGINT)
    if times == 2:
        # It waits for the app, which does not listen to SIGTERM.
        until(lambda: project.store.list("Pod").items[0]["metadata"].get("deletionTimestamp"), "the deletion")
        process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENT)
    # The second one ends pytest itself in the way in which Python ends then.
    assert process.returncode == (2 if times == 1 else -signal.SIGINT), output
    assert project.left() == []


@docker
def test_a_session_that_is_interrupted_while_a_pod_is_waited_for_leaves_nothing(project: Project) -> None:
    project.write("test_web.py", WAITS.replace("host_ports=False", 'host_ports=False, until="completed"'))
    process = project.start()
    until(
        lambda: any("containerStatuses" in (pod.get("status") or {}) for pod in project.store.list("Pod").items),
        "the waiting pod",
    )
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=PATIENT)
    assert process.returncode == 2, output
    assert not (project.folder / "up").exists()
    assert project.left() == []


@docker
def test_what_a_killed_session_leaves_the_next_one_sweeps(project: Project, tmp_path: Path) -> None:
    """And never what belongs to a session that lives: one of the same state directory runs all the time."""
    project.write("test_web.py", WAITS)
    living = project.start("test_web.py")
    until((project.folder / "up").exists, "the living session's pod")
    mine = set(project.left())
    project.write("test_other.py", WAITS.replace('"up"', '"other"'))
    project.write("test_sweep.py", "def test_engine(podrunner_engine): pass\n")
    for number in range(KILLS):
        killed = project.start("test_other.py")
        # Any moment from the first second, when little has begun, to where everything runs; one in each part of it.
        moment = 0.3 + 2.2 * (number + int.from_bytes(os.urandom(2)) / 65536) / KILLS
        with pytest.raises(subprocess.TimeoutExpired):
            killed.communicate(timeout=moment)
        killed.kill()
        killed.communicate()
        code, output = project.pytest("test_sweep.py")
        assert code == 0, output
        assert set(project.left()) == mine, f"killed after {moment:.3f} s"
    assert living.poll() is None
    assert project.store.list("Pod").items[0]["metadata"]["uid"] == (project.folder / "up").read_text()
    living.send_signal(signal.SIGINT)
    living.communicate(timeout=PATIENT)
    assert project.left() == []
