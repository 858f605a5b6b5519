"""Images as pods use them: private registries, digests, and what an image says about its process."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound

from tests.e2e.registries import Registry, private_registry
from tests.e2e.support import BUSYBOX, Bench, pod

pytestmark = pytest.mark.docker

PASSWORD = "hunter2-nobody-may-see-this"


@pytest.fixture
def registry(sdk: docker.DockerClient) -> Iterator[Registry]:
    """A registry with busybox in it; what was pulled from it is removed from the Engine."""
    with private_registry("puller", PASSWORD) as registry:
        registry.add(sdk, BUSYBOX, "team/app", "1")
        yield registry
        for image in sdk.images.list():
            for name in (*image.tags, *image.attrs.get("RepoDigests", ())):
                if name.startswith(registry.address):
                    with suppress(ImageNotFound):
                        sdk.images.remove(name)


def app(image: str, **more: Any) -> dict[str, Any]:
    return {"name": "app", "image": image, "command": ["echo", "it runs"], **more}


def pulling(name: str, image: str, *secret_names: str) -> dict[str, Any]:
    return pod(name, app(image), restartPolicy="Never", imagePullSecrets=[{"name": one} for one in secret_names])


def test_a_private_image_is_pulled_with_the_pods_secret(bench: Bench, registry: Registry) -> None:
    """And the password stands nowhere but in the Secret."""
    name, image = bench.name("private"), f"{registry.address}/team/app:1"
    artifacts = bench.directory / "artifacts"
    manifest = bench.write(registry.secret("opens"), pulling(name, image, "opens"))
    done = bench("run", manifest, "-vv", "--artifacts", str(artifacts))
    assert done.code == 0, done.err
    assert "it runs" in done.out
    assert ("Pulling", f'app: Pulling image "{image}"') in done.events
    written = "".join(path.read_text() for path in artifacts.rglob("*") if path.is_file())
    assert "it runs" in written
    encoded = registry.secret("opens")["data"][".dockerconfigjson"]
    for hidden in (PASSWORD, encoded):
        assert hidden not in done.out + done.err + written
    bench.assert_nothing_left(name)


def test_credentials_are_tried_one_after_the_other(bench: Bench, registry: Registry) -> None:
    name, image = bench.name("second"), f"{registry.address}/team/app:1"
    wrong = registry.secret("wrong", password="stale", registry=f"{registry.address}/team")
    manifest = bench.write(wrong, registry.secret("right"), pulling(name, image, "wrong", "right"))
    done = bench("run", manifest)
    assert done.code == 0, done.err


def test_secrets_that_are_not_there_are_named_before_the_pull_fails(bench: Bench, registry: Registry) -> None:
    name, image = bench.name("closed"), f"{registry.address}/team/app:1"
    process = bench.start("run", bench.write(pulling(name, image, "absent", "lost")))
    text = "Unable to retrieve some image pull secrets (absent, lost); attempting to pull the image may not succeed."
    process.line("FailedToRetrieveImagePullSecret", text)
    process.line("Failed", f'Failed to pull image "{image}"')
    process.interrupt()
    process.end()


def test_secrets_that_are_not_there_are_named_although_the_image_is_there_and_the_pod_runs(bench: Bench) -> None:
    done = bench("run", bench.write(pulling(bench.name("present"), BUSYBOX, "absent")))
    assert done.code == 0, done.err
    assert done.err.count("FailedToRetrieveImagePullSecret") == 1
    assert "Unable to retrieve some image pull secrets (absent);" in done.err


def test_a_secret_of_another_kind_is_passed_over_without_an_event(bench: Bench) -> None:
    opaque = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "opaque"}, "stringData": {"a": "b"}}
    done = bench("run", bench.write(opaque, pulling(bench.name("opaque"), BUSYBOX, "opaque", "")))
    assert done.code == 0, done.err
    assert "FailedToRetrieveImagePullSecret" not in done.err


def test_a_secret_that_cannot_be_read_is_named_without_its_content(bench: Bench, registry: Registry) -> None:
    name, image = bench.name("broken"), f"{registry.address}/team/app:1"
    broken = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "broken"},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": '{"auths": {"x": {"auth": "aHVudGVyMg=="}}}'},
    }
    process = bench.start("run", bench.write(broken, pulling(name, image, "broken")))
    process.line("Failed", 'image pull secret "broken" is no valid Docker configuration')
    process.interrupt()
    done = process.end()
    assert "hunter2" not in done.err
    assert "aHVudGVyMg" not in done.err


def test_an_image_is_pulled_by_its_digest(bench: Bench, registry: Registry, sdk: docker.DockerClient) -> None:
    digest = registry.add(sdk, BUSYBOX, "team/pinned", "1")
    image = f"{registry.address}/team/pinned@{digest}"
    name = bench.name("digest")
    done = bench("run", "--keep", "always", bench.write(registry.secret("opens"), pulling(name, image, "opens")))
    assert done.code == 0, done.err
    (status,) = bench.pod(name)["status"]["containerStatuses"]
    assert status["imageID"].endswith(image)
    bench("delete", "po", name)


# What an image says.


@pytest.fixture
def described(sdk: docker.DockerClient) -> Iterator[str]:
    """An image with everything that a pod may leave to its image."""
    tag = f"podrunner-test/described:{secrets.token_hex(4)}"
    container = sdk.containers.create(BUSYBOX, ["true"])
    config = {
        "Entrypoint": ["/bin/echo", "entry"],
        "Cmd": ["cmd"],
        "Env": ["FROM_IMAGE=a=b"],
        "User": "1234:5678",
        "WorkingDir": "/var",
        "StopSignal": "SIGUSR1",
        "Healthcheck": {"Test": ["CMD", "false"], "Interval": 1_000_000_000},
    }
    container.commit(*tag.split(":"), conf=config)
    container.remove()
    yield tag
    sdk.images.remove(tag, force=True)


COMMANDS: list[tuple[str, dict[str, Any], str]] = [
    ("neither", {}, "entry cmd"),
    ("args alone replace the image's", {"args": ["a", "b"]}, "entry a b"),
    ("a command alone drops the image's arguments", {"command": ["/bin/echo", "mine"]}, "mine"),
    ("both", {"command": ["/bin/echo", "mine"], "args": ["a"]}, "mine a"),
    ("an empty command is none", {"command": [], "args": ["a"]}, "entry a"),
]


@pytest.mark.parametrize(("fields", "said"), [r[1:] for r in COMMANDS], ids=[r[0] for r in COMMANDS])
def test_commands_and_the_images_own(bench: Bench, described: str, fields: dict[str, Any], said: str) -> None:
    main = {"name": "app", "image": described, **fields}
    done = bench("run", bench.write(pod(bench.name("entry"), main, restartPolicy="Never")))
    assert done.code == 0, done.err
    assert done.out == f"app | {said}\n"


LOOK = ["sh", "-c", "id -u; id -g; pwd; echo $FROM_IMAGE"]
PROCESSES: list[tuple[str, dict[str, Any], str]] = [
    ("as the image says", {}, "1234 5678 /var a=b"),
    ("as the pod says", {"securityContext": {"runAsUser": 7, "runAsGroup": 8}, "workingDir": "/tmp"}, "7 8 /tmp a=b"),
    ("a user without a group is in group 0", {"securityContext": {"runAsUser": 7}}, "7 0 /var a=b"),
    ("a group beside the image's user", {"securityContext": {"runAsGroup": 8}}, "1234 8 /var a=b"),
    ("a variable over the image's", {"env": [{"name": "FROM_IMAGE", "value": "own"}]}, "1234 5678 /var own"),
]


@pytest.mark.parametrize(("fields", "said"), [r[1:] for r in PROCESSES], ids=[r[0] for r in PROCESSES])
def test_the_process_runs(bench: Bench, described: str, fields: dict[str, Any], said: str) -> None:
    main = {"name": "app", "image": described, "command": LOOK, **fields}
    done = bench("run", bench.write(pod(bench.name("process"), main, restartPolicy="Never")))
    assert done.out.replace("app | ", "").split() == said.split(), done.err


def test_the_images_stop_signal_counts_and_its_health_check_does_not(bench: Bench, described: str) -> None:
    script = "trap 'echo told; exit 0' USR1; echo up; while :; do sleep 0.1; done"
    main = {"name": "app", "image": described, "command": ["sh", "-c", script]}
    name = bench.name("signal")
    process = bench.start("run", bench.write(pod(name, main, restartPolicy="Never", terminationGracePeriodSeconds=30)))
    process.line("up", stream="out")
    (found,) = (one for one in bench.engine.containers.list(filters={"name": f"k8s_app_{name}_"}))
    assert "Health" not in found.attrs["State"]
    process.interrupt()
    done = process.end(20)
    assert "app | told" in done.out
