"""``import``: what kubectl shows of a cluster, as something that runs here."""

from __future__ import annotations

from pathlib import Path

import click

from runner.cli.app import app_of
from runner.cli.commands.capture import output_option, put_capture, say_capture, secrets_option
from runner.cli.options import command, option
from runner.errors import UsageError


@command(
    "import",
    "kubectl get pod,cm,secret,pvc,svc -o yaml | podrunner import - -o shop.tar",
    short_help="Make what kubectl shows of a cluster run here.",
)
@click.argument("files", nargs=-1, metavar="FILE...", required=True, type=click.Path())
@output_option
@option(
    "--pod", "pods", multiple=True, metavar="NAME", help="Take this pod, not all but the system's. May be repeated."
)
@option("--image", "images", multiple=True, metavar="A=B", help="Run image B instead of A; A may lack its tag.")
@secrets_option
def import_(
    files: tuple[str, ...], output: Path | None, pods: tuple[str, ...], images: tuple[str, ...], with_secrets: bool
) -> int:
    """Make a capture of what kubectl prints: get -o yaml or json, Lists, cluster-info dump; - is standard input.

    What the cluster put into the objects is taken out; what pods name and the input lacks becomes a placeholder, but for what
    the cluster lacked too. Containers that failed become faults: run FILE.tar --same-failures fails as the cluster did.
    """
    from runner.api.explaining import read_dump
    from runner.core.capture.importing import import_objects
    from runner.core.capture.model import members
    from runner.core.model import RetryScope

    app = app_of()
    dump = read_dump(files, app.stdin)
    found = import_objects(dump.objects, pods=pods, images=_images(images), with_secrets=with_secrets)
    names = [str(one["metadata"]["name"]) for one in found.objects if one["kind"] == "Pod"]
    made = members(found, origin=", ".join(files), retry=RetryScope.CONTAINER)
    place = put_capture(app, output or Path(f"{names[0]}.tar"), made)
    say_capture(app, place, names, found.notes, found.faults)
    return 0


def _images(given: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in given:
        image, equals, other = text.partition("=")
        if not (image and equals and other):
            raise UsageError(f'--image takes A=B, not "{text}"')
        found[image] = other
    return found
