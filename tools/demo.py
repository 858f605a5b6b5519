"""`python -m tools.demo`: the Pod of two init containers, from its manifest to Ready to gone, shown step by step.

Ends by itself with exit code 0; needs no terminal. Runs in `.venv`, with DOCKER_HOST set, and with a state directory of
its own: pods of the same name and what happened earlier stay out of it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import docker

from tools import processes

POD = "init-container-pod"
MANIFEST = "fixtures/init-container.yaml"
LABEL = f"io.kubernetes.pod.name={POD}"
READY_SECONDS = 180.0
END_SECONDS = 90.0
PODRUNNER = str(Path(sys.executable).parent / "podrunner")


def _heading(text: str) -> None:
    """Print a command line as one would type it, in order with the output of the commands."""
    print(f"\n$ {text}", flush=True)


def _show(*arguments: str) -> int:
    """Run podrunner with its output to the terminal."""
    _heading(f"podrunner {' '.join(arguments)}")
    return subprocess.run([PODRUNNER, *arguments], check=False, stdin=subprocess.DEVNULL).returncode


def _ready() -> bool:
    command = [PODRUNNER, "get", "po", POD, "-o", "json"]
    answer = subprocess.run(command, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    if answer.returncode != 0:
        return False  # not there yet
    conditions = json.loads(answer.stdout).get("status", {}).get("conditions", [])
    return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)


def _containers() -> int:
    """List the pod's containers as `docker ps -a` does; return how many there are."""
    template = "table {{.Image}}\t{{.Status}}\t{{.Names}}"
    _heading(f"docker ps -a --filter label={LABEL} --format '{template}'".replace("\t", "\\t"))
    client = docker.from_env()
    try:
        found = client.api.containers(all=True, filters={"label": [LABEL]})
    finally:
        client.close()
    if shutil.which("docker"):
        subprocess.run(["docker", "ps", "-a", "--filter", f"label={LABEL}", "--format", template], check=False)
    else:
        rows = [("IMAGE", "STATUS", "NAMES")]
        rows += [(one["Image"], one["Status"], one["Names"][0].lstrip("/")) for one in found]
        for image, status, name in rows:
            print(f"{image:<32}  {status:<28}  {name}", flush=True)
    return len(found)


def _tour(run: subprocess.Popen[bytes]) -> int:
    """Show the pod while it runs, delete it, and see that nothing is left."""
    processes.wait_until(lambda: run.poll() is not None or _ready(), READY_SECONDS)
    if run.poll() is not None or not _ready():
        print(f"the pod did not become Ready; podrunner run: {run.poll()}", file=sys.stderr)
        _show("get", "po", "-o", "wide")
        return 1
    shown = [_show("get", "po", "-o", "wide"), _show("events")]
    _containers()
    shown.append(_show("delete", "po", POD))
    run.wait(END_SECONDS)
    left = _containers()
    shown.append(_show("get", "po"))
    if left or any(shown):
        print(f"{left} containers are left; exit codes of the commands: {shown}", file=sys.stderr)
        return 1
    print(f"\nNothing is left. To keep the pod in the foreground until Ctrl-C:\n\n  {_foreground()}")
    return 0


def _foreground() -> str:
    return f'eval "$(make -s engine)" && .venv/bin/podrunner run {MANIFEST}'


def main() -> int:
    """Run the demonstration; return the exit code."""
    with tempfile.TemporaryDirectory(prefix="podrunner-demo-") as home:
        os.environ["PODRUNNER_HOME"] = home
        return _demonstrate()


def _demonstrate() -> int:
    arguments = ["run", MANIFEST, "--progress", "plain"]
    _heading(f"podrunner {' '.join(arguments)} &")
    run = subprocess.Popen([PODRUNNER, *arguments], stdin=subprocess.DEVNULL)
    try:
        return _tour(run)
    except KeyboardInterrupt:
        return 130  # the run got the signal of the terminal as well and removes its pod
    except subprocess.TimeoutExpired:
        print("podrunner run did not end after its pod was deleted", file=sys.stderr)
        return 1
    finally:
        if run.poll() is None:
            run.send_signal(signal.SIGTERM)
            try:
                run.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                run.kill()


if __name__ == "__main__":
    sys.exit(main())
