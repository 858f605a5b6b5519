"""Faults as data: their grammar, the check against what was loaded, which images a pattern means, the stand-in's orders."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from runner.core.cast import Cast, names_of
from runner.core.container.containerconfig import ContainerConfig, Mount, MountType, Resources, VolumeConfig
from runner.core.faults import probes
from runner.core.faults.annotation import annotated
from runner.core.faults.checking import check_faults
from runner.core.faults.files import fault_of, faults_of, parse_faults
from runner.core.faults.grammar import LONGEST_SECONDS, FaultError
from runner.core.faults.images import names_image, pull_error
from runner.core.faults.kinds import KINDS, NUMBERED, PLAIN, Aim, ArgType, Moment, Place
from runner.core.faults.model import Fault
from runner.core.faults.objects import without
from runner.core.faults.sandbox import answers_text, changed_sandbox, concerning
from runner.core.faults.signals import signal_of
from runner.core.faults.standin import MEMORY, MISSING, PROGRAM, Orders, changed, needs_program, orders_of
from runner.core.labels import FAULTS
from runner.core.manifest import Source, load
from runner.core.model import ExecAction, GRPCAction, Handler, HTTPGetAction, Pod, SleepAction, TCPSocketAction
from runner.core.sync.probing import ProbeRun, RunResult
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
    ArgType.SIZE: st.sampled_from(["1Mi", "64Ki", "1e3", "1Pi"]),
    ArgType.USER: st.integers(0, 2**31 - 1),
    ArgType.ADDRESS: st.sampled_from(["10.0.0.1", "255.255.255.255"]),
}


TEXTS: dict[Aim, st.SearchStrategy[str]] = {
    Aim.IMAGE: IMAGES,
    Aim.DNS: st.sampled_from(["db*", "*.example.org", "db.default.svc.cluster.local", "_http._tcp.web", "?"]),
    Aim.PROBE: st.builds("{}.{}".format, NAMES, st.sampled_from(["startup", "liveness", "readiness"])),
    Aim.CONFIG: st.sampled_from(["settings", "settings.database", "a.b.c", "app.application.properties", "x.KEY_1"]),
    Aim.SECRET: st.sampled_from(["token", "token.password"]),
}


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    aim = draw(st.sampled_from(Aim))
    kind = draw(st.sampled_from(sorted(KINDS[aim])))
    first = draw(st.none() | st.integers(0, 20)) if aim in NUMBERED else None
    name = "" if aim in PLAIN else draw(TEXTS.get(aim, NAMES))
    at = draw(MOMENTS if aim is Aim.NODE else st.none() | MOMENTS)
    if aim is Aim.CONTAINER and kind in ("start-error", "delay", "oom"):  # These cannot come while it runs.
        assume(at is None or at.container != name)
    assume(kind != "full" or at is None)
    argument = ARGUMENTS[KINDS[aim][kind].argument]
    return Fault(
        aim=aim,
        name=name,
        kind=kind,
        argument=draw(st.none() | argument if KINDS[aim][kind].may_lack else argument),
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
    ("node:exit=1", Fault(aim=Aim.CONTAINER, name="node", kind="exit", argument=1)),
    ("web/sandbox#1:kill", Fault(aim=Aim.SANDBOX, pod="web", name="", first=1, last=1, kind="kill")),
    ("engine:down=5s", Fault(aim=Aim.ENGINE, name="", kind="down", argument=5.0)),
    ("net@a.running:cut", Fault(aim=Aim.NET, name="", at=Moment(container="a", place=Place.RUNNING), kind="cut")),
    ("net#0-1:cut=5s", Fault(aim=Aim.NET, name="", first=0, last=1, kind="cut", argument=5.0)),
    ("net:exit=1", Fault(aim=Aim.CONTAINER, name="net", kind="exit", argument=1)),
    ("web/dns/*.db:answer=10.0.0.1", Fault(aim=Aim.DNS, pod="web", name="*.db", kind="answer", argument="10.0.0.1")),
    ("volume/work:full=64Ki", Fault(aim=Aim.VOLUME, name="work", kind="full", argument="64Ki")),
    ("volume/work:owner=0", Fault(aim=Aim.VOLUME, name="work", kind="owner", argument=0)),
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
    ("node:reboot", 5, "expected a moment, such as node@migrate.running+1s:reboot"),
    ("node@a.running:rebot", 16, 'did you mean "reboot"?'),
    ("sandbox:exitt=1", 9, 'did you mean "exit"?'),
    ("engine:zzz", 8, "; engine has down"),
    ("migrate:reboot", 9, '"reboot" is a fault of node; a container has exit'),
    ("config/settings#1:missing", 17, "config/settings has no attempts: say from when with @CONTAINER.running"),
    ("config/Set:missing", 8, '"Set" is no name of an object'),
    ("volume/work@a.running:full=1Mi", 13, "a volume has its size from the beginning"),
    ("volume/work:full", 17, "expected full=a size such as 1Mi"),
    ("volume/work:full=0", 18, 'a size is more than nothing and at most 1Pi, not "0"'),
    ("volume/work:full=2Pi", 18, "a size is more than nothing and at most 1Pi"),
    ("volume/work:full=much", 18, 'expected a size such as 1Mi, found "much"'),
    ("volume/work:owner=root", 19, 'expected a user\'s number such as 1000, found "root"'),
    ("volume/work:owner=2147483648", 19, "expected a user's number"),
    ("dns/db*#1:nxdomain", 9, "dns/db* has no attempts: say from when with @CONTAINER.running"),
    ("dns/a/b:nxdomain", 6, 'unexpected "/" in a pattern'),
    (f"dns/{'a' * 254}:nxdomain", 5, "a name has at most 253 characters"),
    ("dns/a:answer=1.2.3", 14, 'expected an IPv4 address such as 10.0.0.1, found "1.2.3"'),
    ("dns/a:answer=1.2.3.256", 14, "expected an IPv4 address"),
    ("dns/a:delay", 12, "expected delay=a duration such as 5s"),
    ("net:cut=", 8, "expected cut=a duration such as 5s"),
    ("net:down=5s", 5, '"down" is a fault of engine; net has cut'),
    ("volume/a.b:readonly", 8, '"a.b" is no name of a volume'),
    ("probe/web:fail", 10, "expected probe/web.startup|liveness|readiness"),
    ("probe/web.readyness:fail", 11, 'did you mean "readiness"?'),
    ("probe/web.x:fail", 11, "there are startup, liveness, readiness"),
    ("probe/.readiness:fail", 7, '"" is no name of a container'),
    ("config/settings:exit=1", 17, "config/NAME has missing"),
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
apiVersion: v1
kind: Pod
metadata: {name: full}
spec:
  imagePullSecrets: [{name: pull}]
  containers:
  - name: app
    image: "app:1"
    env:
    - {name: A, valueFrom: {configMapKeyRef: {name: settings, key: database}}}
    - {name: B, valueFrom: {secretKeyRef: {name: token, key: password}}}
    - {name: C, value: plain}
    envFrom: [{configMapRef: {name: many}}]
    volumeMounts: [{name: work, mountPath: /work}, {name: files, mountPath: /files}]
    readinessProbe: {tcpSocket: {port: 80}}
  volumes:
  - {name: work, emptyDir: {}}
  - {name: files, projected: {sources: [{configMap: {name: extra, items: [{key: one, path: one}]}}, {secret: {name: more}}]}}
  - {name: unused, secret: {secretName: late}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: many}
data: {first: "1", second.txt: "2"}
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


OBJECTS = load([Source(name="m", text=MANIFESTS)]).objects


def cast() -> Cast:
    return names_of(OBJECTS, "default")


FITTING = [
    "migrate:exit=1", "web/migrate:exit=1", "seed-*/fill:oom", "seed-x7k2p/fill:oom", "any-*/one:hang", "image/*:delay=1s",
    "image/registry.example/app:not-found", "image/seed:unauthorized", "main@migrate.ended:exit=1", "w*/main:hang",
    "config/settings:missing", "config/settings.database:missing", "config/many.second.txt:missing", "config/extra.one:missing",
    "secret/token.password:missing", "secret/pull:missing", "secret/more:missing", "secret/late:missing",
    "volume/work@app.running:readonly", "full/probe/app.readiness#1:fail", "probe/app.readiness:delay=3s",
]  # fmt: skip


@pytest.mark.parametrize("text", FITTING)
def test_a_fault_that_concerns_something_is_fine(text: str) -> None:
    check_faults([Fault.parse(text)], cast(), OBJECTS)


UNFITTING = [
    ("migrat:exit=1", 1, 'no pod has a container "migrat", did you mean "migrate"?'),
    ("wep/main:exit=1", 1, 'there is no pod "wep", did you mean "web"?'),
    ("pod/zzzzzz/main:exit=1", 1, "there are web, full, seed-*, any-*"),
    ("web/fill:exit=1", 5, 'no pod has a container "fill"; there are migrate, main'),
    ("main@migrat.ended:exit=1", 6, 'did you mean "migrate"?'),
    ("config/settigs:missing", 8, 'no pod has a ConfigMap, or a key of one, "settigs", did you mean "settings"?'),
    ("config/settings.databas:missing", 8, 'did you mean "settings.database"?'),
    ("secret/settings:missing", 8, "no pod has a Secret"),
    ("web/config/settings:missing", 12, "there are none"),
    ("volume/wrk:readonly", 8, 'no pod has a mounted volume "wrk", did you mean "work"?'),
    ("volume/unused:readonly", 8, "there are work, files"),
    ("probe/app.liveness:fail", 7, 'no pod has a probe "app.liveness"'),
    ("volume/files:full=1Mi", 8, 'the volume "files" is of the kind projected; "full" is for an emptyDir'),
    ("full/volume/files:owner=1", 13, '"owner" is for an emptyDir or an ephemeral'),
    ("web/volume/work:full=1Mi", 12, 'no pod has a mounted volume "work"'),
    ("image/ap:not-found", 7, 'no container has an image "ap", did you mean "registry.example/app:1"?'),
    ("image/busybox:not-found", 7, "busybox is never pulled: its imagePullPolicy is Never"),
]


@pytest.mark.parametrize(("text", "column", "words"), UNFITTING, ids=[text for text, _, _ in UNFITTING])
def test_a_fault_that_concerns_nothing_is_told_with_the_nearest_name(text: str, column: int, words: str) -> None:
    with pytest.raises(FaultError) as caught:
        check_faults([Fault.parse(text)], cast(), OBJECTS)
    assert caught.value.column == column
    assert words in str(caught.value)


OUTSIDE = [
    ("dns/db*:nxdomain", {"hostNetwork": True}, 'the pod "web" does not ask our resolver: it has hostNetwork'),
    ("dns/db*:answer=10.0.0.1", {"dnsPolicy": "Default"}, "does not ask our resolver: its dnsPolicy is Default"),
    ("web/dns/*:servfail", {"dnsPolicy": "None"}, "its dnsPolicy is None"),
    ("dns/*:delay=1s", {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, "it has hostNetwork"),
    ("dns/*:delay=1s", {"containers": [{"name": "dns", "image": "x", "ports": [{"containerPort": 53}]}]}, "it serves port 53"),
    ("net:cut", {"hostNetwork": True}, 'the pod "web" has no network of its own: it has hostNetwork'),
]  # fmt: skip


ANYWHERE = Fault.parse("sandbox:kill")


@pytest.mark.parametrize(("text", "spec", "words"), OUTSIDE, ids=[f"{text} {words}" for text, _, words in OUTSIDE])
def test_what_is_outside_of_the_sandbox_is_refused_unless_another_pod_can_have_it(
    text: str, spec: dict[str, Any], words: str
) -> None:
    value = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "main", "image": "x"}], **spec}}
    outside, inside = Pod.from_json(value), make_pod(name="web-2")
    fault = Fault.parse(text)
    with pytest.raises(FaultError, match=re.escape(words)):
        check_faults([fault], Cast.of(outside))
    if not fault.pod:
        check_faults([fault], Cast(outside, (("web", outside), ("web-2", inside))))
        assert concerning([fault, ANYWHERE], outside) == (ANYWHERE,)
        assert concerning([fault], inside) == (fault,)


def test_a_volume_of_a_size_keeps_the_modes_of_its_kind() -> None:
    kinds: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
        "plain": ({"emptyDir": {}}, {}, "mode=0777,size=65536"),
        "group": ({"emptyDir": {}}, {"fsGroup": 7}, "mode=2777,gid=7,size=65536"),
        "memory": ({"emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}, {}, "mode=1777,size=65536"),
    }
    for source, security, options in kinds.values():
        pod = make_pod(volumes=[{"name": "work", **source}], securityContext=security)
        volume = VolumeConfig(
            name="v", labels={}, options={"o": "mode=1777,size=1048576"} if "medium" in str(source) else {}
        )
        mount = Mount(type=MountType.VOLUME, source="v", target="/volumes/work", create=volume)
        config = ContainerConfig(name="s", image="s", labels={}, mounts=(mount,))
        changed_config = changed_sandbox(config, [Fault.parse("volume/work:full=64Ki")], pod)
        made = changed_config.mounts[0].create
        assert made is not None
        assert made.options == {"type": "tmpfs", "device": "tmpfs", "o": options}
        assert changed_sandbox(config, [Fault.parse("volume/other:full=64Ki")], pod) == config


def test_of_answers_that_go_wrong_the_last_one_is_the_first_to_be_seen() -> None:
    faults_of_names = [Fault.parse(text) for text in ("dns/DB.:nxdomain", "dns/*:delay=90", "dns/db:answer=10.0.0.1")]
    lines = answers_text(faults_of_names, "ns").splitlines()
    assert lines[0] == "answer db 10.0.0.1"
    assert "delay *.ns.svc.cluster.local 90000" in lines
    assert lines[-5:] == [
        "nxdomain db", "nxdomain db.ns.svc.cluster.local", "nxdomain db.svc.cluster.local", "nxdomain db.cluster.local", "end",
    ]  # fmt: skip


def test_a_pod_without_pods_has_none() -> None:
    with pytest.raises(FaultError, match="there are none"):
        check_faults([Fault.parse("web/main:hang")], names_of([], "default"))


def test_names_that_are_cut_are_known_by_what_is_left() -> None:
    text = MANIFESTS.replace("name: seed}", f"name: {'s' * 50}}}")
    found = names_of(load([Source(name="m", text=text)]).objects, "default")
    assert found.names == f"web, full, {'s' * 40}*, any-*"
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
    ("a@a.ended:exit=2", Orders(is_last=True, exit_code=2, runs=True)),
    ("a@a.ended+1s:exit=2", Orders(exit_code=2)),
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
    config = replace(CONFIG, resources=Resources(memory=limit, memory_swap=limit, cpu_shares=7))
    made = changed(config, faults_of(["a:oom"]), [])
    assert made.resources == Resources(memory=wanted, memory_swap=wanted, cpu_shares=7)


@pytest.mark.parametrize("value", ["ConfigMap", "Secret"])
def test_an_object_is_missing_or_some_of_its_keys(value: str) -> None:
    word = "config" if value == "ConfigMap" else "secret"
    thing = {"metadata": {"name": "a.b"}, "data": {"c": "1", "d": "2"}, "binaryData": {"c": ""}}
    whole, key, other, far = faults_of(f"{word}/{name}:missing" for name in ("a.b", "a.b.c", "a.b.x", "a.c"))
    assert without(thing, value, [other, far]) == (thing, ())
    assert without(thing, value, [whole, key]) == (None, (whole,))
    left, used = without(thing, value, [key])
    assert (left, used) == ({**thing, "data": {"d": "2"}, "binaryData": {}}, (key,))
    assert without(thing, "Service", [whole]) == (thing, ())


def test_a_volume_is_read_only_where_it_is_mounted() -> None:
    mounts = tuple(Mount(type=MountType.VOLUME, source="s", target="/t", volume=name) for name in ("work", "other"))
    made = changed(replace(CONFIG, mounts=mounts), faults_of(["volume/work:readonly"]), [])
    assert [mount.read_only for mount in made.mounts] == [True, False]
    assert made.entrypoint == ("own",)


PLACE = "10.0.0.1:80"
SAID: list[tuple[Handler, str, str]] = [
    (ExecAction(command=("cat", "/x")), "", 'command timed out: "cat /x" timed out after 1s'),
    (
        HTTPGetAction(path="/h", port=80, host="", scheme="HTTP", headers=()),
        "HTTP probe failed with statuscode: 500",
        'Get "http://10.0.0.1:80/h": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
    ),
    (
        TCPSocketAction(port=80, host=""),
        f"dial tcp {PLACE}: connect: connection refused",
        f"dial tcp {PLACE}: i/o timeout",
    ),
    (
        GRPCAction(port=80, service=""),
        'service unhealthy (responded with "NOT_SERVING")',
        f'timeout: failed to connect service "{PLACE}" within 1s: context deadline exceeded',
    ),
    (SleepAction(seconds=1), "", ""),
]


@pytest.mark.parametrize(("handler", "failure", "delay"), SAID, ids=[type(one[0]).__name__ for one in SAID])
def test_a_probe_that_fails_says_what_its_kind_would(handler: Handler, failure: str, delay: str) -> None:
    assert probes.failed(handler, PLACE) == ProbeRun(result=RunResult.FAILURE, output=failure)
    assert probes.late(handler, PLACE, 1) == ProbeRun(result=RunResult.FAILURE, output=delay)


@pytest.mark.parametrize(
    ("text", "container"),
    [("a:hang", "a"), ("probe/a.startup:fail", "a"), ("image/a:delay=1s", ""), ("sandbox:kill", "")],
)
def test_a_fault_is_aimed_at_a_container(text: str, container: str) -> None:
    assert Fault.parse(text).container == container


def test_what_there_is_one_of_fails_once_unless_told_otherwise() -> None:
    assert [n for n in range(4) if Fault.parse("sandbox:kill").comes(n)] == [0]
    assert [n for n in range(4) if Fault.parse("sandbox#1-2:kill").comes(n)] == [1, 2]
    assert Fault.parse("sandbox:kill").moment == Moment(container="POD", place=Place.RUNNING)
    assert Fault.parse("a:signal=TERM").moment == Moment(container="a", place=Place.RUNNING)
    assert Fault.parse("engine:down=1s").moment is None
    assert Fault.parse("node@b.ended:reboot").moment == Moment(container="b", place=Place.ENDED)


def test_attempts_and_pods_are_counted() -> None:
    fault = Fault.parse("web-*/a#1-2:hang")
    assert [number for number in range(5) if fault.counts(number)] == [1, 2]
    assert Fault.parse("a:hang").counts(7)
    assert (fault.is_in("web-0"), fault.is_in("db")) == (True, False)
    assert Fault.parse("a:hang").is_in("anything")
