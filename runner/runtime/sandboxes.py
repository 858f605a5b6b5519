"""Creates a pod's sandbox with all its volumes. Mirrors kuberuntime_sandbox.go and the Docker shim's RunPodSandbox."""

from __future__ import annotations

from runner.core.labels import SANDBOX_CONTAINER
from runner.core.model import Pod
from runner.core.translate import sandbox_config
from runner.core.volumes import MountError, VolumePlan, plan_volumes, volumes_archive
from runner.engine.protocol import Engine
from runner.errors import EngineError, NotFound
from runner.runtime.context import PodContext
from runner.runtime.hostpaths import check_host_path
from runner.sandbox.image import sandbox_image


def sandbox_reference(engine: Engine, override: str) -> str:
    """The sandbox image's reference, imported into the Engine if it is not there yet."""
    if override:
        return override
    image = sandbox_image(engine.architecture())
    try:
        engine.inspect_image(image.reference)
    except NotFound:
        engine.import_image(image.reference, image.rootfs, changes=image.changes)
    return image.reference


def prepare_volumes(context: PodContext) -> tuple[VolumePlan, ...]:
    """Plan the pod's volumes and check its host paths. Raises MountError with the text of a FailedMount event."""
    plans = plan_volumes(context.pod, context.lookup, context.now(), context.owner)
    for plan in plans:
        if plan.host_type:
            check_host_path(plan)
    return plans


def create_sandbox(context: PodContext, attempt: int) -> str:
    """Create volumes and sandbox, start it, fill the volumes. Returns its id. Raises EngineError."""
    engine, pod = context.engine, context.pod
    for plan in context.volumes:
        if plan.create is not None:
            engine.create_volume(plan.create)
    config = sandbox_config(
        pod, attempt=attempt, image=context.sandbox_image, volumes=context.volumes, owner=context.owner
    )
    sandbox_id = engine.create_container(config)
    context.store.note_attempt(pod.uid, SANDBOX_CONTAINER, attempt)
    if context.prefetcher is not None:
        context.prefetcher.begin_first(sandbox_id)
    try:
        engine.start_container(sandbox_id)
    except EngineError:
        engine.remove_container(sandbox_id)
        raise
    # tmpfs volumes exist only while something that mounts them runs, so everything is filled after the start.
    archive = volumes_archive(tuple(plan for plan in context.volumes if attempt == 0 or not plan.keep))
    if archive is not None:
        engine.upload(sandbox_id, "/", archive)
    return sandbox_id


def remove_volumes(engine: Engine, pod: Pod, uid_label: str) -> None:
    """Remove every volume that lives and dies with the pod."""
    for volume in engine.list_volumes({uid_label: pod.uid}):
        engine.remove_volume(volume.name)


__all__ = ["MountError", "create_sandbox", "prepare_volumes", "remove_volumes", "sandbox_reference"]
