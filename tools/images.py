"""`python3 -m tools.images`: see that the Engine can pull the images the fixtures name.

Where Docker Hub answers there is nothing to do. Where it does not, the private Engine gets a registry mirror that serves
images made of Debian's packages under the same names; a manifest is never edited, and every pull is a true pull.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from tools import debian, private, registry
from tools.discover import request
from tools.engine import up
from tools.layers import Image, Layer
from tools.place import EnginePlace, SetupError, engine_place, locked, say

HUB = "https://registry-1.docker.io/v2/"
HUB_SECONDS = 4.0
BUSYBOX_TAGS = ("latest", "1.36", "1.36-alt")
NGINX_TAGS = ("1.7.9", "latest")
TAGS = {"library/busybox": BUSYBOX_TAGS, "library/nginx": NGINX_TAGS}
SEARCH_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
bin:x:2:2:bin:/bin:/bin/false
mail:x:8:8:mail:/var/spool/mail:/bin/false
www-data:x:33:33:www-data:/var/www:/bin/false
nginx:x:101:101:nginx:/nonexistent:/bin/false
nobody:x:65534:65534:nobody:/home:/bin/false
"""
GROUP = """\
root:x:0:
daemon:x:1:
bin:x:2:
mail:x:8:
www-data:x:33:
users:x:100:
nginx:x:101:
nogroup:x:65534:
"""
NGINX_CONF = """\
user nginx;
worker_processes 1;
pid /run/nginx.pid;
error_log /var/log/nginx/error.log warn;

events {
    worker_connections 1024;
}

http {
    include /etc/nginx/mime.types;
    default_type application/octet-stream;
    access_log /var/log/nginx/access.log;
    sendfile on;
    keepalive_timeout 65;
    include /etc/nginx/conf.d/*.conf;
}
"""
NGINX_SITE = """\
server {
    listen 80;
    server_name localhost;
    root /usr/share/nginx/html;
    index index.html;
}
"""
NGINX_INDEX = """\
<!DOCTYPE html>
<html>
<head><title>Welcome to nginx!</title></head>
<body><h1>Welcome to nginx!</h1><p>This nginx comes from Debian's package.</p></body>
</html>
"""


def hub_answers() -> bool:
    """Tell whether Docker Hub's registry answers within a few seconds, the look-up of its name included."""
    answer: list[bool] = []
    asking = threading.Thread(target=lambda: answer.append(_hub_answers()), daemon=True)
    asking.start()
    asking.join(HUB_SECONDS)
    return any(answer)


def _hub_answers() -> bool:
    header = "Docker-Distribution-Api-Version"
    try:
        with urllib.request.urlopen(HUB, timeout=HUB_SECONDS) as answer:
            return header in answer.headers
    except urllib.error.HTTPError as answer:
        return answer.code == 401 and header in answer.headers  # it asks for a login, which is an answer
    except OSError:
        return False


def put_base(layer: Layer) -> None:
    """Add what every image has: accounts and the usual directories."""
    layer.file("etc/passwd", PASSWD)
    layer.file("etc/group", GROUP)
    layer.file("etc/shadow", "root:*:::::::\n", 0o640)
    layer.file("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    for path in ("dev", "proc", "sys", "home", "run", "usr/bin", "usr/sbin", "var/log", "var/www", "var/spool/mail"):
        layer.directory(path)
    layer.directory("root", 0o700)
    layer.directory("tmp", 0o1777)
    layer.directory("var/tmp", 0o1777)
    layer.symlink("var/run", "/run")


def put_busybox(layer: Layer, program: Path, folder: str) -> None:
    """Add busybox with all its applets as links in `folder`."""
    listed = subprocess.run([str(program), "--list"], check=True, capture_output=True, text=True)
    layer.file(f"{folder}/busybox", program.read_bytes(), 0o755)
    for applet in listed.stdout.split():
        if applet != "busybox":
            layer.symlink(f"{folder}/{applet}", "busybox")


def busybox_program(work: Path) -> Path:
    debian.unpack("busybox-static", work / "busybox")
    places = [work / "busybox" / folder / "busybox" for folder in ("bin", "usr/bin")]
    return next(path for path in places if path.is_file())


def busybox_image(program: Path, architecture: str) -> Image:
    """Return busybox as an image: a shell and all applets in /bin."""
    layer = Layer()
    put_base(layer)
    put_busybox(layer, program, "bin")
    layer.symlink("usr/bin/env", "/bin/env")
    settings: dict[str, object] = {"Env": [SEARCH_PATH], "Cmd": ["sh"]}
    return Image(layers=(layer,), settings=settings, architecture=architecture)


def _libraries(work: Path, wanted: list[str]) -> Layer:
    """Return the shared libraries of packages and of those they depend on, as one layer."""
    waiting, seen = list(wanted), set()
    while waiting:
        package = waiting.pop()
        if package.startswith(("lib", "zlib")) and package not in seen:
            seen.add(package)
            waiting += debian.unpack(package, work / "libraries")
    complete = Layer()
    complete.tree(work / "libraries", "lib", "lib64", "usr/lib", "usr/lib64")
    # Parts of libc that only locales and profilers want would double the size.
    unwanted = ("gconv/", "audit/", "libmemusage", "libpcprofile")
    kept = {
        path: member
        for path, member in complete.members.items()
        if ".so" in path.rpartition("/")[2] and not any(part in path for part in unwanted)
    }
    return Layer(members=kept)


def nginx_images(work: Path, busybox: Path, architecture: str) -> dict[str, Image]:
    """Return Debian's nginx as one image a tag, laid out as the official image is; they differ in a label."""
    needed = debian.unpack("nginx", work / "nginx")
    debian.unpack("nginx-common", work / "nginx")
    libraries = _libraries(work, needed)
    put_base(libraries)
    put_busybox(libraries, busybox, "usr/bin")
    for name in ("bin", "sbin", "lib", "lib64"):
        libraries.directory(f"usr/{name}")
        libraries.symlink(name, f"usr/{name}")

    program = (work / "nginx/usr/sbin/nginx").read_bytes()
    loader = re.search(rb"/(lib\w*/ld-[^\0]+)\0", program)
    if loader is None or f"usr/{loader[1].decode()}" not in libraries.members:
        raise SetupError(f"Debian's nginx wants {loader and loader[1]!r}, which none of its packages has", 1)

    server = Layer()
    server.tree(work / "nginx", "usr/sbin")
    server.file("etc/nginx/mime.types", (work / "nginx/etc/nginx/mime.types").read_bytes())
    server.file("etc/nginx/nginx.conf", NGINX_CONF)
    server.file("etc/nginx/conf.d/default.conf", NGINX_SITE)
    server.file("usr/share/nginx/html/index.html", NGINX_INDEX)
    for path in ("var/lib/nginx", "var/cache/nginx", "var/log/nginx"):
        server.directory(path)
    server.symlink("var/log/nginx/access.log", "/dev/stdout")
    server.symlink("var/log/nginx/error.log", "/dev/stderr")

    def settings(tag: str) -> dict[str, object]:
        return {
            "Env": [SEARCH_PATH],
            "Cmd": ["nginx", "-g", "daemon off;"],
            "ExposedPorts": {"80/tcp": {}},
            "StopSignal": "SIGQUIT",
            "Labels": {"org.opencontainers.image.ref.name": f"nginx:{tag}"},
        }

    layers = (libraries, server)
    return {tag: Image(layers=layers, settings=settings(tag), architecture=architecture) for tag in NGINX_TAGS}


def _recipe() -> str:
    """Return a digest of the code that makes the images: changed code makes them anew."""
    here = Path(__file__).parent
    return hashlib.sha256(b"".join((here / name).read_bytes() for name in ("images.py", "layers.py"))).hexdigest()


def fill(place: EnginePlace) -> None:
    """Put the images into our running registry unless they are there, made by this very code."""
    mark = place.registry / "filled"
    made_so = mark.exists() and mark.read_text() == _recipe()
    if made_so and all(registry.has(place, name, tag) for name, tags in TAGS.items() for tag in tags):
        return
    say("Docker Hub does not answer: making busybox and nginx images from Debian's packages")
    with tempfile.TemporaryDirectory() as folder:
        work, architecture = Path(folder), debian.architecture()
        busybox = busybox_program(work)
        images = {"library/busybox": dict.fromkeys(BUSYBOX_TAGS, busybox_image(busybox, architecture))}
        images["library/nginx"] = nginx_images(work, busybox, architecture)
        for name, tags in images.items():
            for tag, image in tags.items():
                registry.push(place, name, tag, *image.build())
                say(f"  {name.removeprefix('library/')}:{tag}")
    mark.write_text(_recipe())


def _missing(url: str) -> list[str]:
    names = [f"{name.removeprefix('library/')}:{tag}" for name in TAGS for tag in (TAGS[name][0],)]
    return [name for name in names if request(url, "GET", f"/images/{name}/json", 30.0)[0] != 200]


def _pullable(url: str) -> bool:
    """Ask an Engine that is not ours whether it reaches its registry: it may have a mirror or a proxy of its own."""
    try:
        status, body = request(url, "GET", "/distribution/busybox:latest/json", 20.0)
    except (OSError, ValueError):
        return False
    return status == 200 and "Descriptor" in json.loads(body)


def prepare(environment: Mapping[str, str]) -> str:
    """Have an Engine and images for it; return the Engine's address."""
    place = engine_place(environment)
    may_install = debian.usable()
    url = up(environment, may_install=may_install).url
    if url == place.url and may_install:
        with locked(place):
            if hub_answers():
                private.use_mirror(place, None)
                say("Images: from Docker Hub")
            else:
                registry.start(place)
                fill(place)
                private.use_mirror(place, registry.url(place))
                say(f"Images: from the registry mirror {registry.url(place)}")
        return url
    if not url.startswith("ssh://") and not hub_answers() and not _pullable(url) and (lacking := _missing(url)):
        raise SetupError(
            f"The Engine at {url} lacks {' and '.join(lacking)}, and Docker Hub does not answer.\n"
            "Pull them where it does, or set PODRUNNER_ENGINE=private to have an Engine with a registry mirror of its "
            "own (Debian, as root)."
        )
    say("Images: the Engine pulls them itself")
    return url


def main(arguments: list[str], environment: Mapping[str, str]) -> int:
    """Have an Engine and images for it, with `--export` print its address for eval; return the exit code."""
    try:
        url = prepare(environment)
    except SetupError as problem:
        say(str(problem))
        return problem.exit_code
    if "--export" in arguments:
        print(f"export DOCKER_HOST={shlex.quote(url)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
