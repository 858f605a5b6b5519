"""`python -m tools.sample`: build the local images of the sample project and put them into the Engine.

`shop-database:dev` is PostgreSQL and `shop:dev` is Python with the application of `fixtures/sample/shop`, both out of the
packages of this release of Debian, as `docker build` would leave them. Nothing is pulled or pushed. What is there already,
made by this very code, stays.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
import tarfile
import tempfile
from pathlib import Path

import docker
from docker.errors import ImageNotFound

from tools import debian
from tools.images import GROUP, PASSWD, SEARCH_PATH, busybox_program, put_base, put_busybox
from tools.layers import Image, Layer
from tools.place import SetupError, say

ROOT = Path(__file__).parents[1]
SHOP = ROOT / "fixtures" / "sample" / "shop"
DATABASE, APPLICATION = "shop-database:dev", "shop:dev"
RECIPE = "dev.podrunner.sample/recipe"
PROGRAMS = ("initdb", "pg_ctl", "pg_isready", "postgres", "psql")
_UNWANTED = re.compile(r"lib(llvm|z3|perl|debian-installer|newt|slang|semanage|sepol|textwrap)|.*-perl$")
"""Libraries that only package scripts and the just-in-time compiler of PostgreSQL want."""

RUN_POSTGRES = """\
#!/bin/sh
# The directory is made when it is empty; connections from other containers need the password.
set -e
export PATH=/PROGRAMS:$PATH
if ! [ -s "$PGDATA/PG_VERSION" ]; then
    echo "$POSTGRES_PASSWORD" > /tmp/password
    initdb --no-sync --no-locale -E UTF8 -U postgres --auth-host=scram-sha-256 --auth-local=trust --pwfile=/tmp/password
    rm /tmp/password
fi
exec postgres -k /tmp -c listen_addresses='*' "$@"
"""


def _version(package: str, pattern: str) -> str:
    """The version that a package without one in its name stands for, out of the name of the package that it needs."""
    for name in sorted(debian.closure(package)):
        found = re.fullmatch(pattern, name)
        if found is not None:
            return found[1]
    raise SetupError(f"this Debian's {package} needs nothing that is named like {pattern}")


def _packages(*wanted: str) -> list[str]:
    """The packages and all libraries that they need."""
    closure = debian.closure(*wanted)
    libraries = {name for name in closure if name.startswith(("lib", "zlib")) and not _UNWANTED.match(name)}
    return sorted(libraries | set(wanted))


def _system(work: Path, program: Path, *packages: str) -> Layer:
    """A root file system with a shell and what the packages have."""
    debian.unpack_all(_packages(*packages), work)
    layer = Layer()
    layer.tree(work, "bin", "lib", "lib64", "usr/lib", "usr/lib64", "usr/bin", "etc")
    layer.tree(work, "usr/share/zoneinfo", "usr/share/postgresql")
    put_base(layer)
    layer.file("etc/passwd", f"{PASSWD}postgres:x:999:999:postgres:/var/lib/postgresql:/bin/sh\n")
    layer.file("etc/group", f"{GROUP}postgres:x:999:\n")
    for name in ("bin", "sbin", "lib", "lib64"):
        layer.directory(f"usr/{name}")
        layer.symlink(name, f"usr/{name}")
    put_busybox(layer, program, "usr/bin")
    return layer


def _database(work: Path, program: Path, architecture: str) -> Image:
    version = _version("postgresql", r"postgresql-(\d+)")
    programs = f"usr/lib/postgresql/{version}/bin"
    layer = _system(work, program, f"postgresql-{version}", f"postgresql-client-{version}", "tzdata")
    layer.file("usr/local/bin/run-postgres", RUN_POSTGRES.replace("PROGRAMS", programs), 0o755)
    for name in PROGRAMS:
        layer.symlink(f"usr/local/bin/{name}", f"/{programs}/{name}")
    settings: dict[str, object] = {
        "Env": [SEARCH_PATH, "PGDATA=/var/lib/postgresql/data"],
        "Cmd": ["run-postgres"],
        "User": "999",
        "StopSignal": "SIGINT",
        "ExposedPorts": {"5432/tcp": {}},
        "Labels": {RECIPE: recipe()},
    }
    return Image(layers=(layer,), settings=settings, architecture=architecture)


def _application(work: Path, program: Path, architecture: str) -> Image:
    python = _version("python3-minimal", r"python(3\.\d+)-minimal")
    packages = (f"python{python}-minimal", f"libpython{python}-stdlib", "python3-psycopg2", "media-types")
    system = _system(work, program, *packages)
    system.symlink("usr/bin/python3", f"python{python}")
    code = Layer()
    for path in sorted(SHOP.glob("*.py")):
        code.file(f"app/shop/{path.name}", path.read_bytes())
    settings: dict[str, object] = {
        "Env": [
            SEARCH_PATH,
            "PYTHONUNBUFFERED=1",
            "PYTHONDONTWRITEBYTECODE=1",
            "PYTHONPATH=/usr/lib/python3/dist-packages",
        ],
        "Entrypoint": ["python3", "-m", "shop"],
        "Cmd": ["serve"],
        "WorkingDir": "/app",
        "User": "65534",
        "ExposedPorts": {"8000/tcp": {}},
        "Labels": {RECIPE: recipe()},
    }
    return Image(layers=(system, code), settings=settings, architecture=architecture)


def recipe() -> str:
    """A digest of what the images are made by and of."""
    parts = [Path(__file__), ROOT / "tools" / "layers.py", *sorted(SHOP.glob("*.py"))]
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:16]


def _saved(image: Image, tag: str) -> bytes:
    """The image as `docker save` writes it."""
    configuration, layers = image.build()
    names = [f"{hashlib.sha256(layer).hexdigest()}.tar.gz" for layer in layers]
    config_name = f"{hashlib.sha256(configuration).hexdigest()}.json"
    manifest = json.dumps([{"Config": config_name, "RepoTags": [tag], "Layers": names}]).encode()
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in (
            (config_name, configuration),
            *zip(names, layers, strict=True),
            ("manifest.json", manifest),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def _has(client: docker.DockerClient, tag: str) -> bool:
    try:
        return bool(client.images.get(tag).labels.get(RECIPE) == recipe())
    except ImageNotFound:
        return False


def main() -> int:
    """Build what is missing; exit code 1 where there are no Debian packages to build from."""
    client = docker.from_env()
    missing = [tag for tag in (DATABASE, APPLICATION) if not _has(client, tag)]
    if not missing:
        return 0
    say(f"Building {' and '.join(missing)} from Debian's packages")
    try:
        with tempfile.TemporaryDirectory() as folder:
            work, architecture = Path(folder), debian.architecture()
            program = busybox_program(work)
            makers = {DATABASE: _database, APPLICATION: _application}
            for tag in missing:
                image = makers[tag](work / tag.partition(":")[0], program, architecture)
                client.images.load(_saved(image, tag))
    except (SetupError, OSError) as problem:
        say(f"The images of the sample cannot be built here: {problem}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
