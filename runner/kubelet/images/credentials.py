"""Pulls with the credentials in a pod's imagePullSecrets. Mirrors pkg/kubelet/kuberuntime/kuberuntime_image.go (PullImage)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from runner.core.images.progress import PullProgress
from runner.core.images.pullsecrets import Keyring
from runner.engine.protocol import Engine, RegistryAuth
from runner.errors import ImagePullError


def registry_auths(keyring: Keyring, image: str) -> tuple[RegistryAuth | None, ...]:
    """The credentials to try, in order; None is the user's own Docker configuration, used where no secret fits."""
    found = keyring.credentials(image)
    return tuple(RegistryAuth(username=one.username, password=one.password) for one in found) or (None,)


def pull_with(
    engine: Engine, reference: str, auths: Sequence[RegistryAuth | None], on_progress: Callable[[PullProgress], None]
) -> None:
    """Pull with the first credentials that the registry accepts. Raises ImagePullError with the error of each."""
    failures: list[ImagePullError] = []
    for auth in auths:
        try:
            engine.pull_image(reference, auth=auth, on_progress=on_progress)
        except ImagePullError as error:
            failures.append(error)
        else:
            return
    texts = list(dict.fromkeys(error.message for error in failures))
    raise failures[-1] if len(texts) == 1 else ImagePullError(f"[{', '.join(texts)}]", kind=failures[-1].kind)
