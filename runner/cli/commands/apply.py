"""``apply``: add or change Services, ConfigMaps and Secrets beside pods that run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runner.cli.app import app_of
from runner.cli.objects import write_each, written_objects
from runner.cli.options import command, file_option, namespace_option
from runner.errors import RunnerError

if TYPE_CHECKING:
    from runner.core.manifest import LoadedObject


@command("apply", "podrunner apply -f services.yaml", short_help="Add or change Services, ConfigMaps, Secrets.")
@file_option
@namespace_option
def apply(files: tuple[str, ...], namespace: str) -> int:
    """Add or change Services, ConfigMaps and Secrets; pods that run see them within a second.

    They stay until podrunner delete. Pods, and what makes pods, are run by podrunner run.
    """
    app = app_of()

    def write(one: LoadedObject) -> tuple[str, str]:
        if not one.name:
            given = one.value["metadata"].get("generateName")
            raise RunnerError(f"from {given}: cannot use generate name with apply")
        return one.name, app.runner.client.apply(one)

    return write_each(app, written_objects(app, files, namespace), write)
