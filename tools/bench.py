"""`python -m tools.bench`: what podrunner costs beside the bare Engine calls for the same containers.

Pairs of runs, one after the other: the whole process `podrunner run --until ready` of the fixture, and a plain docker-py
script, a whole process as well, that creates and starts the same sandbox, init and main containers one after the other.
The images are present before. What each leaves is removed outside the measured time.
"""

from __future__ import annotations

import argparse
import compileall
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import docker

import runner
from runner.sandbox.image import sandbox_image

MANIFEST = "fixtures/init-container.yaml"
IMAGES = ("busybox:latest", "nginx:1.7.9")
MARK = "dev.podrunner.bench"
PODRUNNER = str(Path(sys.executable).parent / "podrunner")

# The plain way, as a user without podrunner would write it.
NAIVE = """
import docker, sys
api = docker.from_env().api
def start(name, image, command, **host):
    config = api.create_host_config(**host)
    one = api.create_container(image, command, name=name, labels=["dev.podrunner.bench"], host_config=config)
    api.start(one)
    return one["Id"]
sandbox = start("bench-sandbox", sys.argv[1], None, ipc_mode="shareable")
joined = {mode: f"container:{sandbox}" for mode in ("network_mode", "ipc_mode")}
for number in (1, 2):
    init = start(f"bench-init-{number}", "busybox:latest", ["sh", "-c", f"echo Init Container {number}"], **joined)
    assert api.wait(init)["StatusCode"] == 0
main = start("bench-main", "nginx:1.7.9", None, **joined)
assert api.inspect_container(main)["State"]["Running"]
"""


def _prepare(client: docker.DockerClient) -> str:
    """Have all images in the Engine; return the sandbox's."""
    for image in IMAGES:
        if not client.images.list(name=image):
            client.images.pull(image)
    sandbox = sandbox_image(client.version()["Arch"])
    if not client.images.list(name=sandbox.reference):
        client.images.load(sandbox.archive)
    return sandbox.reference


def _remove(client: docker.DockerClient) -> None:
    """Remove the containers of the plain script."""
    for container in client.containers.list(all=True, filters={"label": MARK}):
        container.remove(force=True)


def seconds(command: Sequence[str], environment: dict[str, str], note: Path, allowed: Sequence[int] = ()) -> float:
    """Run a command and return how long its process took; what it said goes to `note`, shown when it fails."""
    with note.open("w") as output:
        begin = time.perf_counter()
        done = subprocess.run(
            command, check=False, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        )
        taken = time.perf_counter() - begin
    if done.returncode not in (0, *allowed):
        raise SystemExit(f"{note.read_text()}\n{command[0]} ended with exit code {done.returncode}")
    return taken


def compile_package() -> None:
    """Have byte code of podrunner, as an installed package has; a checkout's is not always written by those who run it."""
    compileall.compile_dir(str(Path(runner.__file__).parent), quiet=1)


def _podrunner(folder: Path) -> float:
    """Measure one run to Ready; removing the pod again is not part of what is compared."""
    environment = {**os.environ, "PODRUNNER_HOME": str(folder / "state")}
    command = [PODRUNNER, "run", MANIFEST, "--until", "ready", "--keep", "always", "--progress", "plain"]
    taken = seconds(command, environment, folder / "podrunner.log")
    seconds([PODRUNNER, "delete", "-f", MANIFEST], environment, folder / "delete.log")
    return taken


def main() -> int:
    """Measure the pairs and print medians and ratio; exit code 1 above the limit, if one was given."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench", description="podrunner beside plain Engine calls")
    parser.add_argument("--pairs", type=int, default=10, help="how many pairs of runs (default 10)")
    parser.add_argument("--limit", type=float, help="fail when the median ratio is above this")
    options = parser.parse_args()
    compile_package()
    client = docker.from_env()
    sandbox = _prepare(client)
    pairs: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="podrunner-bench-") as folder:
        for number in range(options.pairs + 1):
            naive = seconds([sys.executable, "-c", NAIVE, sandbox], dict(os.environ), Path(folder, "naive.log"))
            _remove(client)
            ours = _podrunner(Path(folder))
            if number:  # the first pair only warms up
                pairs.append((ours, naive))
                print(
                    f"pair {number:2}: podrunner {ours:.3f} s, plain {naive:.3f} s, ratio {ours / naive:.2f}",
                    flush=True,
                )
    ratio = statistics.median(ours / naive for ours, naive in pairs)
    ours, naive = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"median of {len(pairs)} pairs: podrunner {ours:.3f} s, plain {naive:.3f} s, ratio {ratio:.2f}")
    return 1 if options.limit is not None and ratio > options.limit else 0


if __name__ == "__main__":
    sys.exit(main())
