"""``create``: add Services, ConfigMaps and Secrets beside pods that run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.cli.app import app_of
from runner.cli.objects import write_each, written_objects
from runner.cli.options import command, file_option, namespace_option

if TYPE_CHECKING:
    from runner.core.manifest import LoadedObject


@command("create", "podrunner create -f services.yaml", short_help="Add Services, ConfigMaps, Secrets.")
@file_option
@namespace_option
def create(files: tuple[str, ...], namespace: str) -> int:
    """Add Services, ConfigMaps and Secrets; one that is there already is an error.

    They stay until podrunner delete. Pods, and what makes pods, are run by podrunner run.
    """
    app = app_of()

    def write(one: LoadedObject) -> tuple[str, str]:
        made = app.runner.client.create(one)
        return str(made["metadata"]["name"]), "created"

    return write_each(app, written_objects(app, files, namespace), write)
