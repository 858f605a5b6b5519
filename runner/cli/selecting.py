"""``-l``: which objects a command is about when they are named by their labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from runner.cli.options import option
from runner.core.kindwords import PODS
from runner.core.selectors import Selector, SelectorError, labels_of, matches, parse_selector
from runner.errors import UsageError

if TYPE_CHECKING:
    from runner.cli.app import App
    from runner.core.model import Object

    _SelectorBase = click.ParamType[Selector]
else:  # only newer releases of click make it generic
    _SelectorBase = click.ParamType


class SelectorType(_SelectorBase):
    """A label selector."""

    name = "selector"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Selector:
        try:
            return value if isinstance(value, tuple) else parse_selector(str(value))
        except SelectorError as problem:
            self.fail(str(problem), param, ctx)


selector_option = option(
    "-l", "--selector", type=SelectorType(), default=(), help="Only what has such labels: app=web,tier in (a,b),!debug."
)


def selected_pods(app: App, namespace: str, selector: Selector) -> list[Object]:
    """The pods of a namespace with such labels, by name."""
    return [pod for pod in app.runner.client.list(PODS.kind, namespace).items if matches(selector, labels_of(pod))]


def refuse_names(names: object, selector: Selector) -> None:
    """Objects are named or selected. Raises UsageError when they are both."""
    if names and selector:
        raise UsageError("name cannot be provided when a selector is specified")
