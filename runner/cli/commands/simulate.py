"""``simulate``: a pod's life in virtual time, without an Engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from runner.cli.app import app_of
from runner.cli.faults import fault_options, faults_of, retry_of
from runner.cli.manifests import load_objects
from runner.cli.options import DURATION, command, file_option, namespace_option, option
from runner.core.workloads import WORKLOAD_KINDS
from runner.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runner.api.options import WorkerOptions
    from runner.api.simulating import CompanySimulation, Simulation
    from runner.cli.app import App
    from runner.core.manifest import LoadedObject


@command(
    "simulate",
    "podrunner simulate pod.yaml --script failing.yaml --for 10m -o timeline",
    short_help="Run pods in virtual time, without Docker.",
)
@click.argument("paths", nargs=-1, metavar="[FILE]...", type=click.Path())
@file_option
@option("--script", type=click.Path(), help="What the containers do: a YAML file, or - for standard input.")
@option("--for", "for_seconds", type=DURATION, default="1h", show_default=True, help="Stop after this virtual time.")
@option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "timeline", "html", "svg", "chrome"]),
    default="table",
    show_default=True,
    help="What kubectl get -w would show, with the events; one JSON object for each status; a drawing in the terminal; "
    "the same as a page, as a picture, or for Perfetto.",
)
@option(
    "--retry",
    type=click.Choice(["pod", "container"]),
    default="pod",
    show_default=True,
    help="What runs again when an init container fails: every container of the pod, or the failed one alone.",
)
@option("--max-restarts", type=click.IntRange(min=0), help="Give up after so many restarts of any container.")
@option("--backoff", default="10s..5m", show_default=True, metavar="FIRST..MOST", help="Waits between restarts.")
@option("--speed", type=click.FloatRange(min=0, min_open=True), default=1.0, help="Our own waits pass N times faster.")
@fault_options()
@namespace_option
def simulate(paths: tuple[str, ...], files: tuple[str, ...], namespace: str, **flags: Any) -> int:
    """Run pods in virtual time, as the kubelet would, and the workloads that make them: an hour takes milliseconds.

    Without a script regular init containers exit 0 after a second, other containers run until they are told to stop, and
    every image is there. No Docker is needed. A script says otherwise, every part of it being optional:

    \b
      containers:
        init-2:
          attempts:              # in order; the last one repeats
          - {exit: 1, after: 3s}
          - {oom: true, after: 1s}
          - {startError: "no such file"}
          - {exit: 0, after: 10s}
        app:
          attempts: [{run: forever, onTerm: {exit: 0, after: 2s}}]  # or onTerm: ignore
          probes: {readiness: [{at: 0s, result: failure}, {at: 5s, result: success}]}
          hooks: {preStop: {took: 3s}, postStart: {error: "text"}}
          terminationMessage: "text"
      images:
        nosuch:1: [{error: "manifest unknown"}, {ok: true, took: 2s}]
      objects: [{at: 40s, create: {kind: ConfigMap, metadata: {name: late}, data: {k: v}}}]
      steps:                     # also: kill, pause, unpause, removeContainer: CONTAINER
      - {at: 30s, killSandbox: true}
      - {at: 40s, updateImage: {container: app, image: "busybox:2"}}
      - {at: 60s, delete: {grace: 20s}}

    With several pods a script is about the containers of these names in each of them, and its steps about every pod that
    is there. "web-0/app" names the container of one pod, "web-*/app" that of all whose names begin so; a step may say
    pod: web-0 instead. The pods have one Engine: what one has pulled is there for the others. What a Job makes after a pod
    failed goes on with the next attempts; its containers of which nothing is said exit 0.

    The exit code is 0 however the pods fare; 2 means that manifest or script are wrong.
    """
    app = app_of()
    if flags["for_seconds"] <= 0:
        raise UsageError("--for must be longer than nothing")
    sources = (*paths, *files)
    objects = load_objects(app, sources, namespace)
    flags |= {"chosen": faults_of(app, flags, sources), "retry": retry_of(flags, sources)}
    if [o.kind for o in objects if o.kind == "Pod" or o.kind in WORKLOAD_KINDS] == ["Pod"]:
        simulation = _simulated(app, objects, namespace, flags)
        _print(app, simulation, flags["output"])
        words = _last_words(simulation)
    else:
        company = _company(app, objects, namespace, flags)
        _print_company(app, company, flags["output"])
        words = _last_words_of_company(company)
    if flags["output"] != "json":
        app.say(words)
    return 0


def _company(app: App, objects: Sequence[LoadedObject], namespace: str, flags: dict[str, Any]) -> CompanySimulation:
    from runner.api.simulating import (
        MAX_PODS,
        RandomIdentities,
        checked_faults,
        names_of,
        parse_script,
        simulate_company,
    )
    from runner.core.workloads import expand

    count = sum(o.kind == "Pod" for o in objects)
    count += sum(w.most_pods for w in expand(objects, RandomIdentities(), app.clock.now()))
    if not any(o.kind == "Pod" or o.kind in WORKLOAD_KINDS for o in objects):
        raise UsageError("no objects passed to simulate", hint="a manifest needs a Pod, or something that makes pods")
    if count > MAX_PODS:
        raise UsageError(f"the manifests ask for {count} pods, one node runs at most {MAX_PODS}")
    script = parse_script(
        _script_text(app, flags["script"]), names_of(objects, namespace), name=flags["script"] or "script"
    )
    return simulate_company(
        objects,
        script,
        options=_worker_options(flags),
        for_seconds=flags["for_seconds"],
        faults=checked_faults(flags["chosen"], objects),
    )


def _simulated(app: App, objects: Sequence[LoadedObject], namespace: str, flags: dict[str, Any]) -> Simulation:
    from runner.api.simulating import checked_faults, new_pod, parse_script
    from runner.api.simulating import simulate as run_simulation

    pods = [o for o in objects if o.kind == "Pod"]
    pod = new_pod(pods[0].value, namespace=namespace)
    text = _script_text(app, flags["script"])
    return run_simulation(
        pod,
        parse_script(text, pod, name=flags["script"] or "script"),
        options=_worker_options(flags),
        for_seconds=flags["for_seconds"],
        objects=[{**o.value, "kind": o.kind} for o in objects if o.kind in ("ConfigMap", "Secret")],
        faults=checked_faults(flags["chosen"], objects),
    )


def _script_text(app: App, path: str | None) -> str:
    if path is None:
        return ""
    if path == "-":
        return app.stdin.read()
    try:
        return Path(path).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f'the path "{path}" does not exist') from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f'cannot read "{path}": {error}') from error


def _worker_options(flags: dict[str, Any]) -> WorkerOptions:
    from runner.api.options import WorkerOptions
    from runner.api.retrying import RetryPolicy, parse_backoff

    initial, cap = parse_backoff(flags["backoff"])
    return WorkerOptions(
        retry=RetryPolicy(scope=flags["retry"], initial=initial, cap=cap),
        max_restarts=flags["max_restarts"],
        speed=flags["speed"],
    )


def _print(app: App, simulation: Simulation, output: str) -> None:
    match output:
        case "json":
            from runner.render.simulated import trace_lines

            for line in trace_lines(simulation):
                app.out.exact(line)
        case "timeline":
            from runner.api.simulating import timeline
            from runner.render.timeline.text import draw

            app.out.write(draw([timeline(simulation)], width=app.out.columns, paint=app.paint(app.out), named=False))
        case "html" | "svg" | "chrome":
            _print_picture(app, [simulation], output)
        case _:
            from runner.render.simulated import table_lines

            for line in table_lines(simulation):
                app.out.write(line)


def _print_picture(app: App, simulations: Sequence[Simulation], output: str) -> None:
    from runner.api.simulating import timeline
    from runner.render.timeline.pictures import picture

    app.out.exact(picture(output, [timeline(one) for one in simulations]))


def _print_company(app: App, simulation: CompanySimulation, output: str) -> None:
    from runner.render.company import table_lines, trace_lines

    if output == "timeline":
        from runner.api.simulating import timeline
        from runner.render.timeline.text import draw

        app.out.write(draw([timeline(one) for one in simulation.pods], width=app.out.columns, paint=app.paint(app.out)))
        return
    if output in ("html", "svg", "chrome"):
        _print_picture(app, simulation.pods, output)
        return
    if output == "json":
        for line in trace_lines(simulation):
            app.out.exact(line)
        return
    for line in table_lines(simulation):
        app.out.write(line)


def _last_words_of_company(simulation: CompanySimulation) -> str:
    from runner.api.simulating import End
    from runner.core.text.times import format_duration

    lines = [
        f"pod {one.pod.name}: gave up after too many restarts of {one.gave_up}"
        for one in simulation.pods
        if one.gave_up
    ]
    end = format_duration(round(simulation.seconds(simulation.ended_at), 3))
    why = "the pods are gone" if simulation.end is End.GONE else str(simulation.end)
    return "\n".join([*lines, *simulation.verdicts, f"{end}: {why}"])


def _last_words(simulation: Simulation) -> str:
    from runner.core.text.times import format_duration

    end = format_duration(round(simulation.seconds(simulation.ended_at), 3))
    if simulation.gave_up:
        return f"gave up after too many restarts of {simulation.gave_up}"
    return f"{end}: {simulation.end}"
