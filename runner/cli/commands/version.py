"""``version``: what is installed."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed

import click

from runner import __version__
from runner.cli.app import app_of
from runner.cli.options import command, option
from runner.render.formats import to_json

KUBERNETES = "v1.37"


@command("version", "podrunner version -o json", short_help="Show versions.")
@option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="Form.")
def version(output: str) -> int:
    """Show the versions of podrunner, of Python, of the Docker SDK and of the Kubernetes API that manifests are read by."""
    app = app_of()
    try:
        docker = installed("docker")
    except PackageNotFoundError:
        docker = "not installed"
    versions = {
        "podrunner": __version__,
        "python": platform.python_version(),
        "docker": docker,
        "kubernetes": KUBERNETES,
    }
    if output == "json":
        app.out.exact(to_json(versions))
    else:
        app.out.line(
            f"podrunner {__version__} (Python {versions['python']}, docker-py {docker}, Kubernetes {KUBERNETES})"
        )
    return 0
