"""``plan``: the first decision about a manifest, without an Engine."""

from __future__ import annotations

import click

from runner.cli.app import app_of
from runner.cli.manifests import load_objects
from runner.cli.options import command, file_option, namespace_option, option, strict_option


@command("plan", "podrunner plan pod.yaml", short_help="Print the first decision about a manifest.")
@click.argument("paths", nargs=-1, metavar="[FILE]...", type=click.Path())
@file_option
@option("--retry", type=click.Choice(["pod", "container"]), default="pod", show_default=True, help="Retry scope.")
@strict_option
@namespace_option
def plan(paths: tuple[str, ...], files: tuple[str, ...], retry: str, is_strict: bool, namespace: str) -> int:
    """Print what would be done first with a manifest's pods, and why. Nothing is touched, no Engine is asked.

    What the pods refer to and the manifests do not hold follows: ConfigMaps, Secrets, claims, service accounts.
    """
    from runner.api.options import RunOptions, WorkerOptions
    from runner.api.retrying import RetryPolicy
    from runner.core.manifest.needs import needs

    app = app_of()
    objects = load_objects(app, (*paths, *files), namespace, is_strict=is_strict, across=True)
    policy = RetryPolicy(scope="container" if retry == "container" else "pod")
    text = app.runner.plan(objects, RunOptions(worker=WorkerOptions(retry=policy)))
    app.out.write(text if text.endswith("\n") else text + "\n")
    outside = needs(objects)
    if outside:
        app.out.line("needs from outside:")
    for need in outside:
        app.out.line(f"  {need}")
    return 0
