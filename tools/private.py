"""The private Engine: our own containerd and dockerd under the state directory, started and stopped by podrunner alone.

A daemon that is not ours is never touched: ours are known by the paths in their arguments.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from tools import bridge, processes, registry
from tools.discover import answers, get_json
from tools.place import EnginePlace, SetupError, say

START_SECONDS = 90.0
STOP_SECONDS = 40.0


def sbin_environment(place: EnginePlace) -> dict[str, str]:
    """Return the environment of the daemons: administrator's programs are found, our chosen iptables first."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("DOCKER_", "MAKE", "MFLAGS"))}
    path = environment.get("PATH", "")
    environment["PATH"] = f"{place.root / 'bin'}:/usr/sbin:/usr/bin:/sbin:/bin:{path}"
    return environment


def dockerd_pids(place: EnginePlace) -> list[int]:
    """Return the pids of our dockerd."""
    return processes.find("dockerd", f"--data-root={place.data_root}")


def containerd_pids(place: EnginePlace) -> list[int]:
    """Return the pids of our containerd."""
    return processes.find("containerd", str(place.containerd_toml))


def shim_pids(place: EnginePlace) -> list[int]:
    """Return the pids of the shims that hold containers of ours."""
    return processes.find("containerd-shim-runc-v2", str(place.containerd_socket))


def running(place: EnginePlace) -> bool:
    """Tell whether our Engine answers and really is ours."""
    return bool(dockerd_pids(place)) and answers(place.url)


def unmount_below(*roots: Path) -> None:
    """Unmount what is still mounted below these directories, the deepest first."""
    points = [line.split()[4].encode().decode("unicode_escape") for line in _mount_lines()]
    for point in sorted(points, key=len, reverse=True):
        if any(Path(point).is_relative_to(root) for root in roots):
            subprocess.run(["umount", "-l", point], check=False, capture_output=True)


def _mount_lines() -> list[str]:
    return Path("/proc/self/mountinfo").read_text().splitlines()


def ensure_cgroups() -> None:
    """Mount a cgroup hierarchy where the machine has none at all, as containers cannot run without one.

    One that exists but is not mounted here is mounted too: without it containers killed for memory are not told of.
    """
    if any(" - cgroup" in line for line in _mount_lines()):
        _mount_missing_hierarchies()
        return
    say("No cgroup hierarchy is mounted: mounting one on /sys/fs/cgroup")
    rows = [line.split() for line in Path("/proc/cgroups").read_text().splitlines()[1:]]
    if not any(row[1] != "0" for row in rows) and "cgroup2" in Path("/proc/filesystems").read_text():
        subprocess.run(["mount", "-t", "cgroup2", "cgroup2", "/sys/fs/cgroup"], check=False)
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "cgroup", "/sys/fs/cgroup"], check=False)
    for name, _, _, enabled in rows:
        if enabled == "1":
            point = Path("/sys/fs/cgroup") / name
            point.mkdir(exist_ok=True)
            subprocess.run(["mount", "-t", "cgroup", "-o", name, "cgroup", str(point)], check=False)
    _mount_missing_hierarchies()


def _mount_missing_hierarchies() -> None:
    """Mount every version 1 hierarchy that this process is in and that has no mount, those without a controller too."""
    mounted = {option for line in _mount_lines() if " - cgroup " in line for option in line.split()[-1].split(",")}
    memberships = (line.split(":", 2)[1] for line in Path("/proc/self/cgroup").read_text().splitlines())
    for controllers in memberships:
        if not mounted or not controllers or controllers.split(",")[0] in mounted:
            continue
        point = Path("/sys/fs/cgroup") / controllers.removeprefix("name=")
        options = f"none,{controllers}" if controllers.startswith("name=") else controllers
        with contextlib.suppress(OSError):
            point.mkdir(exist_ok=True)
            subprocess.run(["mount", "-t", "cgroup", "-o", options, "cgroup", str(point)], check=False)


def choose_iptables(place: EnginePlace) -> bool:
    """Put an iptables that this kernel can carry out first on the daemons' path; False where there is none.

    Debian's default speaks nftables; a kernel without it may still know the older interface, and the other way round.
    """
    folder = place.root / "bin"
    for flavour in ("", "-nft", "-legacy"):
        program = shutil.which(f"iptables{flavour}", path="/usr/sbin:/sbin:/usr/bin:/bin")
        command = [program or "false", "-w", "-t", "nat", "-S"]
        if program is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
            continue
        shutil.rmtree(folder, ignore_errors=True)
        if flavour:
            folder.mkdir()
            for name in ("iptables", "ip6tables"):
                (folder / name).symlink_to(program.replace("iptables", name))
        return True
    return False


def clear_leftovers(place: EnginePlace) -> None:
    """Remove what a machine that was cut off left behind; called when no dockerd of ours runs.

    Shims that still live keep their run-time state: dockerd takes their containers over and ends them.
    """
    for path in (place.pid_file, place.socket):
        path.unlink(missing_ok=True)
    if not shim_pids(place) and not containerd_pids(place):
        unmount_below(place.exec_root, place.data_root)
        shutil.rmtree(place.exec_root, ignore_errors=True)


def _start_containerd(place: EnginePlace) -> None:
    if containerd_pids(place):
        return
    place.containerd_socket.unlink(missing_ok=True)
    place.containerd_toml.write_text(
        "version = 2\n"
        f"root = {json.dumps(str(place.root / 'containerd'))}\n"
        f"state = {json.dumps(str(place.exec_root / 'containerd'))}\n"
        'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
        f"[grpc]\naddress = {json.dumps(str(place.containerd_socket))}\n"
    )
    arguments = ["containerd", "--config", str(place.containerd_toml), "--log-level", "warn"]
    process = processes.spawn(arguments, place.log("containerd"), sbin_environment(place))
    _wait_for(place, "containerd", process, place.containerd_socket.exists)


def _start_dockerd(place: EnginePlace) -> None:
    place.data_root.mkdir(mode=0o710, exist_ok=True)
    if not place.daemon_json.exists():
        use_mirror(place, None)
    arguments = [
        "dockerd",
        f"--data-root={place.data_root}",
        f"--exec-root={place.exec_root}",
        f"--pidfile={place.pid_file}",
        f"--config-file={place.daemon_json}",
        f"--host={place.url}",
        f"--containerd={place.containerd_socket}",
        "--log-level=warn",
    ]
    if not choose_iptables(place):
        say("iptables does not work here: containers reach each other and this machine, but not the network outside")
        arguments += ["--iptables=false", "--ip-masq=false"]
    if bridge.needed(place):
        arguments.append(f"--bridge={bridge.ensure(place)}")
    process = processes.spawn(arguments, place.log("dockerd"), sbin_environment(place))
    _wait_for(place, "dockerd", process, lambda: answers(place.url))


def _wait_for(place: EnginePlace, program: str, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
    def settled() -> bool:
        return process.poll() is not None or ready()

    in_time = processes.wait_until(settled, START_SECONDS)
    if not in_time or process.poll() is not None:
        log = place.log(program)
        raise SetupError(f"{processes.tail(log)}\n{program} did not come up; the lines above end its log, {log}")


def start(place: EnginePlace) -> None:
    """Start our Engine unless it answers; call with the lock held."""
    if mirror_is_configured(place):
        registry.start(place)
        use_mirror(place, registry.url(place))
    ensure_cgroups()
    if running(place):
        return
    processes.stop(dockerd_pids(place), STOP_SECONDS)
    clear_leftovers(place)
    place.exec_root.mkdir(parents=True, exist_ok=True)
    say(f"Starting a private Docker Engine under {place.root}")
    _start_containerd(place)
    _start_dockerd(place)


def stop(place: EnginePlace) -> bool:
    """Stop our dockerd, its containerd and containers, and our registry; tell whether any of it ran."""
    found = dockerd_pids(place) + containerd_pids(place) + shim_pids(place) + registry.pids(place)
    processes.stop(dockerd_pids(place), STOP_SECONDS)
    for shim in shim_pids(place):
        processes.stop([*processes.children(shim), shim], 0.0)
    processes.stop(containerd_pids(place), 10.0)
    processes.stop(registry.pids(place), 10.0)
    clear_leftovers(place)
    for path in place.runtime.glob(f"{place.containerd_socket.name}*"):
        path.unlink()
    place.address_file.unlink(missing_ok=True)
    if place.runtime != place.root:
        shutil.rmtree(place.runtime, ignore_errors=True)
    bridge.remove(place)
    return bool(found)


def mirror_is_configured(place: EnginePlace) -> bool:
    """Tell whether our dockerd is told to ask our registry first."""
    try:
        return bool(json.loads(place.daemon_json.read_text()).get("registry-mirrors"))
    except (OSError, ValueError):
        return False


def use_mirror(place: EnginePlace, url: str | None) -> None:
    """Make our dockerd ask the registry at `url` first, or Docker Hub itself for None; running containers stay."""
    text = json.dumps({"registry-mirrors": [url] if url else []}) + "\n"
    if place.daemon_json.exists() and place.daemon_json.read_text() == text:
        return
    place.daemon_json.write_text(text)
    if not running(place):
        return
    for pid in dockerd_pids(place):
        os.kill(pid, signal.SIGHUP)
    if url and not processes.wait_until(lambda: _uses(place, url), 10.0):
        raise SetupError(f"dockerd did not take {url} as its mirror; see {place.log('dockerd')}")


def _uses(place: EnginePlace, url: str) -> bool:
    information = get_json(place.url, "/info")
    mirrors = information.get("RegistryConfig", {}).get("Mirrors") or []
    return any(str(mirror).rstrip("/") == url for mirror in mirrors)
