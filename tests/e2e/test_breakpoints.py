"""Breakpoints on the real Engine: a pod stands, nothing of it goes on, and it goes on as another process says."""

from __future__ import annotations

from runner.core.faults.breakpoints import stopped_at
from tests.e2e.support import Bench, container, pod

FAILS = "exit 3"


def test_a_pod_stands_at_breakpoints_until_another_process_lets_it_go_on(bench: Bench) -> None:
    name = bench.name("stands")
    file = bench.write(
        pod(name, container("app", "exit 0"), inits=[container("migrate", FAILS)], restartPolicy="Never")
    )
    run = bench.start("run", file, "--break", "migrate#0.failed", "--break", "migrate#1.failed")
    run.line("stands still", "attempt 0")
    assert stopped_at(bench.pod(name)) == "migrate#0.failed"
    assert "migrate#0.failed" in bench("describe", "pod", name).out
    refused = bench("retry", name)
    assert (refused.code, f"pod {name} stands at breakpoint migrate#0.failed" in refused.err) == (1, True)
    again = bench("continue", name, "--retry")
    assert (again.code, again.out) == (0, f"pod/{name} goes on from migrate#0.failed: the attempt is made again\n")
    run.line("stands still", "attempt 1")
    assert bench("continue", "--skip").code == 0
    done = run.end()
    assert done.code == 0, done.err
    assert f"pod/{name} stands still: attempt 1 of migrate has failed (exit code 3)" in done.err
    assert ("Breakpoint", "migrate: Stopped at breakpoint migrate#1.failed, exit code 3") in done.events
    bench.assert_nothing_left(name)


def test_a_run_is_interrupted_while_its_pod_stands(bench: Bench) -> None:
    name = bench.name("interrupted")
    file = bench.write(pod(name, container("app", "exit 0"), inits=[container("migrate", FAILS)]))
    run = bench.start("run", file, "--timeout", "1s", "--break", "migrate.created")
    run.line("stands still")
    assert stopped_at(bench.pod(name)) == "migrate#0.created"
    run.interrupt()
    done = run.end()
    assert done.code == 130, done.err
    assert "ValueError" not in done.err
    bench.assert_nothing_left(name)
