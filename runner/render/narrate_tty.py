"""Narration on a terminal: the plain lines in colour, and below them one bar for each layer that is being pulled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.core.escaping import for_terminal
from runner.render.narrate_plain import PlainNarrator
from runner.runtime.narration import LogLine, PullEnded, Pulling

if TYPE_CHECKING:
    from rich.progress import Progress, Task, TaskID

_BYTES_MOVE = ("Downloading", "Extracting")


class TtyNarrator(PlainNarrator):
    """Lines go above the bars; rich is imported when the first bar is drawn."""

    _bars: Progress | None = None
    _tasks: dict[tuple[str, str], TaskID] | None = None

    @property
    def bars(self) -> list[Task]:
        """The bars that are drawn now."""
        return [] if self._bars is None else list(self._bars.tasks)

    def close(self) -> None:
        with self._lock:
            if self._bars is not None:
                self._bars.stop()
            self._bars, self._tasks = None, None

    def _log(self, lines: Sequence[LogLine]) -> None:
        if self._bars is None or not self._logs.out.is_terminal:
            super()._log(lines)
            return
        for line in lines:
            with self._lock:
                self._print(self._logs.prefix(line) + line.data.decode("utf-8", "replace"))

    def _print(self, text: str) -> None:
        if self._bars is None:
            super()._print(text)
            return
        from rich.text import Text

        self._bars.console.print(Text.from_ansi(for_terminal(text)), soft_wrap=True, highlight=False)

    def _pull(self, narration: Pulling | PullEnded) -> None:
        if isinstance(narration, PullEnded):
            self._end(narration.image)
        elif narration.progress.layer and narration.progress.total and narration.progress.status in _BYTES_MOVE:
            self._move(narration)

    def _move(self, pulling: Pulling) -> None:
        step = pulling.progress
        bars, tasks = self._opened()
        text = f"{pulling.image} {step.layer} {step.status}"
        key = (pulling.image, step.layer + step.status)
        if key not in tasks:
            tasks[key] = bars.add_task(text, total=step.total)
        task = next(task for task in bars.tasks if task.id == tasks[key])
        bars.update(tasks[key], total=step.total, completed=max(task.completed, step.current))

    def _end(self, image: str) -> None:
        if self._bars is None or self._tasks is None:
            return
        for key in [key for key in self._tasks if key[0] == image]:
            self._bars.remove_task(self._tasks.pop(key))
        if not self._tasks:
            self.close()

    def _opened(self) -> tuple[Progress, dict[tuple[str, str], TaskID]]:
        if self._bars is None or self._tasks is None:
            from rich.console import Console
            from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

            # That this is a terminal which can draw was decided before, by the caller's environment and not the process'.
            colourless = not self._paint.enabled
            console = Console(file=self._err.stream, force_terminal=True, no_color=colourless, _environ={})
            columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), DownloadColumn())
            self._bars, self._tasks = (
                Progress(*columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False),
                {},
            )
            self._bars.start()
        return self._bars, self._tasks
