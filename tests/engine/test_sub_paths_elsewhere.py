"""Sub-paths of volumes that only the Engine can see: looked at through the sandbox, which mounts them."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from datetime import UTC, datetime

import pytest

from runner.core.container.containerconfig import ContainerConfig, Mount, MountType
from runner.core.labels import CONTAINER_NAME
from runner.core.objects import ConfigError
from runner.engine.docker.parse import path_stat
from runner.engine.docker.subpath import look_through

ROOT = "/volumes/v"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
KNOWN = {
    "real": "",
    "real/deep": "",
    "inside": f"{ROOT}/real",
    "inside/deep": "",
    "root": "/",
    "host": "/etc/hostname",
    "beside": "/volumes/very",
    "real/out": "/proc",
}
"""What there is, and where links lead."""
CONFIG = ContainerConfig(name="c", image="i", labels={CONTAINER_NAME: "main"})


def looked(sub_path: str) -> tuple[str, bytes] | None:
    mount = Mount(type=MountType.VOLUME, source="s", target="/data", sub_path=sub_path, volume="v")
    return look_through(CONFIG, mount, ROOT, lambda path: KNOWN.get(path.removeprefix(f"{ROOT}/")), NOW)


@pytest.mark.parametrize("sub_path", ["real", "real/deep", "inside", "inside/deep"])
def test_what_is_there_and_inside_needs_nothing(sub_path: str) -> None:
    assert looked(sub_path) is None


@pytest.mark.parametrize(
    ("sub_path", "place", "made"),
    [
        pytest.param("new", ROOT, ["new"], id="all of it"),
        pytest.param("new/deep/er", ROOT, ["new", "new/deep", "new/deep/er"], id="one in the other"),
        pytest.param("inside/new/er", f"{ROOT}/inside", ["new", "new/er"], id="behind a link that stays inside"),
    ],
)
def test_directories_that_are_missing_are_made(sub_path: str, place: str, made: list[str]) -> None:
    missing = looked(sub_path)
    assert missing is not None
    with tarfile.open(fileobj=io.BytesIO(missing[1])) as archive:
        assert (missing[0], archive.getnames()) == (place, made)


@pytest.mark.parametrize(
    "sub_path", ["root", "root/etc", "host", "beside", "real/out/self", "../v2", "/etc", "real/../.."]
)
def test_what_leads_out_is_refused_in_the_kubelets_words(sub_path: str) -> None:
    with pytest.raises(ConfigError) as refused:
        looked(sub_path)
    assert str(refused.value) == 'failed to prepare subPath for volumeMount "v" of container "main"'


@pytest.mark.parametrize(
    ("header", "target"),
    [
        ({"name": "out", "mode": 134218239, "linkTarget": "/"}, "/"),
        ({"name": "plain", "mode": 420, "linkTarget": ""}, ""),
        ({"name": "plain"}, ""),
        ([], ""),
    ],
)
def test_the_engine_describes_a_path_in_a_header(header: object, target: str) -> None:
    encoded = base64.b64encode(json.dumps(header).encode()).decode()
    assert path_stat({"X-Docker-Container-Path-Stat": encoded}).link_target == target


@pytest.mark.parametrize("headers", [{}, {"X-Docker-Container-Path-Stat": "?"}])
def test_an_engine_that_describes_nothing_names_no_link(headers: dict[str, str]) -> None:
    assert path_stat(headers).link_target == ""
