"""``cp``: files into a container and out of it."""

from __future__ import annotations

from pathlib import Path

import click

from runner.cli.app import POD_WORDS, App, app_of
from runner.cli.options import command, complete_containers, complete_files, namespace_option, option
from runner.core.files.copying import CopyOptions, FileSpec, SpecError, file_spec
from runner.errors import UsageError


@command(
    "cp", "podrunner cp init-container-pod:/etc/nginx/nginx.conf .", short_help="Copy files to and from containers."
)
@click.argument("source", required=False, metavar="[[NAMESPACE/]POD:]PATH", shell_complete=complete_files)
@click.argument("target", required=False, metavar="[[NAMESPACE/]POD:]PATH", shell_complete=complete_files)
@option("-c", "--container", shell_complete=complete_containers, help="Container (default: the first app container).")
@option("--no-preserve", is_flag=True, help="Do not keep owners and permissions.")
@option("--retries", type=int, default=0, help="Try so often again when the connection breaks (-1: without end).")
@namespace_option
def cp(
    source: str | None, target: str | None, container: str | None, no_preserve: bool, retries: int, namespace: str
) -> None:
    """Copy a file or directory to a container, or from it; PATH - is a tar on standard input or output.

    The image needs no tar. It works on containers that have ended as well, such as an init container that failed.
    """
    app = app_of()
    if source is None or target is None:
        raise UsageError("source and destination are required", hint="podrunner cp --help")
    try:
        origin, goal = file_spec(source, POD_WORDS), file_spec(target, POD_WORDS)
    except SpecError as problem:
        raise UsageError(str(problem), hint="for a local file with a colon in its name: ./a:b") from problem
    if origin.pod and goal.pod:
        raise UsageError("one of src or dest must be a local file specification")
    if not origin.pod and not goal.pod:
        raise UsageError("one of src or dest must be a remote file specification", hint="POD:PATH")
    options = CopyOptions(is_exact=not no_preserve, retries=retries, note=app.say)
    if goal.pod:
        _copy_in(app, origin, goal, goal.namespace or namespace, container, options)
    else:
        _copy_out(app, origin, goal, origin.namespace or namespace, container, options)


def _copy_in(
    app: App, origin: FileSpec, goal: FileSpec, namespace: str, container: str | None, options: CopyOptions
) -> None:
    if origin.is_stream and app.stdin.isatty():
        raise UsageError("a tar is expected on standard input, and that is a terminal")
    source = app.stdin.buffer.read if origin.is_stream else Path(origin.path).expanduser()
    if isinstance(source, Path) and not source.exists():
        raise UsageError(f"{origin.path} doesn't exist in local filesystem")
    app.runner.client.copy_in(namespace, goal.pod, container, source, goal.path, options)


def _copy_out(
    app: App, origin: FileSpec, goal: FileSpec, namespace: str, container: str | None, options: CopyOptions
) -> None:
    if goal.is_stream and app.out.is_terminal:
        raise UsageError("cowardly refusing to write a tar to a terminal", hint="send it into a file or a program")
    target = app.out.put_bytes if goal.is_stream else Path(goal.path).expanduser()
    app.runner.client.copy_out(namespace, origin.pod, container, origin.path, target, options)
