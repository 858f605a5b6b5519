"""get, describe and events."""

from __future__ import annotations

import json

import pytest
import yaml

from runner.core.status.podstatus import Phase, PodStatus
from runner.registry.contract import put
from runner.registry.deletion import forget_pod
from tests.cli.support import CommandLine, event, pod, publish, put_pod


def put_workloads(line: CommandLine) -> None:
    """A Deployment with its ReplicaSet and a Job, created five seconds ago."""
    created = {"namespace": "default", "creationTimestamp": "2030-05-01T11:59:55Z"}
    owners = {"shop-1": [{"kind": "Deployment", "name": "shop", "uid": "uid-shop", "controller": True}]}
    template = {"spec": {"containers": [{"name": "main", "image": "nginx:1.27"}]}}
    spec = {"replicas": 2, "template": template, "selector": {"matchLabels": {"app": "web"}}}
    jobs = {"completions": 3, "template": template}
    for version, kind, name, own, status in (
        ("apps/v1", "Deployment", "shop", spec, {"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1}),
        ("apps/v1", "ReplicaSet", "shop-1", spec, {"replicas": 2, "readyReplicas": 1}),
        ("batch/v1", "Job", "count", jobs, {"startTime": "2030-05-01T11:59:56Z", "succeeded": 1}),
    ):
        metadata = {"name": name, "uid": f"uid-{name}", **created, "ownerReferences": owners.get(name, [])}
        value = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": own}
        put(line.runner.store, {**value, "status": status})


@pytest.fixture
def podrunner() -> CommandLine:
    """Two pods in the namespace default, one in another."""
    line = CommandLine()
    put_pod(line.runner.store, pod("web"))
    put_pod(line.runner.store, pod("starting", phase="Pending", age=61))
    put_pod(line.runner.store, pod("far", namespace="other"))
    line.runner.store.record_event(event("web", "Pulled", "first", seconds_ago=9, container="main"))
    line.runner.store.record_event(event("web", "BackOff", "second", kind="Warning"))
    return line


TABLE = """\
NAME       READY   STATUS     RESTARTS   AGE
starting   0/1     Init:0/1   0          61s
web        1/1     Running    0          5s
"""
WIDE = """\
NAME   READY   STATUS    RESTARTS   AGE   IP         NODE     NOMINATED NODE   READINESS GATES
web    1/1     Running   0          5s    10.0.0.7   node-1   <none>           <none>
"""
EVERYWHERE = """\
NAMESPACE   NAME       READY   STATUS     RESTARTS   AGE
default     starting   0/1     Init:0/1   0          61s
default     web        1/1     Running    0          5s
other       far        1/1     Running    0          5s
"""
EVENTS = """\
LAST SEEN   TYPE      REASON    OBJECT    MESSAGE
9s          Normal    Pulled    pod/web   first
3s          Warning   BackOff   pod/web   second
"""


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param("get po", TABLE, id="all pods"),
        pytest.param("get pods --output=table", TABLE, id="the default format by name"),
        pytest.param("get po web -o wide", WIDE, id="one pod, wide"),
        pytest.param("get pod/web -o wide", WIDE, id="kind and name in one word"),
        pytest.param("get pods -A", EVERYWHERE, id="all namespaces"),
        pytest.param("get po --all-namespaces=true", EVERYWHERE, id="kubectl's spelling of a switch"),
        pytest.param("get po --all-namespaces=false", TABLE, id="kubectl's spelling of a switch that is off"),
        pytest.param("get po -o name", "pod/starting\npod/web\n", id="names"),
        pytest.param("get po web -o jsonpath={.status.phase}", "Running", id="jsonpath of one pod"),
        pytest.param("get po -o jsonpath={.items[*].metadata.name}", "starting web", id="jsonpath of a list"),
        pytest.param("get events", EVENTS, id="events"),
        pytest.param("events", EVENTS.replace("pod/web", "Pod/web"), id="the events command writes kinds in full"),
    ],
)
def test_what_is_asked_for_is_on_stdout_and_nothing_else(podrunner: CommandLine, argv: str, expected: str) -> None:
    done = podrunner(*argv.split())
    assert (done.code, done.out, done.err) == (0, expected, "")


LABELLED = """\
NAMESPACE   NAME   READY   STATUS    RESTARTS   AGE   LABELS
default     back   1/1     Running   0          5s    app=shop,tier=back
default     web    1/1     Running   0          5s    <none>
other       far    1/1     Running   0          5s    <none>
"""


def label(line: CommandLine) -> None:
    """One pod with labels instead of the one that is starting."""
    forget_pod(line.runner.store, "uid-starting")
    put_pod(line.runner.store, pod("back", labels={"tier": "back", "app": "shop"}))


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param("get po -l app=shop -o name", "pod/back\n", id="by a label"),
        pytest.param("get po --selector !app -o name", "pod/web\n", id="by a label that is missing"),
        pytest.param("get po -A -l !app -o name", "pod/web\npod/far\n", id="in all namespaces"),
        pytest.param("get po -l app=shop --no-headers", "back   1/1   Running   0     5s\n", id="rows alone"),
        pytest.param("get po -A --show-labels", LABELLED, id="labels as a last column"),
        pytest.param("get po -l app=nosuch", "", id="none that is selected"),
        pytest.param("get po,deploy -l app=shop -o jsonpath={.items[*].metadata.name}", "back", id="of several kinds"),
    ],
)
def test_labels_choose_what_is_shown(podrunner: CommandLine, argv: str, expected: str) -> None:
    label(podrunner)
    done = podrunner(*argv.split())
    assert (done.code, done.out) == (0, expected)
    assert done.err == ("" if expected else "No resources found in default namespace.\n")


def test_what_a_command_opened_is_closed(podrunner: CommandLine) -> None:
    podrunner("get", "po")
    assert podrunner.runner.asked["released"]


def test_events_have_no_labels_and_may_be_shown_without_headers(podrunner: CommandLine) -> None:
    done = podrunner("get", "events", "--no-headers", "--show-labels")
    assert [row.split()[-1] for row in done.out.splitlines()] == ["<none>", "<none>"]


@pytest.mark.parametrize(
    ("argv", "problem"),
    [
        pytest.param("get po web -l app=shop", "name cannot be provided when a selector is specified", id="both"),
        pytest.param("describe po web -l app", "name cannot be provided when a selector is specified", id="described"),
        pytest.param("get po -l a=b=c", "'=' where a comma or the end should be", id="no selector"),
    ],
)
def test_what_cannot_be_selected_is_a_usage_error(podrunner: CommandLine, argv: str, problem: str) -> None:
    done = podrunner(*argv.split())
    assert (done.code, done.out) == (2, "")
    assert problem in done.err


def test_selected_pods_are_described(podrunner: CommandLine) -> None:
    label(podrunner)
    done = podrunner("describe", "po", "-l", "app=shop")
    assert [text.split()[1] for text in done.out.splitlines() if text.startswith("Name:")] == ["back"]


DEPLOYMENTS = """\
NAME   READY   UP-TO-DATE   AVAILABLE   AGE
shop   1/2     2            1           5s
"""
WIDE_SETS = """\
NAME     DESIRED   CURRENT   READY   AGE   CONTAINERS   IMAGES       SELECTOR
shop-1   2         2         1       5s    main         nginx:1.27   app=web
"""
JOBS = """\
NAMESPACE   NAME    STATUS    COMPLETIONS   DURATION   AGE
default     count   Running   1/3           4s         5s
"""
ALL = """\
NAME           READY   STATUS     RESTARTS   AGE
pod/starting   0/1     Init:0/1   0          61s
pod/web        1/1     Running    0          5s

NAME                   READY   UP-TO-DATE   AVAILABLE   AGE
deployment.apps/shop   1/2     2            1           5s

NAME                     DESIRED   CURRENT   READY   AGE
replicaset.apps/shop-1   2         2         1       5s

NAME              STATUS    COMPLETIONS   DURATION   AGE
job.batch/count   Running   1/3           4s         5s
"""


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param("get deploy", DEPLOYMENTS, id="deployments"),
        pytest.param("get deployments.apps shop", DEPLOYMENTS, id="one by its full kind"),
        pytest.param("get rs -o wide", WIDE_SETS, id="wide"),
        pytest.param("get jobs -A", JOBS, id="everywhere"),
        pytest.param("get all", ALL, id="all that makes pods, and pods"),
        pytest.param("get job/count -o jsonpath={.status.succeeded}", "1", id="a field of one"),
        pytest.param("get deploy,job -o name", "deployment.apps/shop\njob.batch/count\n", id="names of two kinds"),
        pytest.param("get job/count pod/web -o name", "job.batch/count\npod/web\n", id="one of each of two kinds"),
    ],
)
def test_workloads_are_shown_as_kubectl_shows_them(podrunner: CommandLine, argv: str, expected: str) -> None:
    put_workloads(podrunner)
    done = podrunner(*argv.split())
    assert (done.code, done.out, done.err) == (0, expected, "")


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param("get deploy shop -A", "cannot be retrieved by name across all namespaces", id="a name everywhere"),
        pytest.param("get po,deploy -w", "you may only specify a single resource type", id="a watch of two kinds"),
        pytest.param("get job/", "must have a single resource and name", id="no name"),
        pytest.param("get job/count web", "must have a single resource and name", id="two spellings at once"),
    ],
)
def test_a_wrong_question_about_workloads_ends_with_2(podrunner: CommandLine, argv: str, expected: str) -> None:
    put_workloads(podrunner)
    done = podrunner(*argv.split())
    assert (done.code, done.out) == (2, "")
    assert expected in done.err


def test_a_watch_of_a_workload_shows_its_changes(podrunner: CommandLine) -> None:
    put_workloads(podrunner)
    store = podrunner.runner.store
    value = store.get("Deployment", "default", "shop")
    assert value is not None
    podrunner.clock.steps = [lambda: put(store, {**value, "status": {"readyReplicas": 2}})]
    done = podrunner("get", "deploy", "-w", "-o", "jsonpath={.status.readyReplicas}{'\\n'}")
    assert done.out == "1\n2\n"


def test_events_can_be_chosen_by_kind(podrunner: CommandLine) -> None:
    about = event("web", "SuccessfulCreate", "Created pod: web-1")
    about["involvedObject"]["kind"] = "Job"
    podrunner.runner.store.record_event(about)
    done = podrunner("events", "--for", "job/web", "-o", "jsonpath={.items[*].reason}")
    assert done.out == "SuccessfulCreate"
    assert podrunner("events", "--for", "web", "-o", "jsonpath={.items[*].reason}").out == "Pulled BackOff"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param("get po -n empty", "No resources found in empty namespace.\n", id="an empty namespace"),
        pytest.param("events -n empty", "No events found in empty namespace.\n", id="no events"),
        pytest.param("describe po -n empty", "No resources found in empty namespace.\n", id="nothing to describe"),
    ],
)
def test_nothing_found_is_said_on_stderr(podrunner: CommandLine, argv: str, expected: str) -> None:
    done = podrunner(*argv.split())
    assert (done.code, done.out, done.err) == (0, "", expected)


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param("get nodes", 'error: the server doesn\'t have a resource type "nodes"', id="an unknown kind"),
        pytest.param("get node/web", 'error: the server doesn\'t have a resource type "node"', id="kind/name of it"),
        pytest.param("get po -o csv", 'unable to match a printer suitable for the output format "csv"', id="a format"),
        pytest.param("get po -o csv", "jsonpath=TEMPLATE", id="an unknown format names the allowed ones"),
        pytest.param("get po -o jsonpath={.x", "unclosed action", id="a template that cannot be read"),
        pytest.param("get po -o jsonpath", "no template given", id="a template that is missing"),
        pytest.param("get po web -A", "cannot be retrieved by name across all namespaces", id="a name everywhere"),
        pytest.param("get", "Missing argument", id="no kind"),
        pytest.param("get po --no-such-flag", "No such option", id="an unknown flag"),
        pytest.param("nosuch", 'unknown command "nosuch"', id="an unknown command"),
        pytest.param("dscribe po", "did you mean describe?", id="a misspelt command"),
        pytest.param("rm web", "did you mean delete?", id="another tool's command"),
        pytest.param("get depoly", "did you mean deploy?", id="a misspelt kind"),
        pytest.param("get deploymnts/x", "did you mean deployments?", id="a misspelt kind before a name"),
        pytest.param("describe jbo pi", "did you mean job?", id="a misspelt kind to describe"),
        pytest.param("wait --for=create depoly/x", "did you mean deploy?", id="a misspelt kind to wait for"),
        pytest.param("events --for depoly/x", "did you mean deploy?", id="a misspelt kind of events"),
    ],
)
def test_a_usage_error_ends_with_2_and_one_message(podrunner: CommandLine, argv: str, expected: str) -> None:
    done = podrunner(*argv.split())
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: ")
    assert expected in done.err


@pytest.mark.parametrize(
    ("argv", "shown", "missing"),
    [
        pytest.param("get po nosuch", [], ['pods "nosuch"'], id="a pod"),
        pytest.param("get po/nosuch -o json", [], ['pods "nosuch"'], id="for a program"),
        pytest.param("get events nosuch", [], ['events "nosuch"'], id="an event"),
        pytest.param("get deploy nosuch", [], ['deployments.apps "nosuch"'], id="a workload"),
        pytest.param("get cm nosuch", [], ['configmaps "nosuch"'], id="an object"),
        pytest.param("get pvc nosuch", [], ['persistentvolumeclaims "nosuch"'], id="a claim"),
        pytest.param("describe job nosuch", [], ['jobs.batch "nosuch"'], id="to describe"),
        pytest.param(
            "get po no web nosuch starting", ["web", "starting"], ['pods "no"', 'pods "nosuch"'], id="among others"
        ),
        pytest.param("get po no web -o name", ["pod/web"], ['pods "no"'], id="among others for a program"),
        pytest.param("get po/web deploy/no", ["pod/web"], ['deployments.apps "no"'], id="of several kinds"),
        pytest.param("describe po no web", ["Name:"], ['pods "no"'], id="to describe among others"),
        pytest.param("wait --for=create no", [], [], id="waited for, which is no question of being there"),
        pytest.param("wait --for=phase=Running no web --timeout 0", ["pod/web"], ['pods "no"'], id="waited for"),
    ],
)
def test_what_is_missing_is_told_in_kubectls_words_after_what_is_there(
    podrunner: CommandLine, argv: str, shown: list[str], missing: list[str]
) -> None:
    done = podrunner(*argv.split())
    lines = [line.split()[0] for line in done.out.splitlines() if line.strip() and not line.startswith((" ", "NAME"))]
    assert lines[: len(shown)] == shown
    if not shown:
        assert done.out == ""
    told = [line for line in done.err.splitlines() if "not found" in line]
    assert told == [f"Error from server (NotFound): {name} not found" for name in missing]
    assert done.code == (1 if missing else 4)


def test_json_is_a_list_of_pods_with_status(podrunner: CommandLine) -> None:
    value = json.loads(podrunner("get", "po", "-o", "json").out)
    assert (value["kind"], value["apiVersion"]) == ("List", "v1")
    assert [item["status"]["phase"] for item in value["items"]] == ["Pending", "Running"]


def test_json_of_one_pod_is_the_pod_with_sorted_keys(podrunner: CommandLine) -> None:
    text = podrunner("get", "po", "web", "-o", "json").out
    assert text.startswith('{\n    "apiVersion": "v1",\n    "kind": "Pod",\n    "metadata": {\n')
    assert json.loads(text)["metadata"]["name"] == "web"


def test_yaml_is_the_same_object(podrunner: CommandLine) -> None:
    as_json = json.loads(podrunner("get", "po", "web", "-o", "json").out)
    text = podrunner("get", "po", "web", "-o", "yaml").out
    assert text.startswith("apiVersion: v1\nkind: Pod\n")
    assert yaml.safe_load(text) == as_json


def test_a_watch_prints_the_header_once_and_one_line_a_change(podrunner: CommandLine) -> None:
    """A pod that starts runs, another appears with a longer name, a third goes."""
    store = podrunner.runner.store
    podrunner.clock.steps = [
        lambda: publish(store, pod("starting")),
        lambda: None,
        lambda: put_pod(store, pod("quite-a-long-name", phase="Pending", age=0)),
        lambda: forget_pod(store, "uid-web"),
    ]
    done = podrunner("get", "po", "-w")
    assert done.code == 130
    assert done.out == (
        TABLE
        + "starting   1/1     Running    0          61s\n"
        + "quite-a-long-name   0/1     Init:0/1   0          0s\n"
        + "web                 1/1     Running    0          5s\n"
    )


def test_a_watch_of_one_pod_in_json_prints_one_object_a_change(podrunner: CommandLine) -> None:
    store = podrunner.runner.store
    podrunner.clock.steps = [lambda: store.publish_status("uid-web", PodStatus(phase=Phase.SUCCEEDED))]
    done = podrunner("get", "po", "web", "-w", "-o", "jsonpath={.status.phase}{'\\n'}")
    assert done.out == "Running\nSucceeded\n"


def test_a_watch_of_events_prints_those_that_come(podrunner: CommandLine) -> None:
    podrunner.clock.steps = [
        lambda: podrunner.runner.store.record_event(event("web", "Killing", "third", seconds_ago=0)),
    ]
    done = podrunner("events", "--for", "pod/web", "-w")
    assert done.out.splitlines()[1:] == [
        "9s          Normal    Pulled    Pod/web   first",
        "3s          Warning   BackOff   Pod/web   second",
        "0s          Normal    Killing   Pod/web   third",
    ]


def test_events_can_be_chosen_by_pod_and_type(podrunner: CommandLine) -> None:
    podrunner.runner.store.record_event(event("starting", "Pulled", "not asked for"))
    lines = podrunner("events", "--for", "po/web", "--types", "Warning").out.splitlines()
    assert lines[1:] == ["3s          Warning   BackOff   Pod/web   second"]


def test_describe_takes_a_prefix_and_ends_with_the_events(podrunner: CommandLine) -> None:
    text = podrunner("describe", "po", "w").out
    assert text.startswith("Name:         web\nNamespace:    default\n")
    assert text.endswith(
        "Events:\n"
        "  Type     Reason   Age   From     Message\n"
        "  ----     ------   ----  ----     -------\n"
        "  Normal   Pulled   9s    kubelet  spec.containers{main}: first\n"
        "  Warning  BackOff  3s    kubelet  second\n"
    )


def test_several_descriptions_are_set_apart(podrunner: CommandLine) -> None:
    text = podrunner("describe", "pods").out
    assert "\n\n\nName:         web\n" in text


@pytest.mark.parametrize(
    ("environ", "argv", "expected"),
    [
        pytest.param({"PODRUNNER_NAMESPACE": "other"}, "get po -o name", "pod/far\n", id="a variable for all commands"),
        pytest.param({"PODRUNNER_GET_OUTPUT": "name"}, "get po", "pod/starting\npod/web\n", id="a command's variable"),
        pytest.param({"PODRUNNER_NAMESPACE": "other"}, "get po -n default web -o name", "pod/web\n", id="a flag wins"),
    ],
)
def test_variables_stand_for_flags(podrunner: CommandLine, environ: dict[str, str], argv: str, expected: str) -> None:
    podrunner.environ = environ
    assert podrunner(*argv.split()).out == expected


@pytest.mark.parametrize(
    ("environ", "argv", "home"),
    [
        pytest.param({}, "get po", None, id="the default"),
        pytest.param({"PODRUNNER_HOME": "/a"}, "get po", "/a", id="the variable"),
        pytest.param({"PODRUNNER_HOME": "/a"}, "--home /b get po", "/b", id="the flag"),
    ],
)
def test_where_state_lives_can_be_chosen(
    podrunner: CommandLine, environ: dict[str, str], argv: str, home: str | None
) -> None:
    podrunner.environ = environ
    podrunner(*argv.split())
    assert podrunner.homes == [home]


def test_events_are_machine_readable(podrunner: CommandLine) -> None:
    assert podrunner("events", "-o", "jsonpath={.items[*].reason}").out == "Pulled BackOff"
    assert podrunner("get", "events", "web.pulled", "-o", "jsonpath={.reason}").out == "Pulled"


def test_a_watch_of_a_pod_that_goes_shows_it_once_more(podrunner: CommandLine) -> None:
    podrunner.clock.steps = [lambda: forget_pod(podrunner.runner.store, "uid-web")]
    assert podrunner("get", "po", "web", "-w", "-o", "name").out == "pod/web\npod/web\n"


def test_a_workload_is_described_with_its_pods_and_events(podrunner: CommandLine) -> None:
    """A name may be cut short, as for pods."""
    put_workloads(podrunner)
    store = podrunner.runner.store
    owner = {"kind": "ReplicaSet", "name": "shop-1", "uid": "uid-shop-1", "controller": True}
    put_pod(store, pod("shop-1-a", ownerReferences=[owner]))
    about = event("shop-1", "SuccessfulCreate", "Created pod: shop-1-a")
    about["involvedObject"]["uid"] = "uid-shop-1"
    store.record_event(about)
    text = podrunner("describe", "rs", "sho").out
    assert "Pods Status:    1 Running / 0 Waiting / 0 Succeeded / 0 Failed\n" in text
    assert text.endswith("Created pod: shop-1-a\n")
    assert podrunner("describe", "deploy/shop").out.split()[:2] == ["Name:", "shop"]


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        pytest.param("describe events", 'cannot describe "events"', id="a kind that has no description"),
        pytest.param("describe nodes", 'the server doesn\'t have a resource type "nodes"', id="an unknown kind"),
    ],
)
def test_what_cannot_be_described_is_a_usage_error(podrunner: CommandLine, argv: str, expected: str) -> None:
    put_workloads(podrunner)
    done = podrunner(*argv.split())
    assert (done.code, done.out) == (2, "")
    assert expected in done.err
