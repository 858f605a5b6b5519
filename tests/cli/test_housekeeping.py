"""gc, doctor, version, completion, and what all commands have in common."""

from __future__ import annotations

import json

import pytest
from click.shell_completion import ShellComplete

from runner import __version__
from runner.cli.app import App
from runner.cli.commands.doctor import PROBLEM
from runner.cli.main import COMMANDS, cli
from runner.janitor.gc import GcReport
from runner.registry.contract import put
from tests.cli.support import CommandLine, pod, put_pod


@pytest.fixture
def podrunner() -> CommandLine:
    return CommandLine()


@pytest.mark.parametrize(
    ("argv", "asked"),
    [
        pytest.param("gc", (False, None, False, False), id="what dead processes left"),
        pytest.param("gc --all --older-than 1h --dry-run", (True, 3600.0, True, False), id="all"),
        pytest.param("gc --all --other-homes", (True, None, False, True), id="other state directories too"),
    ],
)
def test_gc_sweeps_what_it_is_told(
    podrunner: CommandLine, argv: str, asked: tuple[bool, float | None, bool, bool]
) -> None:
    done = podrunner(*argv.split())
    assert (done.code, done.out, done.err) == (0, "", "nothing to remove\n")
    assert podrunner.runner.asked["gc"] == asked


def test_other_homes_without_all_is_a_question(podrunner: CommandLine) -> None:
    done = podrunner("gc", "--other-homes")
    assert (done.code, "goes with --all" in done.err, podrunner.runner.asked.get("gc")) == (2, True, None)


def test_gc_names_what_it_removed_and_what_it_could_not(podrunner: CommandLine) -> None:
    podrunner.runner.report = GcReport(
        pods=("default/web",), containers=("k8s_a",), volumes=("v",), problems=("v2: in use",)
    )
    done = podrunner("gc")
    assert done.out == "removed pod default/web\nremoved container k8s_a\nremoved volume v\n"
    assert (done.code, done.err) == (1, "error: v2: in use\n")


def test_a_dry_run_says_what_would_happen(podrunner: CommandLine) -> None:
    podrunner.runner.report = GcReport(volumes=("v",))
    assert podrunner("gc", "--dry-run").out == "would remove volume v\n"


def test_doctor_without_an_engine_ends_with_3(podrunner: CommandLine) -> None:
    podrunner.runner.rows = [("podrunner", "1"), (PROBLEM, "no Docker Engine answers"), ("", "tried: …")]
    done = podrunner("doctor")
    assert done.code == 3
    assert "Problem:    no Docker Engine answers\n" in done.out


def test_podrunner_alone_prints_its_help(podrunner: CommandLine) -> None:
    done = podrunner()
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Usage: podrunner ")
    assert done.out == podrunner("--help").out


def test_doctor_prints_aligned_rows(podrunner: CommandLine) -> None:
    podrunner.runner.rows = [("Engine", "unix:///x"), ("API version", "1.41"), ("", "second line")]
    assert podrunner("doctor").out == "Engine:       unix:///x\nAPI version:  1.41\n              second line\n"


def test_version_is_text_or_json(podrunner: CommandLine) -> None:
    assert podrunner("version").out.startswith(f"podrunner {__version__} (Python 3.")
    assert json.loads(podrunner("version", "-o", "json").out)["podrunner"] == __version__


@pytest.mark.parametrize(
    ("shell", "sign"), [("bash", "complete -o"), ("zsh", "#compdef podrunner"), ("fish", "complete --")]
)
def test_completion_scripts_call_podrunner(podrunner: CommandLine, shell: str, sign: str) -> None:
    done = podrunner("completion", shell)
    assert (done.code, done.err) == (0, "")
    assert sign in done.out
    assert "_PODRUNNER_COMPLETE" in done.out


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        pytest.param([], "des", ["describe"], id="commands"),
        pytest.param(["logs"], "w", ["web", "worker"], id="pods"),
        pytest.param(["get"], "pod/we", ["pod/web"], id="pods with their kind"),
        pytest.param(["get"], "dep", ["deploy", "deployment", "deployments"], id="kinds"),
        pytest.param(["describe", "po"], "w", ["web", "worker"], id="names of the kind"),
        pytest.param(["get", "deploy"], "", ["shop"], id="workloads"),
        pytest.param(["delete"], "deploy/", ["deploy/shop"], id="workloads with their kind"),
        pytest.param(["delete"], "we", ["web"], id="pods need no kind to be deleted"),
        pytest.param(["delete", "po", "web"], "w", ["worker"], id="what is named already is not offered again"),
        pytest.param(["get", "nosuch"], "", [], id="nothing of a kind that is none"),
        pytest.param(["wait", "--for"], "condition=R", ["condition=Ready"], id="conditions"),
        pytest.param(["wait", "--for=create", "deploy"], "", ["shop"], id="what is waited for"),
        pytest.param(["logs"], "deploy/", ["deploy/shop"], id="workloads have logs"),
        pytest.param(["logs", "web", "-c"], "", ["first", "main"], id="containers of the pod"),
        pytest.param(["logs", "web"], "fi", ["first"], id="containers as an argument"),
        pytest.param(["logs", "-n", "other"], "", ["far"], id="pods of the namespace"),
        pytest.param(["run", "--until"], "r", ["ready"], id="values of a flag"),
        pytest.param(["get", "po", "-o"], "js", ["json", "jsonpath="], id="formats"),
    ],
)
def test_the_shell_completes(podrunner: CommandLine, words: list[str], incomplete: str, expected: list[str]) -> None:
    """Pods and containers come from the store."""
    put_pod(podrunner.runner.store, pod("web"))
    put_pod(podrunner.runner.store, pod("worker"))
    put_pod(podrunner.runner.store, pod("far", namespace="other"))
    metadata = {"name": "shop", "namespace": "default"}
    put(podrunner.runner.store, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata})
    app = App(environ={}, make_runner=lambda _environ, _home: podrunner.runner)
    completer = ShellComplete(cli, {"obj": app}, "podrunner", "_PODRUNNER_COMPLETE")
    assert [item.value for item in completer.get_completions(words, incomplete)] == expected


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_helps_with_an_example(podrunner: CommandLine, name: str) -> None:
    """The example in the help is one that the command accepts."""
    done = podrunner(name, "--help")
    assert (done.code, done.err) == (0, "")
    head, _, example = done.out.partition("Example:\n")
    assert head.startswith(f"Usage: podrunner {name} ")
    words = example.split("podrunner ", 1)[1].replace(')"', "").split()
    command = cli.get_command(
        cli.make_context("podrunner", [name, "--help"], obj=App(environ={}), resilient_parsing=True), name
    )
    assert command is not None
    assert words[0] == name
    command.make_context(name, words[1:], obj=App(environ={}))


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_explains_itself(name: str) -> None:
    context = cli.make_context("podrunner", [name], obj=App(environ={}), resilient_parsing=True)
    command = cli.get_command(context, name)
    assert command is not None
    silent = [p.name for p in command.params if p.param_type_name == "option" and not getattr(p, "help", "")]
    assert silent == []


def test_help_lists_all_commands_with_a_whole_sentence(podrunner: CommandLine) -> None:
    text = podrunner("--help").out
    for name in COMMANDS:
        row = next(part for part in text.splitlines() if part.startswith(f"  {name} "))
        assert row.endswith("."), row
        assert not row.endswith("..."), row


def test_a_mistake_of_ours_is_one_message(podrunner: CommandLine) -> None:
    podrunner.environ = {"PODRUNNER_DEBUG": ""}
    podrunner.runner.rows = [("a",)]  # type: ignore[list-item]
    done = podrunner("doctor")
    assert done.code == 1
    assert done.err.startswith("error: this is a mistake in podrunner: ValueError: ")
    assert "Traceback" not in done.err


def test_errors_are_red_on_a_terminal_only(podrunner: CommandLine) -> None:
    assert podrunner("get", "x", terminal=True).err.startswith("\x1b[31merror:\x1b[0m ")
    assert podrunner("get", "x").err.startswith("error: ")
    told = "\x1b[31mError from server (NotFound):\x1b[0m "
    assert podrunner("get", "po", "x", terminal=True).err.startswith(told)
