"""The README tells the truth: its commands, flags, exit codes and its program."""

from __future__ import annotations

import re
import subprocess
import sys

import click
import pytest

from runner.cli.main import cli
from runner.errors import ExitCode
from tests.e2e.support import ROOT, Bench

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTEXT = click.Context(cli)
COMMANDS = {name: command for name in cli.list_commands(CONTEXT) if (command := cli.get_command(CONTEXT, name))}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme_and_its_help_has_an_example(name: str) -> None:
    assert re.search(rf"^\| .*`{name}\b", README, re.MULTILINE)
    command = COMMANDS[name]
    text = command.get_help(click.Context(command, info_name=name))
    assert re.search(rf"Example:\n  .*podrunner {name}", text)


@pytest.mark.parametrize("parameter", [p for p in COMMANDS["run"].params if isinstance(p, click.Option)], ids=str)
def test_every_flag_of_run_is_in_the_readme(parameter: click.Option) -> None:
    assert any(
        re.search(rf"`[^`]*(?<!\w){re.escape(flag)}\b", README) for flag in (*parameter.opts, *parameter.secondary_opts)
    )


def test_every_exit_code_is_in_the_readme() -> None:
    table = README.partition("## Exit codes")[2].partition("##")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == sorted(ExitCode)


@pytest.mark.docker
def test_the_program_of_the_readme_runs(bench: Bench) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=bench.environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,  # nginx that gets SIGTERM before it listens to signals needs its whole grace period
        check=False,
    )
    assert (done.stdout, done.stderr) == ("Running Init Container 2\n", "")
