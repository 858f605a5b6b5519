"""Where the private Engine lives."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.place import engine_place, locked, state_directory


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"HOME": "/h"}, "/h/.local/state/podrunner"),
        ({"HOME": "/h", "XDG_STATE_HOME": "/x"}, "/x/podrunner"),
        ({"HOME": "/h", "XDG_STATE_HOME": "/x", "PODRUNNER_HOME": "/p"}, "/p"),
        ({"HOME": "/h", "XDG_STATE_HOME": "", "PODRUNNER_HOME": ""}, "/h/.local/state/podrunner"),
    ],
)
def test_the_state_directory_follows_the_environment(environment: dict[str, str], expected: str) -> None:
    assert state_directory(environment) == Path(expected)


def test_the_socket_lies_in_the_state_directory() -> None:
    assert engine_place({"PODRUNNER_HOME": "/p"}).url == "unix:///p/engine/docker.sock"


def test_a_long_state_directory_gets_sockets_elsewhere_and_keeps_its_data() -> None:
    home = f"/{'long/' * 20}"
    place = engine_place({"PODRUNNER_HOME": home})
    assert str(place.socket).startswith("/run/podrunner-")
    assert len(str(place.exec_root / "containerd/containerd.sock.ttrpc")) < 100
    assert place.data_root.is_relative_to(home)
    assert place != engine_place({"PODRUNNER_HOME": f"{home}other"})
    assert place.socket != engine_place({"PODRUNNER_HOME": f"{home}other"}).socket


def test_the_lock_can_be_taken_again_after_its_holder(tmp_path: Path) -> None:
    place = engine_place({"PODRUNNER_HOME": str(tmp_path)[:40]})
    for _ in range(2):
        with locked(engine_place({"PODRUNNER_HOME": str(tmp_path)})) as nothing:
            assert nothing is None
    assert place.root.name == "engine"
