"""Options that several commands share, and click pieces that read an injected environment and kubectl's spellings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from runner.cli.app import App, app_of
from runner.cli.early import unwatch
from runner.core.text.times import parse_duration
from runner.errors import RunnerError, UsageError
from runner.render.formats import ALLOWED, OutputFormat, parse_format

Function = TypeVar("Function", bound=Callable[..., Any])
if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    _SecondsType = click.ParamType[float]
    _OutputType = click.ParamType[OutputFormat]
else:  # only newer releases of click make it generic
    _SecondsType = _OutputType = click.ParamType

_TRUE, _FALSE = ("true", "t", "1"), ("false", "f", "0")


class EnvironmentOption(click.Option):
    """An option whose environment variable is looked up in the invocation's environment; ``group`` heads it in the help."""

    def __init__(self, *names: Any, group: str = "", **settings: Any) -> None:
        super().__init__(*names, **settings)
        self.group = group

    def resolve_envvar_value(self, ctx: click.Context) -> str | None:
        environ = app_of(ctx).environ
        names = [self.envvar] if isinstance(self.envvar, str) else list(self.envvar or ())
        if self.allow_from_autoenv and ctx.auto_envvar_prefix and self.name:
            names.append(f"{ctx.auto_envvar_prefix}_{self.name.upper()}")
        return next((environ[name] for name in names if environ.get(name)), None)


def is_given(name: str) -> bool:
    """Whether an option of the command was given, by flag or variable."""
    source = click.get_current_context().get_parameter_source(name)
    return source in (ParameterSource.COMMANDLINE, ParameterSource.ENVIRONMENT)


QUICK_TO_LEAVE = ("run", "version", "completion", "validate", "plan")
"""Commands with nothing to put in order, or that handle signals themselves as soon as they have."""


class Command(click.Command):
    """A command that also takes kubectl's ``--flag=true`` and ``--flag=false`` for its switches."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, self._plain(args))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options by their groups, those of no group at the end."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                groups.setdefault(getattr(parameter, "group", ""), []).append(record)
        rest = groups.pop("", [])
        for title, records in (*groups.items(), ("Other options" if groups else "Options", rest)):
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def invoke(self, ctx: click.Context) -> Any:
        if ctx.info_name not in QUICK_TO_LEAVE:
            unwatch()
        return super().invoke(ctx)

    def _plain(self, args: Sequence[str]) -> list[str]:
        switches = {name: p for p in self.params if isinstance(p, click.Option) and p.is_flag for name in p.opts}
        plain: list[str] = []
        for position, word in enumerate(args):
            if word == "--":
                return [*plain, *args[position:]]
            name, equals, value = word.partition("=")
            switch = switches.get(name)
            if switch is None or not equals or value.lower() not in _TRUE + _FALSE:
                plain.append(word)
            elif value.lower() in _TRUE:
                plain.append(name)
            elif switch.secondary_opts:
                plain.append(switch.secondary_opts[0])
        return plain


def option(*names: str, **settings: Any) -> Callable[[Function], Function]:
    """``click.option`` with an environment variable ``PODRUNNER_<COMMAND>_<OPTION>``."""
    return click.option(*names, cls=EnvironmentOption, **settings)


class Duration(_SecondsType):
    """Go's ``1m30s`` or plain seconds, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_duration(str(value))
        except ValueError as problem:
            self.fail(str(problem), param, ctx)


class FormatType(_OutputType):
    """``-o``."""

    name = "format"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> OutputFormat:
        if isinstance(value, OutputFormat):
            return value
        try:
            return parse_format(str(value))
        except UsageError as problem:
            self.fail(f"{problem.message}" + (f" ({problem.hint})" if problem.hint else ""), param, ctx)

    def shell_complete(self, _ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return _items(word.partition("TEMPLATE")[0] for word in ALLOWED.split(", ") if word.startswith(incomplete))


DURATION = Duration()
FORMAT = FormatType()

namespace_option = option(
    "-n",
    "--namespace",
    default="default",
    show_default=True,
    envvar="PODRUNNER_NAMESPACE",
    help="Namespace.",
)
all_namespaces_option = option("-A", "--all-namespaces", is_flag=True, help="Look in all namespaces.")
watch_option = option("-w", "--watch", is_flag=True, help="Keep watching, one line a change.")
color_option = option(
    "--color",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    envvar="PODRUNNER_COLOR",
    help="Colours; auto honours NO_COLOR, FORCE_COLOR and TERM=dumb, each stream for itself.",
)
format_option = option("-o", "--output", type=FORMAT, default="table", help=f"One of {ALLOWED}.")
file_option = option("-f", "--filename", "files", multiple=True, help="Manifest: a file, a folder or - (repeatable).")


strict_option = option(
    "--strict", "is_strict", is_flag=True, help="Warnings and ignored objects are errors, duplicate keys too."
)


def command(name: str, example: str, **settings: Any) -> Callable[[Callable[..., Any]], Command]:
    """A command whose help ends with one example."""
    return click.command(name, cls=Command, epilog=f"\b\nExample:\n  {example}", **settings)


def complete_pods(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the pods in the store, and what makes pods by ``KIND/NAME``; the Engine is not asked."""
    if "/" in incomplete:
        return complete_objects(ctx, _param, incomplete)
    names = [pod["metadata"]["name"] for pod in _stored_pods(app_of(ctx), ctx.params.get("namespace"))]
    return _items(name for name in names if name.startswith(incomplete))


def complete_files(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """``POD:`` for the pods in the store, and local paths."""
    from click.shell_completion import CompletionItem

    if ":" in incomplete:
        return []
    pods = [] if incomplete.startswith(("/", ".", "~")) else complete_pods(ctx, param, incomplete)
    found = [CompletionItem(f"{pod.value}:") for pod in pods if "/" not in pod.value]
    return [*found, CompletionItem(incomplete, type="file")]


def complete_objects(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Kinds, then names of the kind that the line names; ``KIND/NAME`` in one word. From the store, the Engine is not asked."""
    from runner.cli.completing import objects_for

    words = [str(word) for word in (ctx.params.get("words") or ())]
    with_pods = ctx.info_name in ("delete", "wait")
    return _items(objects_for(app_of(ctx), words, ctx.params.get("namespace"), incomplete, with_pods=with_pods))


def complete_conditions(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What ``wait --for`` can wait for."""
    from runner.cli.completing import CONDITIONS

    return _items(word for word in CONDITIONS if word.startswith(incomplete))


def complete_containers(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the containers of the pod that the line names."""
    # A flag that still lacks its value stops click's parser before it gives the arguments their names.
    words = [ctx.params.get(name) for name in ("pod", "source", "target")]
    if ctx.info_name == "cp":
        words = [str(word).partition(":")[0] for word in (*words, *ctx.args) if ":" in str(word)]
    named = str(next((word for word in words if word), None) or next(iter(ctx.args), "")).rpartition("/")[2]
    found: list[str] = []
    for pod in _stored_pods(app_of(ctx), ctx.params.get("namespace")):
        if pod["metadata"]["name"] == named:
            for key in ("initContainers", "containers"):
                found.extend(container["name"] for container in pod["spec"].get(key) or ())
    return _items(name for name in found if name.startswith(incomplete))


def complete_recorded(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the pods that there are records of."""
    namespace = ctx.params.get("namespace") or app_of(ctx).environ.get("PODRUNNER_NAMESPACE") or "default"
    return _items(name for name in (*_recorded_names(app_of(ctx), namespace), "last") if name.startswith(incomplete))


def _recorded_names(app: App, namespace: str) -> list[str]:
    try:
        return app.runner.records.names(namespace)
    except RunnerError:
        return []


def complete_recorded_containers(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Names of the containers of the pod whose record the line names."""
    named = str(ctx.params.get("pod") or next(iter(ctx.args), ""))
    namespace = ctx.params.get("namespace") or app_of(ctx).environ.get("PODRUNNER_NAMESPACE") or "default"
    try:
        spec = app_of(ctx).runner.records.find(named, namespace).pod.get("spec") or {}
    except RunnerError:
        return []
    names = [one["name"] for key in ("initContainers", "containers") for one in spec.get(key) or ()]
    return _items(name for name in names if name.startswith(incomplete))


def _items(words: Iterable[str]) -> list[CompletionItem]:
    # click imports this module late as well: it is felt at start-up.
    from click.shell_completion import CompletionItem

    return [CompletionItem(word) for word in words]


def _stored_pods(app: App, namespace: str | None) -> list[dict[str, Any]]:
    try:
        return app.runner.client.list("Pod", namespace or app.environ.get("PODRUNNER_NAMESPACE") or "default").items
    except RunnerError:
        return []
