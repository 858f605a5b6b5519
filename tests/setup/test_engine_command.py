"""What `make engine` prints and where it ends when no Engine can be had."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tools.engine import up
from tools.place import SetupError

TOP = Path(__file__).parent.parent.parent


def variables(base: Path, **more: str) -> dict[str, str]:
    """Return an environment without any Engine but those named."""
    kept = {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("DOCKER_", "PODRUNNER_", "MAKE", "MFLAGS"))
    }
    own = {"HOME": str(base / "home"), "XDG_RUNTIME_DIR": str(base / "run"), "PODRUNNER_HOME": str(base / "state")}
    return {**kept, **own, **more}


def run(command: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout."""
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=TOP, env=environment)


@pytest.mark.parametrize("command", [["make", "engine"], ["make", "-s", "engine"]], ids=" ".join)
def test_make_engine_prints_exactly_one_line(
    short_path: Path, listen: Callable[[Path], str], command: list[str]
) -> None:
    url = listen(short_path / "some where.sock")
    done = run(command, variables(short_path, DOCKER_HOST=url))
    assert (done.returncode, done.stdout) == (0, f"export DOCKER_HOST='{url}'\n"), done.stderr


def test_the_line_survives_eval(short_path: Path, listen: Callable[[Path], str]) -> None:
    url = listen(short_path / "some where.sock")
    script = 'eval "$(make -s engine)" && printf %s "$DOCKER_HOST"'
    assert run(["sh", "-c", script], variables(short_path, DOCKER_HOST=url)).stdout == url


def test_the_chosen_address_is_recorded(short_path: Path, listen: Callable[[Path], str]) -> None:
    url = listen(short_path / "top/var/run/docker.sock")
    assert up(variables(short_path), may_install=False, top=short_path / "top").source == "Docker"
    assert (short_path / "state/engine/address").read_text() == f"{url}\n"


def test_a_dead_docker_host_ends_with_code_3_and_nothing_on_stdout(short_path: Path) -> None:
    done = run(["python3", "-m", "tools.engine", "up"], variables(short_path, DOCKER_HOST=f"unix://{short_path}/no"))
    assert (done.returncode, done.stdout) == (3, "")
    assert f"DOCKER_HOST: unix://{short_path}/no: there is no such socket" in done.stderr
    assert "Correct or unset what names it (DOCKER_HOST)" in done.stderr


def test_without_engine_and_root_one_message_names_all_that_was_tried_and_what_to_install(short_path: Path) -> None:
    with pytest.raises(SetupError) as raised:
        up(variables(short_path), may_install=False, top=short_path / "top")
    message = str(raised.value)
    assert raised.value.exit_code == 3
    for name in ("/var/run/docker.sock", ".colima", ".orbstack", ".rd/", "podman.sock", "state/engine/docker.sock"):
        assert name in message
    assert "apt-get install docker.io" in message
    assert message.count("there is no such socket") == 10


def test_a_dead_docker_host_is_not_answered_with_a_private_engine(short_path: Path) -> None:
    """The user named an Engine; starting another one behind their back would be wrong even where we may."""
    with pytest.raises(SetupError, match="DOCKER_HOST"):
        up(variables(short_path, DOCKER_HOST=f"unix://{short_path}/no"), may_install=True)


def test_an_unknown_command_is_a_usage_error(short_path: Path) -> None:
    assert run(["python3", "-m", "tools.engine", "sideways"], variables(short_path)).returncode == 2


def test_stopping_where_nothing_runs_says_so(short_path: Path) -> None:
    done = run(["make", "engine-stop"], variables(short_path))
    assert done.returncode == 0
    assert "was not running" in done.stderr
