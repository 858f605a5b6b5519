"""Pictures of timelines: all formats show each attempt, name its cause, escape what containers say and stay small."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from runner.core.history.lanes import PodLanes, lanes
from runner.core.history.record import FaultMark, PodRecord
from runner.render.style import Paint
from runner.render.timeline.bars import step, ticks
from runner.render.timeline.chrome import chrome_trace
from runner.render.timeline.data import timeline_data
from runner.render.timeline.html import draw_html
from runner.render.timeline.svg import draw_svg
from runner.render.timeline.text import draw, draw_compared
from tests.core.test_attempts import FAILS_TWICE, at, ended, record, running, seen, told, waits_again
from tests.core.test_lanes import again, in_order

EVIL = '</script><script>alert("1")</script>&'
SVG = "{http://www.w3.org/2000/svg}"


def crash_loop(count: int) -> PodRecord:
    """A container that fails every ten seconds."""
    trace = []
    for number in range(count):
        trace.append(seen(10 * number, [running("first", number)]))
        trace.append(seen(10 * number + 2, [ended("first", 3, number)]))
        trace.append(seen(10 * number + 3, [waits_again("first", number, code=3)]))
    return record(*trace, until=10.0 * count)


def evil() -> PodRecord:
    return record(
        seen(0, [running("first")]),
        seen(2, [ended("first", 1, message=EVIL, reason="<b>Error</b>")]),
        faults=(FaultMark(at=at(1), kind="FaultInjected", text=EVIL, container="first", attempt=0, seconds=0.5),),
        told=(told(1, "Unhealthy", message=EVIL),),
    )


def page_data(page: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def svg_texts(picture: str) -> list[str]:
    return ["".join(one.itertext()) for one in ElementTree.fromstring(picture).iter(f"{SVG}text")]


RECORDS = [
    pytest.param(record(*FAILS_TWICE), 2, id="one container"),
    pytest.param(again("pod"), 4, id="a pod that ran again"),
    pytest.param(in_order(), 4, id="a sidecar"),
    pytest.param(evil(), 1, id="markup in messages"),
    pytest.param(crash_loop(40), 41, id="many attempts"),
    pytest.param(record(), 0, id="nothing happened"),
]


@pytest.mark.parametrize(("value", "count"), RECORDS)
def test_a_still_drawing_is_an_svg_that_needs_nothing_else(value: PodRecord, count: int) -> None:
    picture = draw_svg([lanes(value)])
    root = ElementTree.fromstring(picture)
    assert root.tag == f"{SVG}svg"
    assert "http" not in picture.replace("http://www.w3.org/2000/svg", "")
    numbers = [text for text in svg_texts(picture) if text.startswith("#")]
    assert len(numbers) == (count if count < 17 else 15)


@pytest.mark.parametrize(("value", "count"), RECORDS)
def test_a_page_has_a_row_for_each_attempt_and_needs_nothing_else(value: PodRecord, count: int) -> None:
    page = draw_html([lanes(value)])
    assert page.count('data-key="') == count
    assert len(page_data(page)["lanes"]) == count
    assert not re.search(r"https?:|src=|@[A-Z]+@", page)


def test_what_a_container_says_is_never_markup() -> None:
    page, picture = draw_html([lanes(evil())], log=lambda _pod, _lane: EVIL), draw_svg([lanes(evil())])
    assert page.count("</script>") == 2
    assert "<b>Error" not in page
    assert page_data(page)["lanes"][0]["log"] == EVIL
    assert ["message", EVIL] in page_data(page)["lanes"][0]["details"]
    assert any("<b>Error</b>" in text for text in svg_texts(picture))


def test_an_attempt_of_a_page_knows_what_it_began_after_and_what_began_after_it() -> None:
    known = {
        one["find"].split("#")[0] + one["find"].split()[1]: one
        for one in page_data(draw_html([lanes(again("pod"))]))["lanes"]
    }
    assert known["first #1"]["cause"] == "0/second#0"
    assert known["second #0"]["effects"] == ["0/first#1"]


def test_only_a_failed_attempt_shows_its_last_lines() -> None:
    lines = "".join(f"line {number}\n" for number in range(30))
    first, second = page_data(draw_html([lanes(record(*FAILS_TWICE))], log=lambda _pod, _lane: lines))["lanes"]
    assert first["log"].splitlines() == [f"line {number}" for number in range(22, 30)]
    assert second["log"] == ""


def test_of_many_attempts_the_ones_in_the_middle_are_hidden_until_asked_for() -> None:
    page = draw_html([lanes(crash_loop(40))])
    assert page.count('class="row lane hidden"') == 26
    assert "… 26 more attempts …" in page
    assert "41 attempts, 40 failed" in page
    assert "… 26 more attempts …" in svg_texts(draw_svg([lanes(crash_loop(40))]))


def test_an_arrow_leads_from_each_cause_to_its_effect() -> None:
    picture = ElementTree.fromstring(draw_svg([lanes(in_order())]))
    assert len([one for one in picture.iter(f"{SVG}path") if one.get("class") == "because"]) == 3


@pytest.mark.parametrize("draw_picture", [draw_svg, draw_html])
def test_compared_attempts_say_how_they_differ(draw_picture: Any) -> None:
    good = record(seen(0, [running("first")]), seen(3, [ended("first", 0)]))
    bad = record(seen(0, [running("first")]), seen(3, [ended("first", 3)]), seen(4, [waits_again("first", 0, code=3)]))
    picture = draw_picture([lanes(good), lanes(bad)], compared=True)
    assert "ran 3s, exit 3 (exit 0 there)" in picture
    assert "CrashLoopBackOff (only here)" in picture
    text = draw_compared(lanes(bad), lanes(good), width=120)
    assert "ran 3s, exit 3 (exit 0 th…" in text


def test_a_longer_run_says_by_how_much() -> None:
    short = record(seen(0, [running("first")]), seen(3, [ended("first", 0)]))
    long = record(seen(0, [running("first")]), seen(8, [ended("first", 0)]))
    assert "ran 8s, exit 0 (+5s)" in draw_svg([lanes(short), lanes(long)], compared=True)


def test_text_is_as_wide_as_asked_for_and_has_signs_for_what_happened() -> None:
    value = lanes(evil())
    text = draw([value], width=200)
    assert max(len(line) for line in text.splitlines()) <= 200
    assert "!" in text.splitlines()[2]
    assert text.rstrip().endswith("! fault")
    assert "31m" in draw([value], paint=Paint(True))


def spans_nest(events: Sequence[dict[str, Any]]) -> bool:
    """Whether of two spans of a thread one lies in the other, or they do not touch."""
    for one, other in pairwise(sorted(events, key=lambda event: (event["ts"], -event["dur"]))):
        if other["ts"] < one["ts"] + one["dur"] < other["ts"] + other["dur"]:
            return False
    return True


@pytest.mark.parametrize(("value", "count"), RECORDS)
def test_a_chrome_trace_has_the_structure_that_its_readers_want(value: PodRecord, count: int) -> None:
    trace = json.loads(json.dumps(chrome_trace([lanes(value), lanes(value)])))
    events = trace["traceEvents"]
    for event in events:
        assert {"name", "ph", "pid", "tid"} <= set(event)
        if event["ph"] != "M":
            assert isinstance(event["ts"], int)
            assert event["ts"] >= 0
        if event["ph"] == "X":
            assert event["dur"] >= 0
    threads = {(one["pid"], one["tid"]) for one in events}
    assert threads == {(one["pid"], one["tid"]) for one in events if one["name"] == "thread_name"}
    assert threads == {(one["pid"], one["tid"]) for one in events if one["name"] == "thread_sort_index"}
    assert len(threads) == 2 * (count + 1)
    for thread in threads:
        assert spans_nest([one for one in events if one["ph"] == "X" and (one["pid"], one["tid"]) == thread])
    starts = {one["id"]: one for one in events if one["ph"] == "s"}
    ends = {one["id"]: one for one in events if one["ph"] == "f"}
    assert set(starts) == set(ends)
    assert all(starts[number]["ts"] <= ends[number]["ts"] for number in starts)


def test_data_has_each_attempt_with_its_stretches_marks_and_cause() -> None:
    (pod,) = json.loads(json.dumps(timeline_data([lanes(evil())])))["pods"]
    (attempt,) = pod["attempts"]
    assert (attempt["container"], attempt["exitCode"], attempt["outcome"], attempt["role"]) == (
        "first",
        1,
        "failed",
        "init",
    )
    assert [one["doing"] for one in attempt["stretches"]] == ["running"]
    assert {one["kind"] for one in attempt["marks"]} == {"Unhealthy", "FaultInjected"}
    (_, _, first, _) = timeline_data([lanes(again("pod"))])["pods"][0]["attempts"][:4]
    assert first["after"] is not None


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.5, ["0s", "100ms", "200ms", "300ms", "400ms", "500ms"]),
        (90, ["0s", "15s", "30s", "45s", "1m", "1m15s", "1m30s"]),
        (86400, ["0s", "3h", "6h", "9h", "12h", "15h", "18h", "21h", "24h"]),
    ],
)
def test_an_axis_has_round_times(seconds: float, expected: list[str]) -> None:
    assert [text for _, text in ticks(seconds)] == expected


def test_an_axis_never_has_too_many_lines() -> None:
    assert all(seconds / step(seconds) <= 9 for seconds in (0.001, 1, 59, 3601, 86400 * 40, 86400 * 4000))


def test_several_pods_are_drawn_below_each_other() -> None:
    pods: list[PodLanes] = [lanes(in_order()), lanes(again("pod"))]
    assert draw_html(pods).count('class="row pod"') == 2
    assert len({one["pid"] for one in chrome_trace(pods)["traceEvents"]}) == 2
