"""One picture in the format that is asked for; the module of that format alone is imported."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Final

from runner.core.history.lanes import Lane, PodLanes

PICTURES: Final = ("html", "svg", "chrome")
"""What simulations and records can be drawn as, apart from text."""

Log = Callable[[PodLanes, Lane], str]


def picture(kind: str, pods: Sequence[PodLanes], *, compared: bool = False, log: Log | None = None) -> str:
    """The picture as text that goes into a file; ``json`` is the data behind all of them."""
    match kind:
        case "html":
            from runner.render.timeline.html import draw_html

            return draw_html(pods, compared=compared, log=log)
        case "svg":
            from runner.render.timeline.svg import draw_svg

            return draw_svg(pods, compared=compared)
        case "chrome":
            from runner.render.timeline.chrome import chrome_trace

            return json.dumps(chrome_trace(pods), ensure_ascii=False) + "\n"
        case _:
            from runner.render.timeline.data import timeline_data

            return json.dumps(timeline_data(pods), ensure_ascii=False, indent=2) + "\n"
