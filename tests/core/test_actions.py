"""The decision of a sync in corners that no recording covers."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.model import ContainerID, Pod, ProbeKind, RetryScope
from runner.core.observed import Observed, ProbeResult, ProbeResults, SandboxRecord
from runner.core.sync.actions import compute_pod_actions
from tests.support.pods import START, make_pod, observed, record

POD, HOSTED = make_pod(), make_pod(hostNetwork=True)


def box(attempt: int, *, ready: bool = True, ip: str = "10.0.0.1", host: bool = False) -> SandboxRecord:
    return SandboxRecord(
        id=ContainerID(f"sandbox-{attempt}"), attempt=attempt, ready=ready, ip=ip, created_at=START, host_network=host
    )


BOXES: list[tuple[str, Pod, list[SandboxRecord], tuple[bool, int, str]]] = [
    ("no sandbox", POD, [], (True, 0, "")),
    ("a ready one", POD, [box(3), box(2, ready=False)], (False, 3, "sandbox-3")),
    ("two ready ones", POD, [box(3), box(2)], (True, 4, "sandbox-3")),
    ("the newest is dead", POD, [box(3, ready=False), box(2)], (True, 4, "sandbox-3")),
    ("another network mode, the old one is not named", POD, [box(3, host=True)], (True, 4, "")),
    ("the host's network is missing", HOSTED, [box(3)], (True, 4, "")),
    ("no address", POD, [box(3, ip="")], (True, 4, "sandbox-3")),
    ("no address, but the host's", HOSTED, [box(3, ip="", host=True)], (False, 3, "sandbox-3")),
]


@pytest.mark.parametrize(("pod", "boxes", "wanted"), [r[1:] for r in BOXES], ids=[r[0] for r in BOXES])
def test_when_a_sandbox_is_replaced(pod: Pod, boxes: list[SandboxRecord], wanted: tuple[bool, int, str]) -> None:
    actions = compute_pod_actions(pod, Observed(at=START, sandboxes=tuple(boxes)), ProbeResults())
    assert (actions.create_sandbox, actions.attempt, actions.sandbox_id) == wanted
    assert bool(actions.pod_cause) is actions.create_sandbox


def proxy(**more: Any) -> dict[str, Any]:
    return {"name": "proxy", "restartPolicy": "Always", **more}


CHECKED = {"exec": {"command": ["true"]}}
SIDECAR = make_pod([proxy(livenessProbe=CHECKED, startupProbe=CHECKED), "init"])
PROBED = make_pod((), ({"name": "main", "livenessProbe": CHECKED, "startupProbe": CHECKED},))
NEVER = make_pod((), ({"name": "main", "startupProbe": CHECKED},), policy="Never")
FAILURE, SUCCESS = ProbeResult.FAILURE, ProbeResult.SUCCESS

KILLS: list[tuple[str, Pod, Observed, ProbeResults, list[tuple[str, ProbeKind | None]], list[str]]] = [
    (
        "a failed startup probe kills and starts again",
        PROBED,
        observed(record(PROBED, "main")),
        ProbeResults(startup={"main-0": FAILURE}),
        [("Container main failed startup probe, will be restarted", ProbeKind.STARTUP)],
        ["main"],
    ),
    (
        "the liveness probe is asked first",
        PROBED,
        observed(record(PROBED, "main")),
        ProbeResults(startup={"main-0": FAILURE}, liveness={"main-0": FAILURE}),
        [("Container main failed liveness probe, will be restarted", ProbeKind.LIVENESS)],
        ["main"],
    ),
    (
        "an app that may not restart is killed for good",
        NEVER,
        observed(record(NEVER, "main")),
        ProbeResults(startup={"main-0": FAILURE}),
        [("Container main failed startup probe", ProbeKind.STARTUP)],
        [],
    ),
    (
        "another image restarts whatever the policy",
        NEVER,
        observed(record(NEVER, "main", spec_hash="old")),
        ProbeResults(),
        [("Container main definition changed, will be restarted", None)],
        ["main"],
    ),
    (
        "an app in an unknown state is killed first",
        POD,
        observed(record(POD, "main", "unknown")),
        ProbeResults(),
        [('Container is in "unknown" state, try killing it before restart', None)],
        ["main"],
    ),
    (
        "another image replaces a running sidecar",
        SIDECAR,
        observed(record(SIDECAR, "main"), record(SIDECAR, "proxy", spec_hash="old")),
        ProbeResults(startup={"proxy-0": SUCCESS}),
        [("Init container proxy definition changed", None)],
        ["proxy"],
    ),
    (
        "a sidecar's failed startup probe",
        SIDECAR,
        observed(record(SIDECAR, "proxy")),
        ProbeResults(startup={"proxy-0": FAILURE}),
        [("Init container proxy failed startup probe", ProbeKind.STARTUP)],
        ["proxy"],
    ),
    (
        "a sidecar without a verdict is waited for",
        SIDECAR,
        observed(record(SIDECAR, "proxy")),
        ProbeResults(),
        [],
        [],
    ),
    (
        "a sidecar's failed liveness probe",
        SIDECAR,
        observed(record(SIDECAR, "init"), record(SIDECAR, "proxy")),
        ProbeResults(startup={"proxy-0": SUCCESS}, liveness={"proxy-0": FAILURE}),
        [("Init container proxy failed liveness probe", ProbeKind.LIVENESS)],
        ["proxy"],
    ),
]


@pytest.mark.parametrize(
    ("pod", "seen", "results", "killed", "started"), [r[1:] for r in KILLS], ids=[r[0] for r in KILLS]
)
def test_kills(
    pod: Pod,
    seen: Observed,
    results: ProbeResults,
    killed: list[tuple[str, ProbeKind | None]],
    started: list[str],
) -> None:
    actions = compute_pod_actions(pod, seen, results)
    assert [(kill.message, kill.probe) for kill in actions.to_kill] == killed
    assert [*actions.init_to_start, *actions.containers_to_start] == started


INIT = make_pod(["init"])
ONCE = make_pod(["init"], policy="Never")
ON_FAILURE = make_pod(policy="OnFailure")
CAUSES: list[tuple[str, Pod, Observed, str, str]] = [
    ("an ended app", POD, observed(record(POD, "main", "exited", code=3)), "main", "it ended with exit code 3"),
    (
        "an app that never ran",
        POD,
        observed(record(POD, "main", "created")),
        "main",
        "it was created but never started",
    ),
    ("an app lost sight of", POD, observed(record(POD, "main", "unknown")), "main", "its state is unknown"),
    (
        "an init that never ran",
        INIT,
        observed(record(INIT, "init", "created")),
        "init",
        "it was created but never started",
    ),
    ("an init lost sight of", INIT, observed(record(INIT, "init", "unknown")), "init", "its state is unknown"),
    (
        "an init lost sight of that may not restart",
        ONCE,
        observed(record(ONCE, "init", "unknown")),
        "",
        "the state of init container init is unknown, and it may not restart",
    ),
    (
        "an init killed for memory with exit code 0 is not started again under OnFailure",
        make_pod(["init"], policy="OnFailure"),
        observed(record(INIT, "init", "exited", reason="OOMKilled")),
        "",
        "init container init failed and may not restart",
    ),
    (
        "a lost sandbox of a pod that never restarts",
        ONCE,
        observed(record(ONCE, "init", "exited"), ready=False),
        "",
        "the sandbox is not ready, and restartPolicy Never starts nothing again",
    ),
    (
        "a lost sandbox whose app has succeeded",
        ON_FAILURE,
        observed(record(ON_FAILURE, "main", "exited"), ready=False),
        "",
        "the sandbox is not ready, and every container is done",
    ),
    ("a lost sandbox of an app", POD, observed(record(POD, "main"), ready=False), "main", "new sandbox"),
]


@pytest.mark.parametrize(("pod", "seen", "name", "cause"), [r[1:] for r in CAUSES], ids=[r[0] for r in CAUSES])
def test_every_decision_has_its_cause(pod: Pod, seen: Observed, name: str, cause: str) -> None:
    """Without a name it is the pod's own."""
    actions = compute_pod_actions(pod, seen, ProbeResults())
    assert (actions.cause(name) if name else actions.pod_cause) == cause


def test_an_app_of_an_older_sandbox_does_not_prove_that_the_pod_is_initialised() -> None:
    seen = observed(record(INIT, "main", sandbox_id="sandbox-9"))
    assert compute_pod_actions(INIT, seen, ProbeResults()).init_to_start == ("init",)
    here = observed(record(INIT, "main"))
    assert compute_pod_actions(INIT, here, ProbeResults()).init_to_start == ()


def test_a_running_regular_init_container_is_waited_for_whatever_its_definition() -> None:
    changed = compute_pod_actions(INIT, observed(record(INIT, "init", spec_hash="old")), ProbeResults())
    assert changed == compute_pod_actions(INIT, observed(record(INIT, "init")), ProbeResults())
    assert (changed.to_kill, changed.init_to_start) == ((), ())


def test_ephemeral_containers_start_once_and_beside_everything() -> None:
    pod = make_pod(ephemeralContainers=[{"name": "debug", "image": "busybox"}])
    main = record(pod, "main")
    assert compute_pod_actions(pod, observed(main), ProbeResults()).ephemeral_to_start == ("debug",)
    ended = record(pod, "debug", "exited", code=1)
    assert compute_pod_actions(pod, observed(ended, main), ProbeResults()).ephemeral_to_start == ()


def test_a_new_sandbox_comes_before_all_starts_again_by_a_written_rule() -> None:
    ask = {
        "restartPolicy": "Never",
        "restartPolicyRules": [{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [5]}}],
    }
    pod = make_pod([{"name": "init", **ask}], ["a"], policy="Never")
    seen = observed(record(pod, "init", "exited", code=5), ready=False)
    actions = compute_pod_actions(pod, seen, ProbeResults())
    assert (actions.kill_pod, actions.create_sandbox, actions.init_to_start) == (True, True, ())
    assert [reset.name for reset in actions.to_reset] == ["init"]


def test_a_lost_sandbox_starts_everything_again_without_the_rule_of_a_retry_scope() -> None:
    pod = make_pod(["init"], ["a"], scope=RetryScope.POD)
    seen = observed(record(pod, "init", "exited", code=1), ready=False)
    actions = compute_pod_actions(pod, seen, ProbeResults())
    assert (actions.create_sandbox, actions.init_to_start, actions.to_reset) == (True, ("init",), ())


def test_restarting_everything_removes_every_instance_apps_first_sources_last() -> None:
    ask = {
        "restartPolicy": "Never",
        "restartPolicyRules": [{"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [5]}}],
    }
    pod = make_pod([{"name": "init", **ask}, "other"], [{"name": "a", **ask}, "b"])
    seen = observed(
        record(pod, "b"),
        record(pod, "a", "exited", code=5, attempt=1),
        record(pod, "a", "exited", code=1),
        record(pod, "other", "exited"),
        record(pod, "init", "exited", code=5),
    )
    resets = compute_pod_actions(pod, seen, ProbeResults()).to_reset
    assert [(reset.id, reset.running) for reset in resets] == [
        ("a-0", False),
        ("b-0", True),
        ("other-0", False),
        ("a-1", False),
        ("init-0", False),
    ]
