"""What the ServiceAccount admission adds to pods and refuses, as a real API server does; and the volume that they share."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runner.core.admission import admit
from runner.core.labels import POD_NAMESPACE, VOLUME_KIND
from runner.core.manifest import Source, load
from runner.core.model import Json, Pod
from runner.core.serviceaccounts import FOLDER, Forbidden, account_of, with_service_account
from runner.core.volumes import Surroundings, VolumePlan, access_volumes, is_access, plan_volumes
from runner.core.volumes.access import ACCESS_PREFIX, access_name, access_source
from tests.support.pods import at, objects

Row = dict[str, Any]

RECORDED: dict[str, Row] = json.loads(
    (Path(__file__).parents[2] / "fixtures/conformance/apiserver/sa-admission.json").read_text()
)["kcm"]
ADMITTED = {name: row for name, row in RECORDED.items() if row.get("exit") == 0}


def admitted(pod: Json, account: Row | None = None) -> Row:
    made = admit(pod, namespace="default", uid="u-1", suffix="x7f2q", now=at(0))
    return with_service_account(made, account)


@pytest.mark.parametrize("row", ADMITTED.values(), ids=ADMITTED)
def test_pods_are_admitted_as_a_server_admits_them(row: Row) -> None:
    (loaded,) = load([Source(name="m.yaml", text=row["manifest"])]).objects
    wanted = row["defaulted"]
    found = admitted(loaded.value)
    for key in ("uid", "creationTimestamp"):
        found["metadata"].pop(key)
    names = [volume["name"] for volume in wanted["spec"].get("volumes") or () if "kube-api" in volume["name"]]
    text = json.dumps({key: part for key, part in wanted.items() if key != "status"})
    for name in names:
        text = text.replace(name, access_name("u-1"))
    assert found == json.loads(text)


def pod(**spec: Any) -> Row:
    containers = spec.pop("containers", [{"name": "main"}])
    return {"metadata": {"name": "web"}, "spec": {"containers": containers, **spec}}


def folders(value: Row) -> list[str]:
    return [mount["name"] for one in value["spec"]["containers"] for mount in one.get("volumeMounts", ())]


WISHES: list[tuple[bool | None, bool | None, bool]] = [
    (None, None, True),
    (None, False, False),
    (True, False, True),
    (False, True, False),
]


@pytest.mark.parametrize(("of_pod", "of_account", "wanted"), WISHES)
def test_the_pods_wish_wins_over_its_accounts(of_pod: bool | None, of_account: bool | None, wanted: bool) -> None:
    value = pod() if of_pod is None else pod(automountServiceAccountToken=of_pod)
    account = {} if of_account is None else {"automountServiceAccountToken": of_account}
    assert bool(folders(admitted(value, account))) is wanted


def test_a_volume_that_came_from_a_cluster_is_used_and_not_shared() -> None:
    brought = {"name": f"{ACCESS_PREFIX}abcde", "projected": access_source()}
    value = admitted(pod(volumes=[brought]))
    assert value["spec"]["volumes"] == [brought]
    assert folders(value) == [brought["name"]]
    assert not is_access(Pod.from_json(value), brought)
    assert access_volumes(Pod.from_json(value), "me") == ()


def test_the_accounts_pull_secrets_are_those_of_pods_that_name_none() -> None:
    account = {"imagePullSecrets": [{"name": "a"}, {}]}
    assert admitted(pod(), account)["spec"]["imagePullSecrets"] == [{"name": "a"}, {"name": ""}]
    own = [{"name": "own"}]
    assert admitted(pod(imagePullSecrets=own), account)["spec"]["imagePullSecrets"] == own


def test_an_account_is_found_by_namespace_and_name() -> None:
    accounts = {("default", "default"): {"a": 1}, ("shop", "bot"): {"b": 2}}
    assert account_of(pod(), accounts, "default") == {"a": 1}
    assert account_of(pod(serviceAccountName="bot"), accounts, "shop") == {"b": 2}
    assert account_of(pod(serviceAccountName="bot"), accounts, "default") is None


def test_the_given_pod_stays_as_it_is() -> None:
    value = pod()
    admitted(value)
    assert value == pod()


# --- refusals ------------------------------------------------------------------------------------------------------------

STRICT: Row = {
    "metadata": {"name": "bot", "annotations": {"kubernetes.io/enforce-mountable-secrets": "true"}},
    "secrets": [{"name": "known"}],
    "imagePullSecrets": [{"name": "pull"}],
}
END = "is not allowed because service account bot does not reference that"


def env(name: str) -> Row:
    return {"name": "V", "valueFrom": {"secretKeyRef": {"name": name, "key": "k"}}}


REFUSED: list[tuple[str, Row, str]] = [
    (
        "a volume",
        {"volumes": [{"name": "v", "secret": {"secretName": "x"}}]},
        f'volume with secret.secretName="x" {END} secret',
    ),
    (
        "an init container's variable",
        {"initContainers": [{"name": "i", "env": [env("x")]}]},
        f'init container i with envVar V referencing secret.secretName="x" {END} secret',
    ),
    (
        "a container's variable",
        {"containers": [{"name": "c", "env": [{"name": "W", "value": "w"}, env("known"), env("x")]}]},
        f'container c with envVar V referencing secret.secretName="x" {END} secret',
    ),
    (
        "a container's variables",
        {"containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "x"}}, {"secretRef": {"name": "x"}}]}]},
        f'container c with envFrom referencing secret.secretName="x" {END} secret',
    ),
    (
        "a pull secret",
        {"imagePullSecrets": [{"name": "pull"}, {"name": "x"}]},
        f'imagePullSecrets[1].name="x" {END} imagePullSecret',
    ),
]


@pytest.mark.parametrize(("spec", "text"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_an_account_may_refuse_secrets_that_it_does_not_list(spec: Row, text: str) -> None:
    value = pod(serviceAccountName="bot", **spec)
    with pytest.raises(Forbidden) as caught:
        admitted(value, STRICT)
    assert str(caught.value) == text
    lenient = {**STRICT, "metadata": {"annotations": {"kubernetes.io/enforce-mountable-secrets": "no"}}}
    assert admitted(value, lenient)["spec"]["serviceAccount"] == "bot"


def test_an_account_lets_in_what_it_lists() -> None:
    volumes = [{"name": "v", "secret": {"secretName": "known"}}]
    value = admitted(pod(serviceAccountName="bot", volumes=volumes), STRICT)
    assert value["spec"]["imagePullSecrets"] == [{"name": "pull"}]


MIRRORS: list[tuple[Row, str]] = [
    ({"serviceAccountName": "bot"}, "a mirror pod may not reference service accounts"),
    ({"imagePullSecrets": [{"name": "x"}]}, "a mirror pod may not reference secrets"),
    ({"volumes": [{"name": "v", "secret": {"secretName": "x"}}]}, "a mirror pod may not reference secrets"),
    (
        {"volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]},
        "a mirror pod may not use ServiceAccountToken volume projections",
    ),
    (
        {
            "volumes": [
                {
                    "name": "v",
                    "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}, {"secret": {"name": "x"}}]},
                }
            ]
        },
        "a mirror pod may not reference secrets",
    ),
]


@pytest.mark.parametrize(("spec", "text"), MIRRORS)
def test_a_mirror_pod_has_no_account(spec: Row, text: str) -> None:
    value = pod(**spec)
    value["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    with pytest.raises(Forbidden, match=text):
        admitted(value)


# --- the shared volume ---------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 4, tzinfo=UTC)


def planned(uid: str = "u-1", now: datetime = NOW, owner: str = "h:1:2@home", **spec: Any) -> VolumePlan:
    made = admit(pod(**spec), namespace="shop", uid=uid, suffix="", now=now)
    one = Pod.from_json(with_service_account(made, None))
    (plan,) = plan_volumes(one, Surroundings(lookup=objects(), now=now, owner=owner))
    assert access_volumes(one, owner) == (plan.source,)
    return plan


def test_pods_of_an_account_share_one_volume_with_the_same_files_in_it() -> None:
    first, second = planned("u-1"), planned("u-2", NOW + timedelta(days=3))
    assert first.name != second.name
    assert first.source == second.source
    assert first.content == second.content
    assert [(entry.path, entry.mode) for entry in first.content] == [
        ("ca.crt", 420),
        ("namespace", 420),
        ("token", 420),
    ]
    assert first.create is not None
    assert first.create.labels[VOLUME_KIND] == "access"
    assert first.create.labels[POD_NAMESPACE] == "shop"
    assert (first.is_shared, first.read_only, first.refreshes) == (True, True, False)


OTHERS: list[Row] = [
    {"serviceAccountName": "bot"},
    {"owner": "h:1:2@other"},
    {"securityContext": {"fsGroup": 5}},
    {"securityContext": {"runAsUser": 5}},
]


@pytest.mark.parametrize("change", OTHERS, ids=["another account", "another home", "another group", "another user"])
def test_what_is_not_the_same_for_all_has_its_own_volume(change: Row) -> None:
    assert planned(**change).source != planned().source


def test_the_token_names_the_account_and_no_pod_and_lives_for_a_year() -> None:
    token = planned(serviceAccountName="bot").content[-1].data.decode()
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert claims["sub"] == "system:serviceaccount:shop:bot"
    assert set(claims["kubernetes.io"]) == {"namespace", "serviceaccount", "warnafter"}
    assert claims["exp"] - claims["iat"] == 365 * 24 * 3600
    assert claims["iat"] <= NOW.timestamp() < claims["exp"]
    assert planned(now=NOW + timedelta(days=31)).content != planned().content


def test_a_folder_is_mounted_where_programs_look_for_it() -> None:
    assert admitted(pod())["spec"]["containers"][0]["volumeMounts"] == [
        {"name": access_name("u-1"), "readOnly": True, "mountPath": FOLDER}
    ]
