"""Log lines, colours, and streams whose readers leave."""

from __future__ import annotations

import io
import os

import pytest

from runner.core.narration import PodRef
from runner.core.text.escaping import MARK
from runner.render.logs import LogPrinter
from runner.render.streams import Output, OutputClosed, wants_colour
from runner.render.style import Paint
from tests.render.narrations import log


def test_names_are_padded_to_the_widest() -> None:
    out = io.StringIO()
    logs = LogPrinter(Output(out), Paint(False), names=("init-container-1", "main"))
    logs.lines([log(b"Init Container 1", container="init-container-1", is_init=True)])
    logs.lines([log(b"serving")])
    assert out.getvalue() == "init-container-1 | Init Container 1\nmain             | serving\n"


def test_a_longer_name_widens_the_lines_after_it() -> None:
    out = io.StringIO()
    logs = LogPrinter(Output(out), Paint(False))
    for name in ("a", "long-name", "a"):
        logs.lines([log(b"x", container=name)])
    assert out.getvalue() == "a | x\nlong-name | x\na         | x\n"


def test_several_pods_are_told_apart() -> None:
    out = io.StringIO()
    logs = LogPrinter(Output(out), Paint(False), with_pod=True)
    logs.lines([log(b"x", ref=PodRef(namespace="default", name="db", uid="2"))])
    assert out.getvalue() == "db/main | x\n"


def test_a_container_keeps_its_colour_and_an_init_container_is_dimmed() -> None:
    paint = Paint(True)
    first, again = (paint.container("main |", "main", is_init=False) for _ in range(2))
    assert first == again
    code = first.removeprefix(f"{MARK}[").partition("m")[0]
    assert paint.container("main |", "main", is_init=True) == f"{MARK}[2;{code}mmain |{MARK}[0m"
    assert len({paint.container("x", name, is_init=False) for name in "abcdefgh"}) > 3


def test_bytes_pass_unchanged() -> None:
    """What is no UTF-8 reaches the reader as the container wrote it."""
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    LogPrinter(Output(out), Paint(False)).lines([log(b"\xff\x00caf\xc3\xa9\r")])
    assert raw.getvalue() == b"main | \xff\x00caf\xc3\xa9\r\n"


def test_text_that_the_stream_cannot_hold_is_replaced() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", newline="\n")
    Output(stream).line("a → b")
    assert raw.getvalue() == b"a ? b\n"


def broken_pipe() -> io.TextIOWrapper:
    """A pipe that is not read."""
    reading, writing = os.pipe()
    os.close(reading)
    return io.TextIOWrapper(os.fdopen(writing, "wb", buffering=0), write_through=True)


def test_a_reader_that_left_ends_the_command() -> None:
    stream = broken_pipe()
    with pytest.raises(OutputClosed):
        Output(stream).line("x")
    stream.detach().close()


def test_a_reader_that_left_is_noticed_once_when_somebody_cares() -> None:
    stream, noticed = broken_pipe(), []
    output = Output(stream, on_closed=lambda: noticed.append("gone"))
    for _ in range(3):
        output.line("x")
        output.put_bytes(b"b")
    assert (noticed, output.is_closed) == (["gone"], True)
    stream.detach().close()


@pytest.mark.parametrize(
    ("choice", "environ", "is_terminal", "expected"),
    [
        pytest.param("auto", {}, True, True, id="a terminal is coloured"),
        pytest.param("auto", {}, False, False, id="a file is not"),
        pytest.param("auto", {"NO_COLOR": "1"}, True, False, id="NO_COLOR"),
        pytest.param("auto", {"NO_COLOR": ""}, True, True, id="an empty NO_COLOR does not count"),
        pytest.param("auto", {"FORCE_COLOR": "1"}, False, True, id="FORCE_COLOR"),
        pytest.param("auto", {"FORCE_COLOR": "0"}, False, False, id="FORCE_COLOR=0 does not count"),
        pytest.param("auto", {"NO_COLOR": "1", "FORCE_COLOR": "1"}, True, False, id="NO_COLOR beats FORCE_COLOR"),
        pytest.param("auto", {"TERM": "dumb"}, True, False, id="a dumb terminal"),
        pytest.param("always", {"NO_COLOR": "1"}, False, True, id="the flag beats variables"),
        pytest.param("never", {"FORCE_COLOR": "1"}, True, False, id="the flag beats variables the other way"),
    ],
)
def test_the_choice_of_colour(choice: str, environ: dict[str, str], is_terminal: bool, expected: bool) -> None:
    assert wants_colour(choice, environ, is_terminal=is_terminal) is expected
