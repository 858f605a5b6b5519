"""Faults as data: their grammar, the check against what was loaded, which images a pattern means, the stand-in's orders."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from runner.core.cast import Cast, names_of
from runner.core.container.containerconfig import ContainerConfig, Resources
from runner.core.faults.annotation import annotated
from runner.core.faults.checking import check_faults
from runner.core.faults.files import fault_of, faults_of, parse_faults
from runner.core.faults.grammar import LONGEST_SECONDS, FaultError
from runner.core.faults.images import names_image, pull_error
from runner.core.faults.kinds import KINDS, PATTERNS, Aim, ArgType, Moment, Place
from runner.core.faults.model import Fault
from runner.core.faults.signals import signal_of
from runner.core.faults.standin import MEMORY, MISSING, PROGRAM, Orders, changed, needs_program, orders_of
from runner.core.labels import FAULTS
from runner.core.manifest import Source, load
from runner.errors import PullFailure, UsageError
from tests.support.pods import make_pod

# --- the grammar -----------------------------------------------------------------------------------------------------

NAMES = st.from_regex(r"[a-z0-9]([-a-z0-9]{0,10}[a-z0-9])?", fullmatch=True)
SECONDS = st.floats(min_value=1e-6, max_value=LONGEST_SECONDS).map(lambda one: round(one, 6))
MOMENTS = st.builds(Moment, container=NAMES, place=st.sampled_from(Place), after=st.just(0.0) | SECONDS)
IMAGES = st.sampled_from(
    ["app*", "app:1", "registry:5000/team/app?", "app@sha256:" + "0" * 64, "*", "pod/x", "image/x:*"]
)
ARGUMENTS: dict[ArgType, st.SearchStrategy[Any]] = {
    ArgType.NONE: st.none(),
    ArgType.CODE: st.integers(0, 255),
    ArgType.DURATION: SECONDS,
    ArgType.SIGNAL: st.sampled_from(["TERM", "KILL", "USR1"]),
}


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    aim = draw(st.sampled_from(Aim))
    kind = draw(st.sampled_from(sorted(KINDS[aim])))
    first = draw(st.none() | st.integers(0, 20))
    name, at = draw(IMAGES if aim in PATTERNS else NAMES), draw(st.none() | MOMENTS)
    if kind in ("start-error", "delay", "oom"):  # These cannot come while it runs.
        assume(at is None or at.container != name)
    return Fault(
        aim=aim,
        name=name,
        kind=kind,
        argument=draw(ARGUMENTS[KINDS[aim][kind].argument]),
        pod=draw(st.just("") | NAMES | st.sampled_from(["web-*", "pod", "po", "image", "a.b"])),
        first=first,
        last=None if first is None else first + draw(st.integers(0, 3)),
        at=at,
    )


@given(faults())
def test_what_is_written_is_read_as_the_same(fault: Fault) -> None:
    text = str(fault)
    found = Fault.parse(text)
    assert found == fault
    assert str(found) == text
    assert Fault.parse(text) == fault


READ = [
    ("migrate#0-1:exit=3", Fault(aim=Aim.CONTAINER, name="migrate", first=0, last=1, kind="exit", argument=3)),
    ("migrate#2:hang", Fault(aim=Aim.CONTAINER, name="migrate", first=2, last=2, kind="hang")),
    (
        "migrate@migrate.running+2s:signal=SIGTERM",
        Fault(
            aim=Aim.CONTAINER,
            name="migrate",
            at=Moment(container="migrate", place=Place.RUNNING, after=2.0),
            kind="signal",
            argument="TERM",
        ),
    ),
    ("image/app*#0:not-found", Fault(aim=Aim.IMAGE, name="app*", first=0, last=0, kind="not-found")),
    ("image/h:5000/a:1@db.ended:delay=90", Fault(
        aim=Aim.IMAGE, name="h:5000/a:1", at=Moment(container="db", place=Place.ENDED), kind="delay", argument=90.0
    )),
    ("pod/web/app:oom", Fault(aim=Aim.CONTAINER, pod="web", name="app", kind="oom")),
    ("po/web-*/app:start-error", Fault(aim=Aim.CONTAINER, pod="web-*", name="app", kind="start-error")),
    ("image:exit=0", Fault(aim=Aim.CONTAINER, name="image", kind="exit", argument=0)),
    ("web/image/a/b:unauthorized", Fault(aim=Aim.IMAGE, pod="web", name="a/b", kind="unauthorized")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "fault"), READ, ids=[text for text, _ in READ])
def test_a_fault_is_read(text: str, fault: Fault) -> None:
    assert Fault.parse(text) == fault


ONE_WAY = [
    ("migrate:delay=90", "migrate:delay=1m30s"),
    ("a#1-1:signal=15", "a#1:signal=TERM"),
    ("po/w/a:exit=007", "w/a:exit=7"),
]


@pytest.mark.parametrize(("text", "shown"), ONE_WAY)
def test_a_fault_is_shown_in_one_way(text: str, shown: str) -> None:
    assert str(Fault.parse(text)) == shown


WRONG = [
    ("", 1, "expected :KIND at the end"),
    ("migrate", 8, "expected :KIND at the end"),
    (":exit=1", 1, "expected the name of a target"),
    ("Migrate:exit=1", 1, '"Migrate" is no name of a container'),
    (f"{'a' * 64}:hang", 1, "is no name of a container"),
    ("migrate#:exit=1", 9, "expected an attempt such as 0 or 0-2"),
    ("migrate#a:exit=1", 9, 'found "a"'),
    ("migrate#2-1:exit=1", 9, "the first comes after the last"),
    ("migrate#9999999:exit=1", 9, "numbers up to"),
    ("migrate:exitt=3", 9, 'there is no fault "exitt", did you mean "exit"?'),
    ("migrate:no-such-thing", 9, "a container has exit, oom"),
    ("migrate:not-found", 9, '"not-found" is a fault of image/NAME; a container has exit'),
    ("image/app:exit=1", 11, '"exit" is a fault of a container; image/NAME has not-found'),
    ("image/app:unauthorised", 11, 'did you mean "unauthorized"?'),
    ("image/:not-found", 7, "expected the name of a target"),
    ("image/a b:not-found", 8, 'unexpected " "'),
    ("img/app/x:not-found", 5, '"app/" is no kind of target'),
    ("web/imag/x:not-found", 5, 'did you mean "image"?'),
    ("pod/web:exit=1", 8, "expected /TARGET after the pod"),
    ("pod/:exit=1", 5, "such as pod/web/migrate"),
    ("We_b/app:exit=1", 1, "is no name of a pod"),
    ("migrate:exit", 13, "expected exit=an exit code from 0 to 255"),
    ("migrate:exit=", 13, "expected exit=an exit code"),
    ("migrate:exit=256", 14, 'found "256"'),
    ("migrate:exit=-1", 14, 'found "-1"'),
    ("migrate:hang=1", 13, '"hang" takes no argument'),
    ("migrate:delay=soon", 15, 'expected a duration such as 5s, found "soon"'),
    ("migrate:delay=0", 15, "longer than nothing"),
    ("migrate:delay=100000h", 15, "at most ten years"),
    ("migrate:signal=SIGNOPE", 16, 'expected a signal such as TERM, found "SIGNOPE"'),
    ("migrate@x:exit=1", 9, "expected CONTAINER.created|running|ended|failed after @"),
    ("migrate@.running:exit=1", 9, "expected the name of a target"),
    ("migrate@x.runing:exit=1", 11, 'did you mean "running"?'),
    ("migrate@x.y:exit=1", 11, "there are created, running"),
    ("migrate@x.running+z:exit=1", 19, "expected a duration"),
    ("migrate@migrate.running:oom", 9, "cannot come while migrate runs"),
]


@pytest.mark.parametrize(("text", "column", "words"), WRONG, ids=[text or "nothing" for text, _, _ in WRONG])
def test_what_is_no_fault_is_told_with_its_column(text: str, column: int, words: str) -> None:
    with pytest.raises(FaultError) as caught:
        Fault.parse(text)
    assert caught.value.column == column
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "name"), [("9", "KILL"), ("sigterm", "TERM"), ("USR1", "USR1"), ("0", ""), ("99", ""), ("x", "")]
)
def test_signals_have_one_name(text: str, name: str) -> None:
    assert signal_of(text) == name


# --- files and mappings ----------------------------------------------------------------------------------------------


def test_a_file_has_texts_and_mappings() -> None:
    text = """\
- migrate#0-1:exit=3
- {target: migrate, attempts: 0-1, fault: exit=3}
- {pod: web, target: image/app*, attempts: 0, at: migrate.running+2s, fault: not-found}
"""
    first, second, third = parse_faults(text, "faults.yaml")
    assert first == second
    assert str(third) == "web/image/app*#0@migrate.running+2s:not-found"
    assert faults_of([first, str(second)]) == (first, second)
    assert parse_faults("", "nothing") == ()


BAD_FILES = [
    ("a: 1\n", "expected one YAML list of faults"),
    ("- a:exit=1\n---\n- b:exit=1\n", "expected one YAML list of faults"),
    ("- a:exit=1\n- b:exitt=1\n", 'f.yaml: item 2: fault "b:exitt=1", column 3'),
    ("- {target: a, faul: exit=1}\n", 'a fault has no "faul", did you mean "fault"?'),
    ("- {target: a, zzzz: 1}\n", "there are pod, target"),
    ("- {target: a}\n", 'a fault needs a "fault"'),
    ("- {fault: hang}\n", 'a fault needs a "target"'),
    ("- 7\n", "a fault is text such as migrate:exit=1"),
    ("- [\n", "f.yaml:"),
]


@pytest.mark.parametrize(("text", "words"), BAD_FILES)
def test_a_bad_file_is_told_with_its_name_and_item(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=r"f\.yaml") as caught:
        parse_faults(text, "f.yaml")
    assert words in str(caught.value)


def test_a_value_that_is_no_fault_is_refused() -> None:
    value: Any = 3
    with pytest.raises(UsageError, match="not 3"):
        fault_of(value)


# --- the check ---------------------------------------------------------------------------------------------------------

MANIFESTS = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  initContainers: [{name: migrate, image: "registry.example/app:1"}]
  containers: [{name: main, image: busybox, imagePullPolicy: Never}]
---
apiVersion: batch/v1
kind: Job
metadata: {name: seed}
spec:
  template: {spec: {restartPolicy: Never, containers: [{name: fill, image: "seed:2"}]}}
---
apiVersion: v1
kind: Pod
metadata: {generateName: any-}
spec: {containers: [{name: one, image: "seed:2"}, {name: migrate, image: "seed:2"}]}
"""


def cast() -> Cast:
    return names_of(load([Source(name="m", text=MANIFESTS)]).objects, "default")


FITTING = [
    "migrate:exit=1", "web/migrate:exit=1", "seed-*/fill:oom", "seed-x7k2p/fill:oom", "any-*/one:hang", "image/*:delay=1s",
    "image/registry.example/app:not-found", "image/seed:unauthorized", "main@migrate.ended:exit=1", "w*/main:hang",
]  # fmt: skip


@pytest.mark.parametrize("text", FITTING)
def test_a_fault_that_concerns_something_is_fine(text: str) -> None:
    check_faults([Fault.parse(text)], cast())


UNFITTING = [
    ("migrat:exit=1", 1, 'no pod has a container "migrat", did you mean "migrate"?'),
    ("wep/main:exit=1", 1, 'there is no pod "wep", did you mean "web"?'),
    ("pod/zzzzzz/main:exit=1", 1, "there are web, seed-*, any-*"),
    ("web/fill:exit=1", 5, 'no pod has a container "fill"; there are migrate, main'),
    ("main@migrat.ended:exit=1", 6, 'did you mean "migrate"?'),
    ("image/ap:not-found", 7, 'no container has an image "ap", did you mean "registry.example/app:1"?'),
    ("image/busybox:not-found", 7, "busybox is never pulled: its imagePullPolicy is Never"),
]


@pytest.mark.parametrize(("text", "column", "words"), UNFITTING, ids=[text for text, _, _ in UNFITTING])
def test_a_fault_that_concerns_nothing_is_told_with_the_nearest_name(text: str, column: int, words: str) -> None:
    with pytest.raises(FaultError) as caught:
        check_faults([Fault.parse(text)], cast())
    assert caught.value.column == column
    assert words in str(caught.value)


def test_a_pod_without_pods_has_none() -> None:
    with pytest.raises(FaultError, match="there are none"):
        check_faults([Fault.parse("web/main:hang")], names_of([], "default"))


def test_names_that_are_cut_are_known_by_what_is_left() -> None:
    text = MANIFESTS.replace("name: seed}", f"name: {'s' * 50}}}")
    found = names_of(load([Source(name="m", text=text)]).objects, "default")
    assert found.names == f"web, {'s' * 40}*, any-*"
    assert Cast.of(make_pod()).called("web")


# --- what they change ------------------------------------------------------------------------------------------------


def test_a_pod_with_faults_says_so() -> None:
    pod = make_pod()
    given = [Fault.parse("main:hang"), Fault.parse("other/main:oom"), Fault.parse("web/main#0:exit=1")]
    assert annotated(pod, given).annotations[FAULTS] == "main:hang; web/main#0:exit=1"
    assert annotated(pod, given[1:2]) is pod


MEANT = [
    ("busybox", "busybox:1.36", True),
    ("busybox:1.36", "busybox:1.36", True),
    ("busybox:latest", "busybox", True),
    ("docker.io/library/busybox", "busybox:1.36", True),
    ("*busy*", "busybox:1.36", True),
    ("team/app", "registry:5000/team/app:1", False),
    ("registry:5000/team/app", "registry:5000/team/app:1", True),
    ("app@sha256:*", f"app@sha256:{'0' * 64}", True),
    ("busy", "busybox", False),
    ("Not/A:Name:", "Not/A:Name:", True),
]


@pytest.mark.parametrize(("pattern", "image", "is_meant"), MEANT)
def test_a_pattern_means_images(pattern: str, image: str, is_meant: bool) -> None:
    assert names_image(pattern, image) is is_meant


REFUSED = [
    (
        "not-found",
        "busybox:9",
        PullFailure.NOT_FOUND,
        "manifest for busybox:9 not found: manifest unknown: manifest unknown",
    ),
    (
        "unauthorized",
        "h:1/a:2",
        PullFailure.NOT_FOUND,
        "pull access denied for h:1/a, repository does not exist or may",
    ),
    (
        "too-many-requests",
        "a:1",
        PullFailure.UNAVAILABLE,
        "toomanyrequests: You have reached your unauthenticated pull",
    ),
]


@pytest.mark.parametrize(("kind", "image", "failure", "text"), REFUSED)
def test_a_refused_pull_has_a_registrys_words(kind: str, image: str, failure: PullFailure, text: str) -> None:
    error = pull_error(kind, image)
    assert error.kind is failure
    assert error.message.startswith(text)


CONFIG = ContainerConfig(name="c", image="i", labels={"io.kubernetes.pod.uid": "u"}, entrypoint=("own",))
ORDERS = [
    ("a:exit=3", Orders(exit_code=3)),
    ("a:hang", Orders(hangs=True)),
    ("a:oom", Orders(oom=True)),
    ("a:delay=1500ms", Orders(wait=1.5, runs=True)),
    ("a@a.running+2s:exit=0", Orders(until=2.0, exit_code=0, runs=True)),
    ("a@a.running:hang", Orders(until=0.001, hangs=True, runs=True)),
    ("a@b.running+2s:exit=1", Orders(exit_code=1)),
    ("a:exit=3 a:delay=2s", Orders(wait=2.0, exit_code=3)),
    ("a:exit=3 a:exit=4", Orders(exit_code=4)),
]


@pytest.mark.parametrize(("texts", "orders"), ORDERS)
def test_faults_of_a_container_are_orders_of_its_stand_in(texts: str, orders: Orders) -> None:
    made = changed(CONFIG, faults_of(texts.split()), ["own", "words"])
    assert made.entrypoint is not None
    assert made.entrypoint[0] == PROGRAM
    assert orders_of(made.entrypoint) == orders
    assert (made.entrypoint[-3:] == ("run", "own", "words")) is orders.runs
    assert [mount.target for mount in made.mounts] == ["/.podrunner"]
    assert made.command is None


def test_a_container_without_orders_is_its_own() -> None:
    assert orders_of(None) is None
    assert orders_of(("own",)) is None
    assert not needs_program(faults_of(["a:start-error"]))
    assert changed(CONFIG, faults_of(["a:start-error"]), ["own"]).entrypoint == (MISSING,)
    assert changed(CONFIG, faults_of(["a:signal=TERM"]), ["own"]) is CONFIG


@pytest.mark.parametrize(("limit", "wanted"), [(0, MEMORY), (2**40, MEMORY), (2**23, 2**23)])
def test_memory_is_limited_for_a_process_that_takes_too_much(limit: int, wanted: int) -> None:
    from msgspec.structs import replace

    config = replace(CONFIG, resources=Resources(memory=limit, memory_swap=limit, cpu_shares=7))
    made = changed(config, faults_of(["a:oom"]), [])
    assert made.resources == Resources(memory=wanted, memory_swap=wanted, cpu_shares=7)


def test_attempts_and_pods_are_counted() -> None:
    fault = Fault.parse("web-*/a#1-2:hang")
    assert [number for number in range(5) if fault.counts(number)] == [1, 2]
    assert Fault.parse("a:hang").counts(7)
    assert (fault.is_in("web-0"), fault.is_in("db")) == (True, False)
    assert Fault.parse("a:hang").is_in("anything")
