"""The command line: arguments → options → api → renderer → exit code."""

from __future__ import annotations


def run_cli(argv: list[str]) -> int:
    """Run one command with the process's streams and environment; returns the exit code and raises nothing."""
    from runner.cli.main import main

    return main(argv)


__all__ = ["run_cli"]
