"""``create``, ``apply``, ``get`` and ``delete`` for Services, ConfigMaps and Secrets."""

from __future__ import annotations

import json

import pytest

from tests.cli.support import CommandLine

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  type: NodePort
  selector: {b: c, a: b}
  ports:
  - {name: w, port: 80, nodePort: 30080}
  - {name: x, port: 53, protocol: UDP, nodePort: 30053}
"""
OTHERS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: config}
data: {a: b}
---
apiVersion: v1
kind: Secret
metadata: {name: hidden}
stringData: {a: b, c: d}
"""
EXTERNAL = """\
apiVersion: v1
kind: Service
metadata: {name: outside}
spec: {type: ExternalName, externalName: example.org}
---
apiVersion: v1
kind: Service
metadata: {name: balanced}
spec: {type: LoadBalancer, ports: [{port: 80, nodePort: 30081}]}
"""
POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: i}]}\n"


@pytest.fixture
def podrunner() -> CommandLine:
    return CommandLine()


def test_apply_says_what_it_did(podrunner: CommandLine) -> None:
    first = podrunner("apply", "-f", "-", stdin=f"{SERVICE}---\n{OTHERS}")
    assert (first.code, first.err) == (0, "")
    assert first.out == "service/web created\nconfigmap/config created\nsecret/hidden created\n"
    changed = f"{SERVICE}---\n{OTHERS}".replace("a: b}", "a: z}")
    again = podrunner("apply", "-f", "-", stdin=changed)
    assert again.out == "service/web configured\nconfigmap/config configured\nsecret/hidden unchanged\n"
    assert podrunner("apply", "-f", "-", stdin=changed).out.count("unchanged") == 3


def test_create_refuses_what_is_there(podrunner: CommandLine) -> None:
    assert podrunner("create", "-f", "-", stdin=SERVICE).out == "service/web created\n"
    again = podrunner("create", "-f", "-", stdin=SERVICE)
    told = 'Error from server (AlreadyExists): error when creating "<stdin>": services "web" already exists\n'
    assert (again.code, again.out, again.err) == (1, "", told)


def test_create_goes_on_past_what_is_there(podrunner: CommandLine) -> None:
    podrunner("create", "-f", "-", stdin=SERVICE)
    done = podrunner("create", "-f", "-", stdin=f"{SERVICE}---\n{OTHERS}")
    assert (done.code, done.out) == (1, "configmap/config created\nsecret/hidden created\n")
    assert done.err.count("already exists") == 1


def test_create_says_the_name_that_it_has_generated_and_apply_takes_none(podrunner: CommandLine) -> None:
    text = "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: web-}}\n"
    said = [podrunner("create", "-f", "-", stdin=text).out for _ in range(2)]
    made = podrunner.runner.store.list("ConfigMap").items
    assert sorted(said) == [f"configmap/{one['metadata']['name']} created\n" for one in made]
    assert all(one["metadata"]["name"].startswith("web-") for one in made)
    done = podrunner("apply", "-f", "-", stdin=f"{text}---\n{SERVICE}")
    assert (done.code, done.out) == (1, "service/web created\n")
    assert done.err == "error: from web-: cannot use generate name with apply\n"


@pytest.mark.parametrize("verb", ["apply", "create"])
def test_pods_are_left_to_run(podrunner: CommandLine, verb: str) -> None:
    done = podrunner(verb, "-f", "-", stdin=f"{SERVICE}---\n{POD}")
    assert (done.code, done.out) == (2, "")
    assert "Pod p: only Services, ConfigMaps and Secrets are kept without a run\nhint: podrunner run" in done.err
    assert podrunner.runner.store.list("Service").items == []
    assert podrunner(verb).err.startswith("error: must specify -f\n")


def test_get_shows_kubectls_columns(podrunner: CommandLine) -> None:
    podrunner("apply", "-f", "-", stdin=f"{SERVICE}---\n{OTHERS}---\n{EXTERNAL}")
    assert podrunner("get", "svc", "-o", "wide").out == (
        "NAME       TYPE           CLUSTER-IP   EXTERNAL-IP   PORT(S)                     AGE   SELECTOR\n"
        "balanced   LoadBalancer   <none>       <pending>     80:30081/TCP                0s    <none>\n"
        "outside    ExternalName   <none>       example.org   <none>                      0s    <none>\n"
        "web        NodePort       <none>       <none>        80:30080/TCP,53:30053/UDP   0s    a=b,b=c\n"
    )
    assert podrunner("get", "cm").out == "NAME     DATA   AGE\nconfig   1      0s\n"
    assert podrunner("get", "secrets", "hidden").out == "NAME     TYPE     DATA   AGE\nhidden   Opaque   2      0s\n"
    assert podrunner("get", "svc", "-o", "name").out == "service/balanced\nservice/outside\nservice/web\n"
    assert json.loads(podrunner("get", "svc/web", "-o", "json").out)["spec"]["type"] == "NodePort"


def test_delete_takes_labels(podrunner: CommandLine) -> None:
    podrunner("apply", "-f", "-", stdin=OTHERS.replace("{name: config}", "{name: config, labels: {app: shop}}"))
    assert podrunner("delete", "cm", "-l", "app=nosuch").err == "No resources found\n"
    both = podrunner("delete", "cm", "config", "-l", "app=shop")
    assert (both.code, both.err) == (2, "error: name cannot be provided when a selector is specified\n")
    assert podrunner("delete", "cm", "-l", "app=shop").out == 'configmap "config" deleted from default namespace\n'
    assert podrunner("delete", "secret", "--all").out == 'secret "hidden" deleted from default namespace\n'


def test_delete_takes_names_and_files(podrunner: CommandLine) -> None:
    podrunner("apply", "-f", "-", stdin=f"{SERVICE}---\n{OTHERS}")
    assert podrunner("delete", "svc/web", "cm/config").out == (
        'service "web" deleted from default namespace\nconfigmap "config" deleted from default namespace\n'
    )
    gone = podrunner("delete", "svc", "web")
    assert (gone.code, gone.err) == (1, 'Error from server (NotFound): services "web" not found\n')
    assert podrunner("delete", "svc", "web", "--ignore-not-found").code == 0
    assert podrunner("delete", "svc").err.startswith("error: resource(s) were provided, but no name was specified\n")
    assert podrunner("delete", "svc/web", "po/web").code == 1
    done = podrunner("delete", "-f", "-", "--ignore-not-found", stdin=OTHERS)
    assert done.out == 'secret "hidden" deleted from default namespace\n'
    assert podrunner.runner.store.list("Secret").items == []
