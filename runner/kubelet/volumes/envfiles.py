"""Reads the files of fileKeyRefs out of emptyDirs: on this machine where the volume lies there, else through the sandbox."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Sequence

from runner.core.container.environment import FileReader
from runner.core.objects import ConfigError
from runner.core.volumes import SANDBOX_ROOT, VolumePlan
from runner.engine.localvolumes import local_volume
from runner.engine.protocol import Engine
from runner.engine.safepath import UnsafePath, read_below
from runner.errors import EngineRefusal, NotFound


def file_reader(engine: Engine, volumes: Sequence[VolumePlan], sandbox_id: str) -> FileReader:
    """Make a reader of the files in a pod's volumes. It never reads anything outside of a volume."""

    def read(volume: str, path: str) -> bytes:
        plan = next((plan for plan in volumes if plan.name == volume), None)
        if plan is None:
            raise FileNotFoundError(path)
        directory = local_volume(engine, plan.source)
        if directory is not None:
            try:
                return read_below(str(directory), path)
            except UnsafePath as error:
                raise ConfigError("couldn't parse env file") from error
            except OSError:
                pass  # A mount that only the Engine sees may cover the directory.
        return _through_sandbox(engine, sandbox_id, f"/{SANDBOX_ROOT}/{volume}/{path}")

    return read


def _through_sandbox(engine: Engine, sandbox_id: str, path: str) -> bytes:
    """The content of a regular file of the sandbox, which has only the pod's volumes. Links are not followed."""
    try:
        archive = engine.download(sandbox_id, path)
    except NotFound:
        raise FileNotFoundError(path) from None
    except EngineRefusal as error:
        raise ConfigError("couldn't parse env file") from error
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        member = tar.next()
        reader = tar.extractfile(member) if member is not None and member.isreg() else None
        if reader is None:
            raise ConfigError("couldn't parse env file")
        return reader.read()
