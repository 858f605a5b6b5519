"""timeline: pictures of pods that are over, of whole runs and of directories, and of two of them compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.registry.home import Home
from tests.cli.support import CommandLine
from tests.cli.test_history import home, podrunner

__all__ = ["home", "podrunner"]


def test_a_pod_that_is_over_is_drawn_in_the_terminal(podrunner: CommandLine) -> None:
    done = podrunner("timeline", "web")
    assert done.code == 0, done.err
    assert [line.split() for line in done.out.splitlines()] == [
        ["0s", "15s", "30s"],
        ["migrate", "#0", "·███", "ran", "2s,", "exit", "3"],
        ["#1", "·░░░░░░░░░░░░░█████████", "ran", "6s,", "exit", "137"],
        ["app", "#0", "·" * 40, "PodInitializing"],
        ["·", "waiting", "░", "back-off", "▒", "pulling", "█", "running"],
    ]
    assert podrunner("timeline", "po/web@300501-115000").out == done.out


@pytest.mark.parametrize("word", ["last", "300501-115000"])
def test_a_run_is_all_its_pods(podrunner: CommandLine, word: str) -> None:
    found = json.loads(podrunner("timeline", word, "-o", "json").out)["pods"]
    assert [(one["name"], one["run"]) for one in found] == [("shop", "300501-115000"), ("web", "300501-115000")]
    assert [one["exitCode"] for one in found[0]["attempts"]] == [3, 137, None]


def test_a_directory_is_all_its_pods(podrunner: CommandLine, home: Home) -> None:
    path = next(Path(home.path).glob("history/300501-115000"))
    assert len(json.loads(podrunner("timeline", str(path), "-o", "json").out)["pods"]) == 2


@pytest.mark.parametrize(
    ("output", "begin"), [("html", "<!DOCTYPE html>"), ("svg", "<svg "), ("chrome", '{"displayTimeUnit"')]
)
def test_other_pictures_are_written_to_standard_output(podrunner: CommandLine, output: str, begin: str) -> None:
    done = podrunner("timeline", "web", "-o", output)
    assert (done.code, done.out[: len(begin)], done.err) == (0, begin, "")
    assert "migrate" in done.out


def test_a_page_has_the_last_lines_of_what_failed(podrunner: CommandLine) -> None:
    assert "no database" in podrunner("timeline", "web", "-o", "html").out


def test_two_runs_of_a_pod_are_compared(podrunner: CommandLine, home: Home) -> None:
    done = podrunner("timeline", "web", "--compare", "web@300501-114900")
    assert done.code == 0, done.err
    rows = done.out.splitlines()
    assert rows[1] == "web@300501-114900"
    assert "web@300501-115000" in rows
    assert podrunner("timeline", "web", "--compare", "web@300501-114900", "-o", "svg").out.count("web@300501") == 2


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["timeline", "wbe"], 'no record of pod "wbe"'),
        (["timeline", "web@nosuch"], 'no run "nosuch" is kept'),
        (["timeline", "web", "--compare", "nosuch"], 'no record of pod "nosuch"'),
        (["timeline", "web", "--compare", "last"], "--compare draws one pod on each side"),
        (["timeline"], "Missing argument"),
    ],
)
def test_what_there_is_no_record_of_is_said(podrunner: CommandLine, words: list[str], error: str) -> None:
    done = podrunner(*words)
    assert done.code == 2
    assert error in done.err
