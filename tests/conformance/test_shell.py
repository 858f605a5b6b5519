"""The reader of small scripts: what they do when, and what it refuses."""

from __future__ import annotations

import pytest

from tests.conformance.shell import Kind, Unknown, follow, parse

MARK = "m() { echo \"$(cut -d' ' -f1 /proc/uptime) one $*\" | tee -a /log >> /proc/1/fd/1; }\n"


def script(text: str) -> list[str]:
    return ["sh", "-c", text]


@pytest.mark.parametrize(
    ("text", "seconds", "code"),
    [
        ("exit 3", 0, 3),
        ("sleep 2; exit 42", 2, 42),
        ("sleep 5 & wait $!; exit 1", 5, 1),
        ("sleep 5 & exit 1", 0, 1),
        ("true; /bin/false", 0, 1),
        ("sleep 10000", None, 0),
        ("while true; do sleep 1; done", None, 0),
        ("if [ -f /there ]; then exit 1; elif [ -f /here ]; then exit 2; else exit 3; fi", 0, 2),
        ("if [ -f /there ]; then exit 1; else exit 3; fi", 0, 3),
        ("touch /there; sleep 1; rm -f /there; cat /there", 1, 1),
        ("until [ -f /later ]; do sleep 0.5; done; exit 7", 3, 7),
        ("f=/here; count=$(echo hello >> $f; wc -l < $f); if [ $count -eq 2 ]; then exit 5; fi", 0, 5),
    ],
)
def test_when_and_how_a_script_ends(text: str, seconds: float | None, code: int) -> None:
    def writes(path: str, at: float) -> int:
        return int(path == "/here" or (path == "/later" and at >= 3))

    doings = follow(script(text), writes)
    assert doings.seconds == (None if seconds is None else pytest.approx(seconds, abs=0.6 if "until" in text else 0.1))
    assert doings.code == code


def test_marks_have_their_times() -> None:
    doings = follow(script(MARK + "m Starting\nsleep 3 & wait $!\nm Exiting 0\nexit 0\n"), lambda _path, _at: 0)
    marks = [(round(effect.at), effect.text) for effect in doings.effects if effect.kind is Kind.MARK]
    assert marks == [(0, "one Starting"), (3, "one Exiting 0")]


@pytest.mark.parametrize(
    "text",
    ["trap 'sleep 4; exit 9' TERM; sleep 60 & wait $!", "go() { sleep 4; exit 9; }; trap go TERM; sleep 60 & wait $!"],
)
def test_a_trap_is_what_term_does(text: str) -> None:
    doings = follow(script(text), lambda _path, _at: 0)
    assert doings.trap is not None
    assert (doings.trap.seconds, doings.trap.code) == (4, 9)


def test_without_a_trap_the_first_process_ignores_term() -> None:
    assert follow(script("sleep 600"), lambda _path, _at: 0).trap is None


@pytest.mark.parametrize(
    "text",
    [
        "httpd -p 8080 -h /www",
        "cat /a | wc -l",
        "trap 'exit 0' TERM; sleep 600",
        "while true; do touch /a; done",
        "if true; then exit 1",
        "(exit 1)",
        "ls & wait $!",
    ],
)
def test_what_needs_a_real_process_is_refused(text: str) -> None:
    with pytest.raises(Unknown):
        follow(script(text), lambda _path, _at: 0)


def test_a_script_is_read_to_its_end() -> None:
    with pytest.raises(Unknown):
        parse("exit 0; fi")
