"""Which credentials a pull is tried with, and what is told when none opens the registry."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from runner.clock import VirtualClock
from runner.core.images.progress import PullProgress
from runner.core.images.pullsecrets import Credential, Keyring
from runner.engine.protocol import RegistryAuth
from runner.engine.simulated import SimulatedEngine
from runner.errors import ImagePullError, PullFailure
from runner.kubelet.images.credentials import pull_with, registry_auths

FIRST, SECOND = (RegistryAuth(username=name, password="x") for name in ("first", "second"))


class Guarded(SimulatedEngine):
    """A registry that says something to everybody, and lets one user in."""

    def __init__(self, answers: dict[str, str]) -> None:
        super().__init__(VirtualClock())
        self.answers = answers
        self.asked: list[str] = []

    def pull_image(
        self, reference: str, *, auth: RegistryAuth | None, on_progress: Callable[[PullProgress], None]
    ) -> None:
        user = auth.username if auth is not None else ""
        self.asked.append(user)
        if user in self.answers:
            raise ImagePullError(self.answers[user], kind=PullFailure.DENIED)
        super().pull_image(reference, auth=auth, on_progress=on_progress)


def pull(engine: Guarded, *auths: RegistryAuth | None) -> None:
    told: list[PullProgress] = []
    pull_with(engine, "reg.io/x:1", auths, told.append)


def test_the_first_credentials_that_open_the_registry_are_enough() -> None:
    engine = Guarded({"first": "denied"})
    pull(engine, FIRST, SECOND, None)
    assert engine.asked == ["first", "second"]
    assert engine.inspect_image("reg.io/x:1").tags


@pytest.mark.parametrize(
    ("answers", "text"),
    [({"first": "denied", "second": "denied"}, "denied"), ({"first": "denied", "second": "gone"}, "[denied, gone]")],
)
def test_what_all_credentials_met_is_told_once(answers: dict[str, str], text: str) -> None:
    with pytest.raises(ImagePullError) as caught:
        pull(Guarded(answers), FIRST, SECOND)
    assert (caught.value.message, caught.value.kind) == (text, PullFailure.DENIED)


def test_without_a_fitting_secret_the_users_own_configuration_counts() -> None:
    ring = Keyring({"reg.io": (Credential(username="u", password="p"),)})
    assert registry_auths(ring, "reg.io/x") == (RegistryAuth(username="u", password="p"),)
    assert registry_auths(ring, "busybox") == (None,)
