"""Where the state directory is, and how it is made."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

import pytest

from runner.errors import StoreError
from runner.registry.home import Home


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        pytest.param({"PODRUNNER_HOME": "/var/tmp/here"}, Path("/var/tmp/here"), id="the variable names it"),
        pytest.param({"PODRUNNER_HOME": "/a", "XDG_STATE_HOME": "/b"}, Path("/a"), id="the variable beats XDG"),
        pytest.param({"XDG_STATE_HOME": "/b"}, Path("/b/podrunner"), id="XDG's directory gets a subdirectory"),
        pytest.param({"PODRUNNER_HOME": "state"}, Path.cwd() / "state", id="a relative path counts from here"),
        pytest.param({"PODRUNNER_HOME": "~/state"}, Path.home() / "state", id="a tilde is the user's home"),
    ],
)
def test_the_environment_says_where_it_is(environ: Mapping[str, str], expected: Path) -> None:
    assert Home.from_env(environ).path == expected


@pytest.mark.parametrize("environ", [{}, {"PODRUNNER_HOME": ""}, {"XDG_STATE_HOME": "relative"}])
def test_without_a_usable_variable_it_is_the_users_state_directory(environ: Mapping[str, str]) -> None:
    path = Home.from_env(environ).path
    assert path.name == "podrunner"
    assert path.is_absolute()


def test_making_the_value_makes_no_directory(tmp_path: Path) -> None:
    home = Home(tmp_path / "new")
    assert home.database == tmp_path / "new" / "state.db"
    assert not home.path.exists()


def test_logs_lie_as_on_a_node(tmp_path: Path) -> None:
    file = Home(tmp_path).log_file("default", "web", "u1", "main", 2)
    assert file == tmp_path / "logs" / "default_web_u1" / "main" / "2.log"


def test_every_new_level_is_private(tmp_path: Path) -> None:
    home = Home(tmp_path / "a" / "state")
    made = home.ensure(home.pod_logs("default", "web", "u1"))
    assert made.is_dir()
    for level in (home.path, home.logs, made):
        assert stat.S_IMODE(level.stat().st_mode) == 0o700
    assert home.ensure() == home.path


def test_a_file_in_the_way_is_told_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"cannot make the state directory .*file") as caught:
        Home(tmp_path / "file" / "state").ensure()
    assert "PODRUNNER_HOME" in caught.value.hint
