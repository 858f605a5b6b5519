"""What stands behind each volume of a pod: a Docker volume or a host path.

Mirrors pkg/volume/{emptydir,hostpath,configmap,secret,downwardapi,projected,image}. Only volumes that some container mounts
are planned, like the kubelet's WaitForAttachAndMount.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from runner.core.container.containerconfig import MountType, VolumeConfig
from runner.core.container.podlimits import pod_limit
from runner.core.labels import claim_labels, pvc_volume_name, volume_labels, volume_name
from runner.core.model import Json, Pod
from runner.core.objects import ConfigError
from runner.core.text.quantity import ZERO, Quantity, parse_quantity
from runner.core.volumes.access import access_plan, is_access
from runner.core.volumes.claims import ephemeral_claim, find_claim
from runner.core.volumes.layout import SET_GROUP, atomic_layout
from runner.core.volumes.plan import FileEntry, MountError, Surroundings, VolumePlan
from runner.core.volumes.projection import downward_files, fs_group, object_files, projected_files

_OPEN = 0o777
_GROUP_OWNS = 0o775


def plan_volumes(
    pod: Pod, around: Surroundings, check: Callable[[VolumePlan], None] = lambda _: None
) -> tuple[VolumePlan, ...]:
    """Plan every mounted volume of the pod. Raises MountError with the kubelet's text for each that cannot be had.

    ``check`` looks at each that can, and may raise it too: a kubelet sets all volumes up, whatever becomes of one of them.
    """
    plans: list[VolumePlan] = []
    texts: list[str] = []
    for volume in mounted_volumes(pod):
        try:
            plan = plan_volume(pod, volume, around)
            check(plan)
            plans.append(plan)
        except MountError as error:
            texts += error.texts
    if texts:
        raise MountError(*texts)
    return tuple(plans)


def mounted_volumes(pod: Pod) -> list[Json]:
    """The volumes that have to be there before a container starts."""
    mounted = {mount.name for c in pod.all_containers() for mount in c.volume_mounts}
    # What a fileKeyRef reads is set up too, mounted or not.
    for container in pod.all_containers():
        for entry in container.manifest.get("env") or ():
            mounted.add(str(((entry.get("valueFrom") or {}).get("fileKeyRef") or {}).get("volumeName")))
    return [volume for volume in pod.spec.get("volumes") or () if volume.get("name") in mounted]


def plan_volume(pod: Pod, volume: Json, around: Surroundings) -> VolumePlan:
    """Plan one volume. Raises MountError."""
    name = str(volume.get("name"))
    try:
        plan = _plan(pod, name, volume, around)
    except ConfigError as error:
        raise MountError(f'MountVolume.SetUp failed for volume "{name}" : {error}') from error
    if plan is not None:
        return plan
    kind = next((key for key in volume if key != "name"), "")
    raise MountError(f'MountVolume.SetUp failed for volume "{name}" : {kind} volumes are not supported on this node')


def _plan(pod: Pod, name: str, volume: Json, around: Surroundings) -> VolumePlan | None:
    if "hostPath" in volume:
        source = volume["hostPath"]
        kind = str(source.get("type") or "")
        return VolumePlan(name=name, type=MountType.BIND, source=str(source.get("path")), host_type=kind)
    if "configMap" in volume:
        return _projection(pod, name, object_files("ConfigMap", volume["configMap"], around), around)
    if "secret" in volume:
        return _projection(pod, name, object_files("Secret", volume["secret"], around), around, in_memory=True)
    if "downwardAPI" in volume:
        return _projection(pod, name, downward_files(pod, volume["downwardAPI"], around), around, in_memory=True)
    if is_access(pod, volume):
        return access_plan(pod, name, volume, around)
    if "projected" in volume:
        return _projection(pod, name, projected_files(pod, volume["projected"], around), around, in_memory=True)
    if "persistentVolumeClaim" in volume:
        return _claimed(pod, name, volume["persistentVolumeClaim"], around)
    if "ephemeral" in volume:
        return _ephemeral(pod, name, volume["ephemeral"], around)
    if "image" in volume:
        return _image(pod, name, volume["image"], around)
    if "emptyDir" in volume:
        return _empty_dir(pod, name, volume["emptyDir"] or {}, around)
    return None


def _empty_dir(pod: Pod, name: str, source: Json, around: Surroundings) -> VolumePlan:
    docker_name, group = volume_name(pod, name), fs_group(pod)
    options: dict[str, str] = {}
    if source.get("medium") == "Memory":
        size = _memory_size(pod, source)
        limit = "" if size is None else f",size={size.ceil()}"
        owned = "mode=1777" if group is None else f"mode=3777,gid={group}"
        options = {"type": "tmpfs", "device": "tmpfs", "o": f"{owned}{limit}"}
    config = VolumeConfig(name=docker_name, labels=volume_labels(pod, name, around.owner), options=options)
    mode = None if options else _OPEN
    return VolumePlan(name=name, type=MountType.VOLUME, source=docker_name, create=config, root_mode=mode, group=group)


def _memory_size(pod: Pod, source: Json) -> Quantity | None:
    """The smaller of the volume's own limit and what the pod may use; None leaves the Engine's default."""
    own = parse_quantity(str(source.get("sizeLimit") or 0))
    limits = (pod_limit(pod, "memory"), own if own > ZERO else None)
    return min((limit for limit in limits if limit is not None), default=None)


def _claimed(pod: Pod, name: str, source: Json, around: Surroundings) -> VolumePlan:
    claim_name = str(source.get("claimName"))
    claim = find_claim(pod, claim_name, around.lookup, around.now)
    docker_name, group = pvc_volume_name(pod.namespace, claim_name), fs_group(pod)
    config = VolumeConfig(name=docker_name, labels=claim_labels(claim_name, around.owner))
    return VolumePlan(
        name=name,
        type=MountType.VOLUME,
        source=docker_name,
        create=config,
        root_mode=None if group is None else _GROUP_OWNS | SET_GROUP,
        read_only=bool(source.get("readOnly")),
        keep=True,
        group=group,
        keeps_owned=(pod.spec.get("securityContext") or {}).get("fsGroupChangePolicy") == "OnRootMismatch",
        claim=claim,
    )


def _ephemeral(pod: Pod, name: str, source: Json, around: Surroundings) -> VolumePlan:
    """A claim of the pod's own: its volume goes with the pod, like the claim."""
    claim = ephemeral_claim(pod, name, source, around.lookup, around.now)
    docker_name, group = volume_name(pod, name), fs_group(pod)
    return VolumePlan(
        name=name,
        type=MountType.VOLUME,
        source=docker_name,
        create=VolumeConfig(name=docker_name, labels=volume_labels(pod, name, around.owner)),
        root_mode=_GROUP_OWNS if group is not None else 0o755,
        group=group,
        claim=claim,
    )


def _image(pod: Pod, name: str, source: Json, around: Surroundings) -> VolumePlan:
    docker_name = volume_name(pod, name)
    return VolumePlan(
        name=name,
        type=MountType.VOLUME,
        source=docker_name,
        create=VolumeConfig(name=docker_name, labels=volume_labels(pod, name, around.owner)),
        read_only=True,
        image=str(source.get("reference") or ""),
        pull_policy=str(source.get("pullPolicy") or "IfNotPresent"),
    )


def _projection(
    pod: Pod, name: str, files: Iterable[FileEntry], around: Surroundings, *, in_memory: bool = False
) -> VolumePlan:
    """A read-only volume of files; of two with the same path the last one counts."""
    content = tuple({file.path: file for file in files}.values())
    docker_name, group = volume_name(pod, name), fs_group(pod)
    options: dict[str, str] = {}
    if in_memory:  # A kubelet keeps these in memory only.
        owned = "mode=1777" if group is None else f"mode=3777,gid={group}"
        options = {"type": "tmpfs", "device": "tmpfs", "o": owned}
    return VolumePlan(
        name=name,
        type=MountType.VOLUME,
        source=docker_name,
        create=VolumeConfig(name=docker_name, labels=volume_labels(pod, name, around.owner), options=options),
        root_mode=None if options else _OPEN,
        files=atomic_layout(content, around.now),
        content=tuple(sorted(content, key=lambda file: file.path)),
        read_only=True,
        group=group,
        refreshes=True,
    )


def renewed(plan: VolumePlan, fresh: VolumePlan) -> VolumePlan | None:
    """The plan with new content, if the content has changed; an equal one leaves everything as it lies there."""
    if plan.content == fresh.content:
        return None
    return replace(plan, files=fresh.files, content=fresh.content)
