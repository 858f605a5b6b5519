"""The rules of ``explain`` one by one: small pods, each with one thing wrong, and what is said of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runner.core.explain.evidence import Evidence, Written
from runner.core.explain.explaining import Explanation, explain
from runner.core.explain.finding import Cause, Certainty, Finding, Quote, Stage, stage_of
from runner.core.explain.gathering import as_told, evidence_of, flat
from runner.core.explain.words import listed, near, one_line

Json = dict[str, Any]


def ended(code: int, reason: str = "Error", message: str = "", start: str = "", finish: str = "") -> Json:
    found: Json = {"exitCode": code, "reason": reason, "message": message}
    found |= {"startedAt": start} if start else {}
    return {"terminated": found | ({"finishedAt": finish} if finish else {})}


def waiting(reason: str, message: str = "") -> Json:
    return {"waiting": {"reason": reason, "message": message}}


RUNS: Json = {"running": {"startedAt": "2026-03-02T09:00:00Z"}}
LOOP = waiting("CrashLoopBackOff", "back-off 10s restarting failed container=c pod=p_default(u)")


def box(name: str = "app", state: Json | None = None, last: Json | None = None, **spec: Any) -> tuple[Json, Json]:
    """A container's spec and status; ``restarts`` and ``ready`` are the status'."""
    restarts, ready = spec.pop("restarts", 0), spec.pop("ready", False)
    image_id = spec.pop("imageID", "")
    status = {"name": name, "state": state or {}, "lastState": last or {}, "restartCount": restarts, "ready": ready}
    spec = {"name": name, "image": "shop:1", **spec}
    return spec, {**status, "image": spec["image"], "imageID": image_id}


def crashed(code: int = 1, name: str = "app", **spec: Any) -> tuple[Json, Json]:
    return box(name, LOOP, ended(code), restarts=3, **spec)


def pod(
    *apps: tuple[Json, Json], init: tuple[tuple[Json, Json], ...] = (), status: Json | None = None, **spec: Any
) -> Json:
    metadata = {"name": "p", "namespace": "default", "uid": "u", "labels": spec.pop("labels", {})}
    metadata |= spec.pop("metadata", {})
    return {
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"initContainers": [one for one, _ in init], "containers": [one for one, _ in apps], **spec},
        "status": {
            "initContainerStatuses": [one for _, one in init],
            "containerStatuses": [one for _, one in apps],
            **(status or {}),
        },
    }


def event(reason: str, message: str, container: str = "", count: int = 1, at: str = "2026-03-02T09:00:01Z") -> Json:
    about: Json = {"kind": "Pod", "name": "p", "namespace": "default", "uid": "u"}
    if container:
        about["fieldPath"] = f"spec.containers{{{container}}}"
    return {
        "kind": "Event",
        "involvedObject": about,
        "reason": reason,
        "message": message,
        "count": count,
        "lastTimestamp": at,
    }


def thing(kind: str, name: str, namespace: str = "default", **more: Any) -> Json:
    return {"kind": kind, "metadata": {"name": name, "namespace": namespace}, **more}


def service(name: str, *ports: int, namespace: str = "default", **spec: Any) -> Json:
    return thing("Service", name, namespace, spec={"ports": [{"port": port} for port in ports], **spec})


def of(value: Json, *objects: Json, logs: Any = None, **more: Any) -> Explanation:
    """``logs`` are the lines of the first container with a failure, or a mapping."""
    if isinstance(logs, str):
        logs = (logs,)
    if isinstance(logs, tuple):
        statuses = [*value["status"]["initContainerStatuses"], *value["status"]["containerStatuses"]]
        first = next(
            one for one in statuses if one["lastState"] or "running" in one["state"] or "terminated" in one["state"]
        )
        logs = {(first["name"], first["restartCount"]): logs}
    return explain(evidence_of(value, [value, *objects], logs, **more))


def volume(kind: str, called: str = "data", /, **source: Any) -> Json:
    return {"name": called, kind: source}


def mount(path: str, name: str = "data", **more: Any) -> Json:
    return {"mountPath": path, "name": name, **more}


def probe(port: Any = 8080, **more: Any) -> Json:
    return {"httpGet": {"path": "/up", "port": port}, **more}


Case = tuple[Explanation, Cause, str]
"""What was explained, the cause that comes first, and words of its sentence or of what to do next."""

NODES: dict[str, Case] = {
    "a pod that no process holds": (
        of(pod(), event("FailedScheduling", "no nodes available to schedule pods: no node holds this pod")),
        Cause.UNSCHEDULABLE,
        "podrunner run",
    ),
    "an eviction for memory": (
        of(pod(crashed(137), status={"reason": "Evicted", "message": "The node was low on resource: memory."})),
        Cause.EVICTED,
        "give the containers requests",
    ),
    "an eviction without a message": (
        of(pod(status={"reason": "Evicted"})),
        Cause.EVICTED,
        "the node has evicted the pod",
    ),
    "a preemption": (
        of(pod(status={"reason": "Preempting", "message": "Preempted in order to admit critical pod"})),
        Cause.PREEMPTED,
        "priorityClassName",
    ),
    "a node that is gone": (of(pod(status={"reason": "NodeLost"})), Cause.NODE_GONE, "kubectl get nodes"),
    "a node that does not take the pod": (
        of(pod(status={"reason": "OutOfcpu", "message": "Node didn't have enough resource: cpu"})),
        Cause.NOT_ADMITTED,
        "enough resource",
    ),
    "a policy of the node": (of(pod(status={"reason": "SysctlForbidden"})), Cause.NOT_ADMITTED, "SysctlForbidden"),
    "too little processor time": (
        of(
            pod(
                status={
                    "conditions": [
                        {
                            "type": "PodScheduled",
                            "status": "False",
                            "message": "0/1 nodes are available: 1 Insufficient cpu. preemption: no",
                        }
                    ]
                }
            )
        ),
        Cause.UNSCHEDULABLE,
        "lower resources.requests",
    ),
    "a taint": (
        of(pod(), event("FailedScheduling", "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: true}.")),
        Cause.UNSCHEDULABLE,
        "toleration",
    ),
    "a selector": (
        of(
            pod(),
            event("FailedScheduling", "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."),
        ),
        Cause.UNSCHEDULABLE,
        "nodeSelector",
    ),
    "another complaint of the scheduler": (
        of(pod(), event("FailedScheduling", "0/1 nodes are available: volume node conflict")),
        Cause.UNSCHEDULABLE,
        "kubectl describe nodes",
    ),
    "a host port on every node": (
        of(pod(), event("FailedScheduling", "1 node(s) didn't have free ports for the requested pod ports.")),
        Cause.HOST_PORT_TAKEN,
        "hostPort",
    ),
    "a network that cannot be made": (
        of(
            pod(box(state=waiting("ContainerCreating"))),
            event("FailedCreatePodSandBox", "Failed to create pod sandbox: no IP addresses left"),
        ),
        Cause.SANDBOX_FAILED,
        "no IP addresses left",
    ),
}

REFERENCES: dict[str, Case] = {
    "a ConfigMap of the environment": (
        of(pod(box(state=waiting("CreateContainerConfigError", 'configmap "cfg" not found')))),
        Cause.CONFIG_MISSING,
        "create ConfigMap cfg in namespace default",
    ),
    "one that is there by now": (
        of(
            pod(box(state=waiting("CreateContainerConfigError", 'configmap "cfg" not found'))),
            thing("ConfigMap", "cfg"),
        ),
        Cause.CONFIG_MISSING,
        "is there now",
    ),
    "one of another namespace": (
        of(
            pod(box(state=waiting("CreateContainerConfigError", 'secret "db" not found'))),
            thing("Secret", "db", "shop"),
        ),
        Cause.SECRET_MISSING,
        "in namespace shop",
    ),
    "a key that is written otherwise": (
        of(
            pod(box(state=waiting("CreateContainerConfigError", "couldn't find key db_pass in Secret default/db"))),
            thing("Secret", "db", data={"db-pass": "", "user": ""}),
        ),
        Cause.KEY_MISSING,
        "db-pass",
    ),
    "a key of which nothing is near": (
        of(
            pod(box(state=waiting("CreateContainerConfigError", "couldn't find key zzz in Secret default/db"))),
            thing("Secret", "db", data={"host": "", "user": ""}),
        ),
        Cause.KEY_MISSING,
        "add the key zzz",
    ),
    "a key of a Secret that nobody knows": (
        of(pod(box(state=waiting("CreateContainerConfigError", "couldn't find key a in ConfigMap default/b")))),
        Cause.KEY_MISSING,
        "add the key a to ConfigMap b",
    ),
    "an item of a volume": (
        of(
            pod(
                box(state=waiting("ContainerCreating")),
                volumes=[volume("configMap", name="etc"), volume("configMap", "cfg")],
            ),
            event(
                "FailedMount", 'MountVolume.SetUp failed for volume "data" : references non-existent config key: a.ini'
            ),
            thing("ConfigMap", "etc", data={"b.ini": ""}),
        ),
        Cause.KEY_MISSING,
        "ConfigMap etc has no key a.ini",
    ),
    "an item of a Secret among several sources": (
        of(
            pod(box(state=waiting("ContainerCreating"))),
            event("FailedMount", "references non-existent secret key: tls.crt"),
        ),
        Cause.KEY_MISSING,
        "Secret of the volume has no key tls.crt",
    ),
    "a Secret of a volume": (
        of(
            pod(box(state=waiting("ContainerCreating"))),
            event("FailedMount", 'MountVolume.SetUp failed for volume "tls" : secret "web-tls" not found'),
        ),
        Cause.SECRET_MISSING,
        "a volume of the pod needs it",
    ),
    "another trouble with a volume": (
        of(
            pod(box(state=waiting("ContainerCreating"))),
            event(
                "FailedMount",
                'MountVolume.SetUp failed for volume "logs" : hostPath type check failed: /x is not a directory',
            ),
        ),
        Cause.MOUNT_FAILED,
        "another type",
    ),
    "a volume that another node has": (
        of(
            pod(box(state=waiting("ContainerCreating"))),
            event("FailedAttachVolume", 'Multi-Attach error for volume "pv1" Volume is already used by pod(s) a'),
        ),
        Cause.MOUNT_FAILED,
        "ReadWriteMany",
    ),
    "a volume without a name": (
        of(pod(box(state=waiting("ContainerCreating"))), event("FailedMount", "timed out waiting for the condition")),
        Cause.MOUNT_FAILED,
        "a volume of the pod cannot be mounted",
    ),
    "a claim that is missing": (
        of(
            pod(),
            event("FailedScheduling", '0/1 nodes are available: persistentvolumeclaim "dat" not found.'),
            thing("PersistentVolumeClaim", "data"),
        ),
        Cause.CLAIM_MISSING,
        "name data instead",
    ),
    "a claim without a volume": (
        of(
            pod(volumes=[volume("emptyDir", "tmp"), volume("persistentVolumeClaim", claimName="data")]),
            event("FailedScheduling", "pod has unbound immediate PersistentVolumeClaims"),
            thing("PersistentVolumeClaim", "data", spec={"storageClassName": "fast"}),
        ),
        Cause.CLAIM_PENDING,
        "claim data of storage class fast",
    ),
    "one of several claims": (
        of(
            pod(
                volumes=[
                    volume("persistentVolumeClaim", "a", claimName="a"),
                    volume("persistentVolumeClaim", "b", claimName="b"),
                ]
            ),
            event("FailedScheduling", "pod has unbound immediate PersistentVolumeClaims"),
        ),
        Cause.CLAIM_PENDING,
        "`kubectl describe pvc`",
    ),
}


def pull(message: str, reason: str = "ErrImagePull", image: str = "reg.example.com/shop:2", **more: Any) -> Json:
    return pod(box(state=waiting(reason, message), image=image), **more)


IMAGES: dict[str, Case] = {
    "a name in capitals": (
        of(pull('couldn\'t parse image reference "Shop": invalid reference format', "InvalidImageName", "Shop:2")),
        Cause.IMAGE_NAME_INVALID,
        "shop:2",
    ),
    "a variable in the name": (
        of(pull("", "InvalidImageName", "${PREFIX}/shop")),
        Cause.IMAGE_NAME_INVALID,
        "fill in the variable",
    ),
    "a scheme in the name": (
        of(pull("", "InvalidImageName", "https://reg/shop")),
        Cause.IMAGE_NAME_INVALID,
        "reg/shop",
    ),
    "a blank in the name": (of(pull("", "InvalidImageName", "shop :2")), Cause.IMAGE_NAME_INVALID, "without blanks"),
    "an image that is never to be pulled": (
        of(
            pull('Container image "shop:2" is not present with pull policy of Never', "ErrImageNeverPull"),
            images=("reg.example.com/shop:1",),
        ),
        Cause.IMAGE_NEVER_PULLED,
        "near: reg.example.com/shop:1",
    ),
    "no manifest for this machine": (
        of(pull("no matching manifest for linux/arm64/v8 in the manifest list entries")),
        Cause.WRONG_ARCHITECTURE,
        "docker buildx",
    ),
    "too many pulls": (
        of(pull("toomanyrequests: You have reached your pull rate limit")),
        Cause.REGISTRY_LIMIT,
        "mirror",
    ),
    "a registry without TLS": (
        of(pull("http: server gave HTTP response to HTTPS client")),
        Cause.REGISTRY_TLS,
        "insecure registry",
    ),
    "a registry without an address": (
        of(pull("dial tcp: lookup reg.example.com: no such host")),
        Cause.REGISTRY_UNREACHABLE,
        "reg.example.com cannot be reached",
    ),
    "a registry that wants a login": (
        of(pull("unauthorized: authentication required", imagePullSecrets=[{"name": "login"}])),
        Cause.REGISTRY_AUTH,
        "Secret login is for reg.example.com",
    ),
    "the Secret for it is missing": (
        of(
            pull("denied: requested access to the resource is denied", imagePullSecrets=[{"name": "login"}]),
            event("FailedToRetrieveImagePullSecret", "Unable to retrieve some image pull secrets (login)"),
        ),
        Cause.REGISTRY_AUTH,
        "create the Secret",
    ),
    "denied, or not there": (
        of(
            pull("pull access denied for shop, repository does not exist or may require 'docker login'", image="shpo"),
            images=("shop:1",),
        ),
        Cause.IMAGE_DENIED,
        "near: shop:1",
    ),
    "a tag that is not there": (
        of(
            pull("manifest unknown", image="shop:v3"),
            {**pod(box(state=RUNS, image="shop:v2", imageID="sha256:1")), "metadata": {"name": "other"}},
        ),
        Cause.IMAGE_NOT_FOUND,
        "near: shop:v2",
    ),
    "an answer that nobody knows": (of(pull("the disk sings")), Cause.IMAGE_FAILED, "cannot be had"),
    "a back-off whose reason is in an event": (
        of(
            pull('Back-off pulling image "x"', "ImagePullBackOff"),
            event("Failed", 'Failed to pull image "x": manifest unknown', "app"),
        ),
        Cause.IMAGE_NOT_FOUND,
        "does not exist",
    ),
    "a back-off and nothing else": (
        of(pull('Back-off pulling image "x"', "ImagePullBackOff")),
        Cause.IMAGE_FAILED,
        "cannot be had",
    ),
}


def start_error(message: str, **spec: Any) -> Json:
    volumes = spec.pop("volumes", [])
    return pod(box("app", LOOP, ended(128, "StartError", message), restarts=1, **spec), volumes=volumes)


STARTS: dict[str, Case] = {
    "a user that is a name": (
        of(
            pod(
                box(
                    state=waiting(
                        "CreateContainerConfigError",
                        "container has runAsNonRoot and image has non-numeric user (web), cannot verify user is non-root",
                    ),
                    securityContext={"runAsNonRoot": True},
                )
            )
        ),
        Cause.RUNS_AS_ROOT,
        "that user's number",
    ),
    "a user that the image does not know": (
        of(start_error("unable to find user web: no matching entries in passwd file")),
        Cause.USER_UNKNOWN,
        "user web",
    ),
    "memory without a limit": (
        of(pod(box(state=LOOP, last=ended(137, "OOMKilled")))),
        Cause.OOM_KILLED,
        "its node ran out",
    ),
    "memory of the pod": (
        of(pod(box(state=LOOP, last=ended(137, "OOMKilled")), resources={"limits": {"memory": "1Gi"}})),
        Cause.OOM_KILLED,
        "spec.resources.limits.memory",
    ),
    "too little memory to begin": (
        of(
            start_error(
                "container init was OOM-killed (memory limit too low?)", resources={"limits": {"memory": "4Mi"}}
            )
        ),
        Cause.OOM_KILLED,
        "4Mi",
    ),
    "a command that is not on the path": (
        of(start_error('exec: "serve": executable file not found in $PATH', command=["serve"])),
        Cause.COMMAND_NOT_FOUND,
        "no command serve",
    ),
    "a command line in one word": (
        of(start_error('exec: "serve --port 1": executable file not found in $PATH', command=["serve --port 1"])),
        Cause.COMMAND_NOT_FOUND,
        "each word its own item",
    ),
    "an empty command": (
        of(start_error('exec: "": executable file not found in $PATH')),
        Cause.COMMAND_NOT_FOUND,
        "of an empty name",
    ),
    "a shell that is not there": (
        of(start_error('exec: "sh": executable file not found in $PATH', command=["sh"])),
        Cause.COMMAND_NOT_FOUND,
        "use an image with a shell",
    ),
    "a path that is not there": (
        of(start_error('exec: "/app/x": stat /app/x: no such file or directory', args=["/app/x"])),
        Cause.COMMAND_NOT_FOUND,
        "no command /app/x",
    ),
    "an interpreter that is not there": (
        of(pod(crashed(1, command=["/x"])), logs="exec /x: no such file or directory"),
        Cause.COMMAND_NOT_FOUND,
        "interpreter or loader",
    ),
    "a script that is not on its volume": (
        of(
            start_error(
                'exec: "/s/run.sh": stat /s/run.sh: no such file or directory',
                volumeMounts=[mount("/s")],
                volumes=[volume("emptyDir")],
            )
        ),
        Cause.COMMAND_NOT_FOUND,
        "what is in the volume",
    ),
    "a command of a shell script": (
        of(pod(crashed(127)), logs="sh: 1: curl: not found"),
        Cause.COMMAND_NOT_FOUND,
        "no command curl",
    ),
    "a command without a word about it": (of(pod(crashed(127))), Cause.COMMAND_NOT_FOUND, "exit code 127"),
    "a script of a ConfigMap without its mode": (
        of(
            start_error(
                'exec: "/s/run.sh": permission denied',
                volumeMounts=[mount("/s")],
                volumes=[volume("configMap", name="s")],
            )
        ),
        Cause.NOT_EXECUTABLE,
        "defaultMode: 0755",
    ),
    "a script that another container wrote": (
        of(
            start_error(
                'exec: "/s/run.sh": permission denied', volumeMounts=[mount("/s")], volumes=[volume("emptyDir")]
            )
        ),
        Cause.NOT_EXECUTABLE,
        "chmod +x /s/run.sh in the container",
    ),
    "a program of the image without its mode": (
        of(start_error('exec: "/app": permission denied')),
        Cause.NOT_EXECUTABLE,
        "in the image",
    ),
    "a script that a shell may not run": (
        of(pod(crashed(126)), logs="sh: 1: ./run/it.sh: Permission denied"),
        Cause.NOT_EXECUTABLE,
        "./run/it.sh",
    ),
    "exit code 126 and no more": (of(pod(crashed(126))), Cause.PROGRAM_ERROR, "exit code 126"),
    "a program of another machine": (
        of(pod(crashed(1)), logs="exec /usr/bin/tool: exec format error", architecture="arm64"),
        Cause.WRONG_ARCHITECTURE,
        "(arm64)",
    ),
    "an old runtime's words for it": (
        of(
            pod(crashed(1, command=["/tool"])),
            logs='standard_init_linux.go:211: exec user process caused "exec format error"',
        ),
        Cause.WRONG_ARCHITECTURE,
        "another architecture",
    ),
    "a script without its first line": (
        of(pod(crashed(1)), logs="exec /entrypoint.sh: exec format error"),
        Cause.NOT_EXECUTABLE,
        "#!",
    ),
    "a working directory that is not there": (
        of(start_error('chdir to cwd ("/srv") set in config.json failed: no such file or directory')),
        Cause.WORKING_DIRECTORY,
        "/srv",
    ),
    "a volume onto a file": (
        of(
            start_error(
                'error mounting "/v/cfg" to rootfs at "/etc/app.ini": not a directory: Are you trying to '
                "mount a directory onto a file",
                volumeMounts=[mount("/etc/app.ini")],
                volumes=[volume("configMap", name="c")],
            )
        ),
        Cause.MOUNT_TYPE,
        "subPath: app.ini",
    ),
    "a subPath that is a directory": (
        of(
            start_error(
                'error mounting "/v/cfg" to rootfs at "/etc/app.ini": Are you trying to mount a directory onto a file',
                volumeMounts=[mount("/etc/app.ini", subPath="x.ini")],
                volumes=[volume("configMap", name="c")],
            )
        ),
        Cause.MOUNT_TYPE,
        "a file x.ini",
    ),
    "a mount of no known volume": (
        of(start_error('mounting "/v" to rootfs at "/etc/x" caused: not a directory: unknown')),
        Cause.MOUNT_TYPE,
        "/etc/x",
    ),
    "a mount at no known place": (
        of(start_error("Are you trying to mount a directory onto a file")),
        Cause.MOUNT_TYPE,
        "its mountPath",
    ),
    "a start that fails for no known reason": (
        of(pod(box(state=waiting("RunContainerError", "the moon is full")))),
        Cause.CANNOT_START,
        "the moon is full",
    ),
    "a start that the events tell of": (
        of(
            pod(box(state=LOOP, restarts=1)),
            event("Failed", 'Error: failed to start container "app": unable to find group web', "app"),
        ),
        Cause.USER_UNKNOWN,
        "group web",
    ),
    "a script of Windows": (
        of(pod(crashed(127)), logs="env: 'bash\\r': No such file or directory"),
        Cause.CRLF_SCRIPT,
        "dos2unix",
    ),
    "a script of Windows that fails in silence": (
        of(
            pod(
                crashed(2, command=["sh", "/s/run.sh"], volumeMounts=[mount("/s")]),
                volumes=[volume("configMap", name="s")],
            ),
            thing("ConfigMap", "s", data={"a": "b", "run.sh": "set -e\r\nfi\r\n"}),
            logs="/s/run.sh: syntax error",
        ),
        Cause.CRLF_SCRIPT,
        "run.sh",
    ),
    "a script of Windows that another container runs": (
        of(
            pod(crashed(1, volumeMounts=[mount("/s")]), volumes=[volume("configMap", name="s")]),
            thing("ConfigMap", "s", data={"run.sh": "#!/bin/sh\r\n"}),
        ),
        Cause.PROGRAM_ERROR,
        "exit code 1",
    ),
}

DENIED: Json = {"securityContext": {"runAsUser": 1000}}


def on_volume(kind: str, said: str, fs_group: int | None = None, **source: Any) -> Explanation:
    context: Json = {} if fs_group is None else {"securityContext": {"fsGroup": fs_group}}
    value = pod(crashed(1, volumeMounts=[mount("/data")], **DENIED), volumes=[volume(kind, **source)], **context)
    return of(value, logs=said)


PERMISSIONS: dict[str, Case] = {
    "a directory of the node": (
        on_volume("hostPath", "mkdir /data/x: permission denied", path="/mnt"),
        Cause.VOLUME_PERMISSION,
        "change the owner of /mnt on the node",
    ),
    "a Secret's mode": (
        on_volume("secret", "open /data/key: permission denied", secretName="k", defaultMode=0o400),
        Cause.VOLUME_PERMISSION,
        "it is 0400",
    ),
    "a ConfigMap's mode that is not told": (
        on_volume("configMap", "open /data/key: permission denied", name="k"),
        Cause.VOLUME_PERMISSION,
        "defaultMode: 0444",
    ),
    "a driver that does not heed the group": (
        on_volume("persistentVolumeClaim", "mkdir /data/x: permission denied", 1000, claimName="c"),
        Cause.VOLUME_PERMISSION,
        "fsGroup 1000 is set",
    ),
    "the image's own user": (
        of(
            pod(crashed(1, volumeMounts=[mount("/data")]), volumes=[volume("emptyDir")]),
            logs="touch: /data/x: Permission denied",
        ),
        Cause.VOLUME_PERMISSION,
        "fsGroup: GID",
    ),
    "a file of the image": (
        of(pod(crashed(1, **DENIED)), logs="can't create /env: Permission denied"),
        Cause.IMAGE_PERMISSION,
        "/env of its image",
    ),
    "a denial without a path": (
        of(pod(crashed(1)), logs="Permission denied"),
        Cause.PROGRAM_ERROR,
        "Permission denied",
    ),
    "a database's denial": (
        of(pod(crashed(1)), logs="ERROR: permission denied for table /orders"),
        Cause.PROGRAM_ERROR,
        "permission denied for table",
    ),
    "an owner without the capability": (
        of(
            pod(crashed(1, command=["chown"], securityContext={"capabilities": {"drop": ["ALL"]}})),
            logs="chown: Operation not permitted",
        ),
        Cause.CHOWN_NOT_ROOT,
        "add CHOWN",
    ),
    "an owner of a volume that does not let root": (
        of(
            pod(crashed(1, volumeMounts=[mount("/data")]), volumes=[volume("hostPath", path="/x")]),
            logs="chown: changing ownership of '/data': Operation not permitted",
        ),
        Cause.CHOWN_NOT_ROOT,
        "where the volume comes from",
    ),
    "an owner of nothing known": (
        of(pod(crashed(1)), logs="chmod: /x: Operation not permitted"),
        Cause.CHOWN_NOT_ROOT,
        "not root",
    ),
    "a read-only ConfigMap": (
        on_volume("configMap", "sed: /data/x: Read-only file system", name="c"),
        Cause.READ_ONLY_VOLUME,
        "always read-only",
    ),
    "a read-only mount": (
        on_volume("persistentVolumeClaim", "touch: /data/x: Read-only file system", claimName="c"),
        Cause.READ_ONLY_VOLUME,
        "take readOnly from",
    ),
    "a read-only root with the path": (
        of(
            pod(crashed(1, securityContext={"readOnlyRootFilesystem": True})),
            logs="mkdir: can't create directory '/var/cache/x': Read-only file system",
        ),
        Cause.READ_ONLY_ROOT,
        "emptyDir at /var/cache",
    ),
    "something read-only": (
        of(pod(crashed(1)), logs="touch: /srv/x: Read-only file system"),
        Cause.READ_ONLY_VOLUME,
        "writes /srv/x",
    ),
    "something read-only without a name": (
        of(pod(crashed(1)), logs="Read-only file system"),
        Cause.READ_ONLY_VOLUME,
        "where nothing may be written",
    ),
    "a network without the capability": (
        of(
            pod(crashed(1)),
            logs="iptables v1.8: can't initialize iptables table `nat': Permission denied (you must be root)",
        ),
        Cause.NEEDS_PRIVILEGE,
        "NET_ADMIN",
    ),
    "a mount without the privilege": (
        of(pod(crashed(1)), logs="mount: /mnt: permission denied"),
        Cause.NEEDS_PRIVILEGE,
        "mounts",
    ),
    "a kernel parameter with the privilege": (
        of(
            pod(crashed(1, securityContext={"privileged": True})),
            logs="sysctl: permission denied on key vm.max_map_count",
        ),
        Cause.NEEDS_PRIVILEGE,
        "kernel parameter",
    ),
    "a host port": (
        of(start_error("Bind for 0.0.0.0:8080 failed: port is already allocated")),
        Cause.HOST_PORT_TAKEN,
        "host port 8080",
    ),
    "a host port without its number": (
        of(start_error("address already in use")),
        Cause.HOST_PORT_TAKEN,
        "the host port of",
    ),
    "a port that a neighbour declares": (
        of(
            pod(crashed(1), box("side", RUNS, ports=[{"containerPort": 81}, {"containerPort": 80}])),
            logs="listen tcp :80: bind: address already in use",
        ),
        Cause.PORT_TAKEN,
        "container side",
    ),
    "a port that a neighbour is told": (
        of(pod(crashed(1), box("side", RUNS, args=["--port=8080"])), logs="EADDRINUSE: address already in use :::8080"),
        Cause.PORT_TAKEN,
        "container side",
    ),
    "a port of a neighbour's environment": (
        of(
            pod(
                crashed(1),
                box("side", RUNS, env=[{"name": "A", "value": "8080"}, {"name": "HTTP_PORT", "value": "8080"}]),
            ),
            logs="listen 0.0.0.0:8080: address in use",
        ),
        Cause.PORT_TAKEN,
        "container side",
    ),
    "a port in the line before": (
        of(
            pod(crashed(1), box("side", RUNS)),
            logs={
                ("app", 3): ("Listening on port 8080", "OSError: Address already in use"),
                ("side", 0): ("up on :8080",),
            },
        ),
        Cause.PORT_TAKEN,
        "port 8080",
    ),
    "a port that it was told itself": (
        of(
            pod(
                crashed(1, command=["httpd", "-f", "-p", "8080"]),
                box("side", RUNS, ports=[{"containerPort": 8080}]),
            ),
            logs="httpd: bind: Address already in use",
        ),
        Cause.PORT_TAKEN,
        "container side",
    ),
    "a port of the host's network": (
        of(pod(crashed(1), hostNetwork=True), logs="listen :9100: address already in use"),
        Cause.PORT_TAKEN,
        "host's network",
    ),
    "a port of the program itself": (
        of(pod(crashed(1), box("done", ended(0, "Completed"))), logs="Address already in use"),
        Cause.PORT_TAKEN,
        "perhaps the program itself",
    ),
    "a low port": (
        of(pod(crashed(1, **DENIED)), logs="nginx: bind() to 0.0.0.0:80 failed (13: Permission denied)"),
        Cause.PORT_NEEDS_ROOT,
        "port 80",
    ),
    "a high port that is denied": (
        of(pod(crashed(1)), logs="bind 0.0.0.0:8080: permission denied"),
        Cause.PROGRAM_ERROR,
        "8080",
    ),
    "a disk that is full": (
        of(pod(crashed(1)), logs="write error: No space left on device"),
        Cause.DISK_FULL,
        "the disk full",
    ),
    "a volume that is full": (
        on_volume("emptyDir", "cp: /data/x: No space left on device", sizeLimit="1Mi"),
        Cause.DISK_FULL,
        "sizeLimit 1Mi",
    ),
}


def reads(path: str, writer: Json | None = None, kind: str = "emptyDir", **source: Any) -> Json:
    """A container that does not find a file of a volume; ``writer`` is an init container that has ended."""
    init = () if writer is None else (box("render", ended(0, "Completed"), **writer),)
    app = crashed(1, volumeMounts=[mount("/cfg")])
    return pod(app, init=init, volumes=[volume(kind, **source)])


WRITES = {"volumeMounts": [mount("/out")]}
FILES: dict[str, Case] = {
    "a file that was written under another name": (
        of(
            reads("", {**WRITES, "command": ["sh", "-c", "echo > /tmp/log; echo x > /out/setings.json"]}),
            logs={("app", 3): ("open /cfg/settings.json: no such file or directory",)},
        ),
        Cause.FILE_NAME,
        "wrote setings.json",
    ),
    "a file that was copied under another name": (
        of(
            reads("", {**WRITES, "command": ["sh", "-c", "cp /in/a /out/app.conf; true"]}),
            logs={("app", 3): ("cannot open /cfg/app.cnf: No such file or directory",)},
        ),
        Cause.FILE_NAME,
        "wrote app.conf",
    ),
    "a file that nobody wrote": (
        of(reads(""), logs={("app", 3): ("open /cfg/a: no such file or directory",)}),
        Cause.FILE_MISSING,
        "hidden by the volume",
    ),
    "a file of a claim that nobody wrote": (
        of(
            reads("", kind="persistentVolumeClaim", claimName="c"),
            logs={("app", 3): ("open /cfg/a: no such file or directory",)},
        ),
        Cause.FILE_MISSING,
        "see what the volume holds",
    ),
    "a file that was to be there": (
        of(
            reads("", {**WRITES, "command": ["sh", "-c", "touch /out/zz"]}),
            logs={("app", 3): ("open /cfg/quite-other: no such file or directory",)},
        ),
        Cause.FILE_MISSING,
        "in an init container",
    ),
    "a file that is a key of another name": (
        of(
            reads("", kind="configMap", name="c"),
            thing("ConfigMap", "c", data={"app.yml": ""}),
            logs={("app", 3): ("stat /cfg/app.yaml: no such file or directory",)},
        ),
        Cause.FILE_NAME,
        "ConfigMap c has app.yml",
    ),
    "a file that is an item of another name": (
        of(
            reads("", kind="secret", secretName="s", items=[{"key": "k", "path": "key.pem"}]),
            logs={("app", 3): ("stat /cfg/keys.pem: no such file or directory",)},
        ),
        Cause.FILE_NAME,
        "key.pem",
    ),
    "a file of a ConfigMap that nobody knows": (
        of(
            reads("", kind="configMap", name="c"), logs={("app", 3): ("stat /cfg/app.yaml: no such file or directory",)}
        ),
        Cause.FILE_MISSING,
        "look for another name",
    ),
}


def looks_up(said: str, *objects: Json, **spec: Any) -> Explanation:
    return of(pod(crashed(1, command=spec.pop("command", [])), **spec), *objects, logs=said)


NAMES: dict[str, Case] = {
    "a name of the world": (
        looks_up("curl: (6) Could not resolve host: api.exmaple.com"),
        Cause.DNS_NAME,
        "api.exmaple.com",
    ),
    "a Service that nobody knows": (looks_up("getaddrinfo ENOTFOUND db"), Cause.DNS_NAME, "kubectl get svc"),
    "a Service that is written otherwise": (
        looks_up("lookup datbase on 10.96.0.10:53: no such host", service("database", 5432)),
        Cause.DNS_NAME,
        "write database",
    ),
    "a Service of another namespace": (
        looks_up('could not translate host name "db" to address', service("db", 5432, namespace="shop")),
        Cause.DNS_NAME,
        "write db.shop",
    ),
    "no Service of any such name": (
        looks_up("java.net.UnknownHostException: rabbit", service("db", 5432)),
        Cause.DNS_NAME,
        "create Service rabbit",
    ),
    "a Service of a namespace that is written out": (
        looks_up("bad address 'db.shop:5432'", service("dbx", 1, namespace="shop")),
        Cause.DNS_NAME,
        "no Service db in namespace shop",
    ),
    "a headless Service of others": (
        looks_up("dial tcp: lookup db: no such host", service("db", 1, clusterIP="None")),
        Cause.DNS_NAME,
        "its pods",
    ),
    "a headless Service of its own": (
        looks_up(
            "dial tcp: lookup db: no such host",
            service("db", 1, clusterIP="None", selector={"a": "b"}),
            labels={"a": "b"},
        ),
        Cause.DNS_NAME,
        "this pod itself",
    ),
    "a pod that does not ask the cluster": (
        looks_up("lookup db: no such host", service("db", 1), dnsPolicy="Default"),
        Cause.DNS_NAME,
        "dnsPolicy: ClusterFirst",
    ),
    "a pod on the host's network": (
        looks_up("lookup db: no such host", service("db", 1), hostNetwork=True),
        Cause.DNS_NAME,
        "ClusterFirstWithHostNet",
    ),
    "a name that stands in the command": (
        looks_up("socket.gaierror: [Errno -2] Name or service not known", command=["wget", "http://queue:5672/"]),
        Cause.DNS_NAME,
        "queue",
    ),
    "a name that stands nowhere": (looks_up("Temporary failure in name resolution"), Cause.DNS_NAME, "see which name"),
    "a word that is no name": (looks_up("Could not resolve host error"), Cause.DNS_NAME, "see which name"),
    "a Service that is waited for in silence": (
        of(
            pod(
                box("app"),
                init=(
                    box(
                        "wait",
                        RUNS,
                        command=["sh", "-c", "until nc -z 10.0.0.1 5 && nc -z postgres 5432; do sleep 1; done"],
                    ),
                ),
            ),
            service("postgresql", 5432),
        ),
        Cause.DNS_NAME,
        "write postgresql",
    ),
}


def connects(said: str, *others: tuple[Json, Json], objects: tuple[Json, ...] = (), **spec: Any) -> Explanation:
    return of(pod(crashed(1, **spec), *others), *objects, logs=said)


CONNECTIONS: dict[str, Case] = {
    "a server among times and lines of programs": (
        connects("12:30 db.py:17 dial cache:6379: connection refused"),
        Cause.CONNECTION_REFUSED,
        "cache:6379",
    ),
    "a server elsewhere": (
        connects("dial tcp 10.0.0.7:5432: connect: connection refused"),
        Cause.CONNECTION_REFUSED,
        "10.0.0.7:5432",
    ),
    "a server without a name": (
        connects("Connection refused"),
        Cause.CONNECTION_REFUSED,
        "see in its log which server",
    ),
    "a server of the command": (
        connects("Connection refused", command=["psql", "-h", "db", "-p", "5432"]),
        Cause.CONNECTION_REFUSED,
        "db:5432",
    ),
    "a server of the environment": (
        connects("Connection refused", env=[{"name": "URL", "value": "redis://cache:6379"}]),
        Cause.CONNECTION_REFUSED,
        "cache:6379",
    ),
    "a Service without ready pods": (
        connects("dial db:5432: connection refused", objects=(service("db", 5432),)),
        Cause.CONNECTION_REFUSED,
        "nothing ready stands behind Service db",
    ),
    "a Service of other ports": (
        connects("dial db:3306: connection refused", objects=(service("db", 5432),)),
        Cause.SERVICE_PORT,
        "which serves 5432",
    ),
    "a Service without ports": (
        connects("dial db:3306: connection refused", objects=(service("db"),)),
        Cause.CONNECTION_REFUSED,
        "Service db",
    ),
    "a Service and no port": (
        connects("could not connect at db port: x", command=["ping", "db"], objects=(service("db", 1),)),
        Cause.CONNECTION_REFUSED,
        "Service db",
    ),
    "localhost, where nobody is": (
        connects("connect ECONNREFUSED 127.0.0.1:6379"),
        Cause.CONNECTION_REFUSED,
        "localhost is the pod itself",
    ),
    "localhost, where a container is well": (
        connects(
            "connect ECONNREFUSED 127.0.0.1:6379", box("redis", RUNS, ready=True, ports=[{"containerPort": 6379}])
        ),
        Cause.CONNECTION_REFUSED,
        "in the pod nothing listens",
    ),
    "its own Service in an init container": (
        of(
            pod(
                box("app"),
                init=(box("wait", RUNS, command=["sh", "-c", "until curl -s http://web:80/; do sleep 1; done"]),),
                labels={"a": "b"},
            ),
            service("web", 80, selector={"a": "b"}),
        ),
        Cause.WAITS_FOR_ITSELF,
        "whose containers start only after it",
    ),
    "its own Service that shows pods that are not ready": (
        of(
            pod(crashed(1), labels={"a": "b"}),
            service("web", 80, selector={"a": "b"}, publishNotReadyAddresses=True),
            logs="dial web:80: connection refused",
        ),
        Cause.CONNECTION_REFUSED,
        "Service web",
    ),
    "a main container that an init container needs": (
        of(
            pod(
                box("app"),
                init=(box("wait", RUNS, command=["sh", "-c", "until nc -z localhost 80; do sleep 1; done"]),),
            )
        ),
        Cause.NEEDS_LATER_CONTAINER,
        "make the server a sidecar",
    ),
    "a sidecar before it that does not answer": (
        of(
            pod(
                box("app"),
                init=(
                    box("db", RUNS, ready=True, restartPolicy="Always", ports=[{"containerPort": 5432}]),
                    crashed(1, "migrate"),
                ),
            ),
            logs={("migrate", 3): ("connect ECONNREFUSED 127.0.0.1:5432",)},
        ),
        Cause.PROGRAM_ERROR,
        "ECONNREFUSED",
    ),
    "an init container that waits for what works": (
        of(pod(box("app"), init=(box("wait", RUNS, command=["nginx", "-g", "daemon off;"]),))),
        Cause.INIT_NEVER_ENDS,
        "restartPolicy: Always",
    ),
    "an init container that serves a port": (
        of(pod(box("app"), init=(box("wait", RUNS, ports=[{"containerPort": 1}]),))),
        Cause.INIT_NEVER_ENDS,
        "does not end",
    ),
}


def unhealthy(message: str, kind: str = "Readiness", count: int = 5, at: str = "2026-03-02T09:00:01Z") -> Json:
    return event("Unhealthy", f"{kind} probe failed: {message}", "app", count, at)


KILLED = event("Killing", "Container app failed liveness probe, will be restarted", "app")
REFUSED = 'Get "http://10.0.0.1:8080/up": dial tcp 10.0.0.1:8080: connect: connection refused'


def probed(message: str, **spec: Any) -> Explanation:
    said = spec.pop("logs", None)
    return of(
        pod(box("app", RUNS, readinessProbe=probe(**spec.pop("probe", {})), **spec)), unhealthy(message), logs=said
    )


def alive(last: Json, **more: Any) -> Explanation:
    value = pod(box("app", LOOP, last, restarts=2, livenessProbe=probe(), **more))
    return of(value, unhealthy(REFUSED, "Liveness"), KILLED)


SHORT = ended(137, start="2026-03-02T09:00:00Z", finish="2026-03-02T09:01:00Z")
LONG = ended(137, start="2026-03-02T09:00:00Z", finish="2026-03-02T12:00:00Z")
PROBES: dict[str, Case] = {
    "a path that is not served": (
        probed("HTTP probe failed with statuscode: 404"),
        Cause.PROBE_PATH,
        "/up, which the program does not serve",
    ),
    "a path behind a login": (probed("HTTP probe failed with statuscode: 401"), Cause.PROBE_PATH, "needs no login"),
    "a program that says it is not well": (
        probed("HTTP probe failed with statuscode: 503"),
        Cause.PROBE_FAILS,
        "with 503",
    ),
    "HTTP at a port of TLS": (
        probed("HTTP probe failed with statuscode: 400", probe={"port": 8443}),
        Cause.PROBE_SCHEME,
        "scheme: HTTPS",
    ),
    "a request that is refused": (probed("HTTP probe failed with statuscode: 400"), Cause.PROBE_FAILS, "with 400"),
    "TLS at a port of HTTP": (
        of(
            pod(box("app", RUNS, readinessProbe={"httpGet": {"port": 80, "scheme": "HTTPS"}})),
            unhealthy("http: server gave HTTP response to HTTPS client"),
        ),
        Cause.PROBE_SCHEME,
        "scheme: HTTP",
    ),
    "an answer that takes too long": (
        probed("context deadline exceeded (Client.Timeout exceeded while awaiting headers)"),
        Cause.PROBE_TIMEOUT,
        "gives 1 s",
    ),
    "a command that is not there": (
        of(
            pod(box("app", RUNS, readinessProbe={"exec": {"command": ["curl"]}})),
            unhealthy('exec: "curl": executable file not found in $PATH'),
        ),
        Cause.PROBE_COMMAND,
        "exec.command",
    ),
    "a command that fails": (
        of(pod(box("app", RUNS, readinessProbe={"exec": {"command": ["cat"]}})), unhealthy("queue too long")),
        Cause.PROBE_FAILS,
        "queue too long",
    ),
    "a port without a name": (
        probed("couldn't find port: admin", probe={"port": "admin"}),
        Cause.PROBE_PORT,
        "names port admin",
    ),
    "a port that is not declared": (probed(REFUSED, ports=[{"containerPort": 80}]), Cause.PROBE_PORT, "it declares 80"),
    "a port of a name where nothing listens": (
        probed(REFUSED, probe={"port": "web"}, ports=[{"containerPort": 80, "name": "web"}]),
        Cause.PROBE_PORT,
        "port 80",
    ),
    "a gRPC server that does not listen": (
        of(pod(box("app", RUNS, readinessProbe={"exec": {"command": ["x"]}})), unhealthy("connection refused")),
        Cause.PROBE_PORT,
        "port ?",
    ),
    "a start that takes longer than the probe allows": (alive(SHORT), Cause.SLOW_START, "startupProbe"),
    "a probe that ends a long run": (alive(LONG), Cause.PROBE_PORT, "so the container is restarted"),
    "a probe that ends a run without times": (alive(ended(137)), Cause.PROBE_PORT, "so the container is restarted"),
    "a startup probe that gives up": (
        of(
            pod(box("app", LOOP, SHORT, restarts=1, startupProbe=probe(failureThreshold=4))),
            unhealthy(REFUSED, "Startup"),
            event("Killing", "Container app failed startup probe, will be restarted", "app"),
        ),
        Cause.SLOW_START,
        "failureThreshold",
    ),
    "a probe that has not failed often enough": (
        of(pod(box("app", RUNS, ended(1), readinessProbe=probe())), unhealthy(REFUSED, count=1)),
        Cause.PROGRAM_ERROR,
        "exit code 1",
    ),
    "a hook that fails": (
        of(
            pod(box("app", waiting("PostStartHookError", "command 'x' exited with 126: , message"), ended(137))),
            logs=(),
        ),
        Cause.HOOK_FAILED,
        "exit code 126 (the command was found",
    ),
    "a hook that an event tells of": (
        of(pod(crashed(137)), event("FailedPostStartHook", "Http lifecycle hook failed", "app")),
        Cause.HOOK_FAILED,
        "Http lifecycle hook failed",
    ),
}

LOGINS: dict[str, Case] = {
    "a password that is refused": (
        of(
            pod(
                crashed(
                    1,
                    env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "db"}}}, {"name": "B", "value": "x"}],
                    envFrom=[{"secretRef": {"name": "all"}}, {"configMapRef": {"name": "c"}}],
                )
            ),
            logs='connection to server at "db", port 5432 failed: FATAL: password authentication failed for user "x"',
        ),
        Cause.LOGIN_REFUSED,
        "in Secret db and all with the server's",
    ),
    "a password from nowhere": (
        of(pod(crashed(1)), logs="NOAUTH Authentication required."),
        Cause.LOGIN_REFUSED,
        "compare the",
    ),
    "a variable that is used before it is set": (
        of(
            pod(
                crashed(
                    1,
                    env=[
                        {"name": "HOST", "value": "db"},
                        {"name": "URL", "value": "$(HOST) $$(PASSWORD) $(PASSWORD)"},
                        {"name": "PASSWORD", "value": "x"},
                    ],
                )
            )
        ),
        Cause.VARIABLE_ORDER,
        "put PASSWORD before URL",
    ),
    "variables in their order": (
        of(pod(crashed(1, env=[{"name": "A", "value": "a"}, {"name": "B", "value": "$(A)"}]))),
        Cause.PROGRAM_ERROR,
        "exit code 1",
    ),
    "a user that the entrypoint switches to": (
        of(pod(crashed(1)), logs="unable to find user mongo: no matching entries in passwd file"),
        Cause.USER_UNKNOWN,
        "switches to user mongo",
    ),
    "a daemon as an init container": (
        of(pod(box("app"), init=(box("sync", RUNS, image="registry.example/git-sync:v4"),))),
        Cause.INIT_NEVER_ENDS,
        "a program that does not end",
    ),
}

ENDS: dict[str, Case] = {
    "a container that has come up a moment ago": (
        of(pod(box("app", RUNS, ended(3), restarts=5, ready=True)), now=datetime(2026, 3, 2, 9, 1, tzinfo=UTC)),
        Cause.PROGRAM_ERROR,
        "exit code 3",
    ),
    "a deadline": (
        of(pod(box("app", ended(137)), status={"reason": "DeadlineExceeded"}, activeDeadlineSeconds=5)),
        Cause.DEADLINE,
        "deadline of 5 s",
    ),
    "a deadline during an init container": (
        of(
            pod(
                box("app"),
                init=(box("slow", ended(143)),),
                status={"reason": "DeadlineExceeded", "message": "too long"},
            )
        ),
        Cause.DEADLINE,
        "while init container slow had not ended",
    ),
    "exit code 1": (
        of(pod(crashed(1)), logs=("x", "Error: DATABASE_URL is not set", "    at main (app.js:1)")),
        Cause.PROGRAM_ERROR,
        "DATABASE_URL is not set",
    ),
    "exit code 1 without a word": (of(pod(crashed(1))), Cause.PROGRAM_ERROR, "kubectl logs p -c app --previous"),
    "exit code 1 of a pod that podrunner runs": (
        of(pod(box("app", ended(1)), metadata={"namespace": "shop"}), is_here=True),
        Cause.PROGRAM_ERROR,
        "podrunner logs p -c app --attempt 0 -n shop",
    ),
    "exit code 1 in a folder": (
        of(pod(box("app", ended(1))), folder="out/default_p"),
        Cause.PROGRAM_ERROR,
        "see out/default_p/logs/app/0.log",
    ),
    "exit code 1 that is over": (of(pod(box("app", ended(1)))), Cause.PROGRAM_ERROR, "`kubectl logs p -c app`"),
    "exit code 2": (of(pod(crashed(2))), Cause.USAGE_ERROR, "wrong arguments"),
    "exit code 137": (of(pod(crashed(137))), Cause.KILLED, "SIGKILL"),
    "exit code 139": (of(pod(crashed(139))), Cause.CRASHED, "SIGSEGV"),
    "exit code 143": (of(pod(crashed(143))), Cause.TERMINATED, "SIGTERM"),
    "its termination message": (
        of(pod(box("app", LOOP, ended(3, message="no such table\n\n"), restarts=1))),
        Cause.PROGRAM_ERROR,
        "no such table",
    ),
    "a container that is up between two failures": (
        of(pod(box("app", RUNS, ended(3), restarts=5, ready=True)), event("Started", "x")),
        Cause.PROGRAM_ERROR,
        "exit code 3",
    ),
}


def meant(value: Json, fault: str, *logs: str, about: str = "app") -> Explanation:
    """What is said of a pod into which a fault was injected."""
    return of(value, event("FaultInjected", f"Injected fault {fault}", about), logs=logs or None)


WORK: Json = {"volumeMounts": [mount("/work", "work")]}
INJECTED: dict[str, Case] = {
    "an exit that was meant": (
        meant(pod(crashed(3)), "p/app:exit=3", "Error: DATABASE_URL is not set"),
        Cause.FAULT_INJECTED,
        "fails as it was meant to: the fault p/app:exit=3 was injected | run it without this fault",
    ),
    "an out of memory that was meant": (
        meant(pod(box("app", LOOP, ended(137, "OOMKilled"), restarts=1)), "app#0-1:oom"),
        Cause.FAULT_INJECTED,
        "the fault app#0-1:oom",
    ),
    "a signal that was meant": (meant(pod(crashed(143)), "app:signal=TERM"), Cause.FAULT_INJECTED, "app:signal=TERM"),
    "an image that was not to be had": (
        meant(pod(box("app", waiting("ImagePullBackOff", "Back-off pulling"))), "image/shop:not-found"),
        Cause.FAULT_INJECTED,
        "image/shop:not-found",
    ),
    "a ConfigMap that was left out": (
        meant(
            pod(box("app", waiting("CreateContainerConfigError", 'configmap "settings" not found'))),
            "config/settings.key:missing",
        ),
        Cause.FAULT_INJECTED,
        "config/settings.key:missing",
    ),
    "a volume that was made full": (
        meant(pod(crashed(1, **WORK)), "volume/work:full=1Mi", "dd: error writing '/work/x': No space left on device"),
        Cause.FAULT_INJECTED,
        "volume/work:full=1Mi",
    ),
    "a name that was made to be unknown": (
        meant(pod(crashed(1)), "dns/db:nxdomain", "wget: bad address 'db'"),
        Cause.FAULT_INJECTED,
        "dns/db:nxdomain",
    ),
    "a network that was cut": (
        meant(pod(crashed(1)), "net:cut", "dial tcp 10.96.0.7:5432: i/o timeout"), Cause.FAULT_INJECTED, "net:cut",
    ),
    "a Secret that was left out, while another ConfigMap is missing": (
        meant(
            pod(box("app", waiting("CreateContainerConfigError", 'configmap "settings" not found'))), "secret/login:missing"
        ),
        Cause.CONFIG_MISSING,
        "",
    ),
    "a probe that was made to fail": (
        of(
            pod(box("app", RUNS, ready=False)),
            event("FaultInjected", "Injected fault probe/app.readiness:fail", "app"),
            event("Unhealthy", "Readiness probe failed: fault", "app"),
        ),
        Cause.FAULT_INJECTED,
        "probe/app.readiness:fail",
    ),
    "a start that was made to fail": (
        meant(pod(box("app", waiting("RunContainerError", "fault"), ended(128, "StartError"), restarts=1)), "app:start-error"),
        Cause.FAULT_INJECTED,
        "app:start-error",
    ),
    "another exit than the one that was meant": (
        meant(pod(crashed(4)), "app:exit=3", "Error: DATABASE_URL is not set"), Cause.PROGRAM_ERROR, "exit code 4",
    ),
    "an exit of an attempt that nobody meddled with": (
        meant(pod(crashed(3)), "app#0:exit=3"), Cause.PROGRAM_ERROR, "exit code 3",
    ),
    "an exit of another container than the one that was meant": (
        meant(pod(crashed(3), box("side", RUNS, ready=True)), "side:exit=3"), Cause.PROGRAM_ERROR, "exit code 3",
    ),
    "a full volume that no fault is about": (
        meant(pod(crashed(1)), "volume/work:full=1Mi", "No space left on device: /data/x"),
        Cause.DISK_FULL,
        "",
    ),
    "a script that the image has not": (
        of(pod(crashed(2)), logs=("python: can't open file '/app/main.py': [Errno 2] No such file or directory",)),
        Cause.FILE_MISSING,
        "does not find /app/main.py, which is on none of its volumes",
    ),
    "a jar that the image has not": (
        of(pod(crashed(1)), logs=("Error: Unable to access jarfile /app/app.jar",)),
        Cause.FILE_MISSING,
        "put it into image shop:1",
    ),
    "a file that was missed before something else went wrong": (
        of(pod(crashed(1)), logs=("warning: /etc/app.conf: No such file or directory", "Error: DATABASE_URL is not set")),
        Cause.PROGRAM_ERROR,
        "DATABASE_URL is not set",
    ),
    "a fault of another version": (meant(pod(crashed(3)), "moon:fall=3"), Cause.PROGRAM_ERROR, "exit code 3"),
}  # fmt: skip


TABLES = [INJECTED, NODES, REFERENCES, IMAGES, STARTS, PERMISSIONS, FILES, LOGINS, NAMES, CONNECTIONS, PROBES, ENDS]
CASES = {name: case for table in TABLES for name, case in table.items()}


@pytest.mark.parametrize("name", CASES)
def test_what_is_wrong_is_named(name: str) -> None:
    found, cause, words = CASES[name]
    assert found.cause is not None
    assert found.cause.cause == cause, found.cause
    assert words in f"{found.cause.sentence} | {found.cause.next}"
    assert found.cause.evidence


def test_every_cause_has_a_case_and_cases_have_names_of_their_own() -> None:
    seen = {case[1] for case in CASES.values()}
    assert sum(len(table) for table in TABLES) == len(CASES)
    assert set(Cause) - seen == set()


# --- what is wrong with nothing --------------------------------------------------------------------------------------


WELL: dict[str, Explanation] = {
    "a pod without a status": of(pod(({"name": "app"}, {}))),
    "a pod that is being made": of(
        pod(box("app", waiting("ContainerCreating")), init=(box("one", waiting("PodInitializing")),))
    ),
    "a pod that has succeeded": of(pod(box("app", ended(1)), status={"phase": "Succeeded"})),
    "an init container that has ended well": of(
        pod(box("app", RUNS, ready=True), init=(box("one", ended(0, "Completed")),))
    ),
    "a container that has been up for long": of(
        pod(box("app", RUNS, ended(1), restarts=9, ready=True)), event("Started", "x", at="2026-03-02T19:00:00Z")
    ),
    "a container that restarted once": of(
        pod(box("app", RUNS, ended(1), restarts=1, ready=True)), event("Started", "x")
    ),
    "a container that ended because it is deleted": of(
        pod(
            box("app", ended(137, finish="2026-03-02T09:00:31Z")),
            metadata={"deletionTimestamp": "2026-03-02T09:00:30Z", "deletionGracePeriodSeconds": 30},
        )
    ),
    "a probe that has failed once": of(pod(box("app", RUNS, readinessProbe=probe())), unhealthy(REFUSED, count=1)),
    "a probe that the manifest does not have": of(pod(box("app", RUNS)), unhealthy(REFUSED)),
    "a volume that was late": of(pod(box("app", RUNS, ready=True)), event("FailedMount", 'configmap "x" not found')),
    "a node that was full at first": of(
        pod(box("app", RUNS, ready=True), nodeName="n"), event("FailedScheduling", "Insufficient cpu")
    ),
    "a claim that was late": of(
        pod(box("app", RUNS), nodeName="n"), event("FailedScheduling", "unbound immediate PersistentVolumeClaims")
    ),
    "an image that comes": of(
        pod(box("app", waiting("ContainerCreating"))), event("Pulling", 'Pulling image "x"', "app")
    ),
    "a loop that ends": of(
        pod(box("app"), init=(box("wait", RUNS, command=["sh", "-c", "while true; do test -f /x && break; done"]),))
    ),
    "an init container that works": of(
        pod(box("app"), init=(box("wait", RUNS, command=["sh", "-c", "make"]),)), service("db", 1)
    ),
}


@pytest.mark.parametrize("name", WELL)
def test_nothing_is_said_of_a_pod_with_which_nothing_is_wrong(name: str) -> None:
    assert [one.sentence for one in WELL[name].findings] == []


def test_a_container_that_failed_before_its_pod_was_deleted_is_told_of() -> None:
    value = pod(
        box("app", ended(3, finish="2026-03-02T09:00:00Z")), metadata={"deletionTimestamp": "2026-03-02T09:09:00Z"}
    )
    assert [one.cause for one in of(value).findings] == [Cause.PROGRAM_ERROR]
    value["status"]["containerStatuses"][0]["state"] = ended(3)
    assert [one.cause for one in of(value).findings] == [Cause.PROGRAM_ERROR]


# --- certainty and silence -------------------------------------------------------------------------------------------


def test_a_cause_of_the_pod_itself_silences_what_became_of_its_containers() -> None:
    found = of(pod(crashed(137), status={"reason": "Evicted"}))
    assert ([one.cause for one in found.findings], [one.cause for one in found.silenced]) == (
        [Cause.EVICTED],
        [Cause.KILLED],
    )


def test_what_is_merely_possible_silences_no_more_than_an_end() -> None:
    said = ("open /cfg/a: no such file or directory", "dial tcp 10.0.0.7:5432: connect: connection refused")
    value = pod(crashed(1, volumeMounts=[mount("/cfg")]), volumes=[volume("emptyDir")])
    found = of(value, logs=said)
    assert [one.cause for one in found.findings] == [Cause.CONNECTION_REFUSED]
    assert {one.cause for one in found.silenced} == {Cause.PROGRAM_ERROR, Cause.FILE_MISSING}


def test_two_containers_with_faults_of_their_own_are_both_told_of() -> None:
    found = of(pod(crashed(3), box("side", waiting("ErrImagePull", "manifest unknown"))))
    assert [(one.container, one.cause) for one in found.findings] == [
        ("side", Cause.IMAGE_NOT_FOUND),
        ("app", Cause.PROGRAM_ERROR),
    ]


def test_a_cause_sits_in_a_stage_of_a_containers_life() -> None:
    assert [stage_of(cause) for cause in (Cause.NODE_GONE, Cause.OOM_KILLED, Cause.PROGRAM_ERROR)] == [
        Stage.NODE,
        Stage.START,
        Stage.END,
    ]
    one = Finding(cause=Cause.DEADLINE, certainty=Certainty.CERTAIN, sentence="late", next="wait")
    assert not one.explains(one)


# --- what was looked at ----------------------------------------------------------------------------------------------


def test_it_says_what_it_looked_at_and_what_it_lacks() -> None:
    found = of(pod(crashed(1)))
    assert found.looked_at == ("the status of 1 container", "1 Pod")
    assert found.missing == ("events", "the output of app")
    value = pod(box("app"), init=(crashed(1, "one"),))
    more = of(value, event("Started", "x"), service("a"), service("b"), logs={("one", 3): ("x",)})
    assert more.looked_at == ("the status of 2 containers", "1 event", "the output of one", "1 Pod and 2 Services")
    assert (more.missing, of(value, event("Started", "x"), logs={("one", 3): ("x",)}).missing) == ((), ("Services",))


@pytest.mark.parametrize(
    ("state", "last", "text"),
    [
        (
            LOOP,
            ended(1, finish="2026-03-02T09:00:00Z"),
            "attempt 4 of app comes after a back-off of 10s, at 2026-03-02T09:00:10Z",
        ),
        (LOOP, ended(1), "attempt 4 of app comes after a back-off of 10s"),
        (waiting("CrashLoopBackOff"), ended(1), "attempt 4 of app comes after its back-off"),
        (ended(1), None, ""),
    ],
)
def test_a_crash_loop_says_when_the_next_attempt_comes(state: Json, last: Json | None, text: str) -> None:
    assert of(pod(box("app", state, last, restarts=3))).retry == text


def test_the_output_of_the_attempt_that_failed_counts_else_the_newest() -> None:
    logs = {("app", 1): ("old",), ("app", 2): ("no such table",), ("app", 3): ("starting",)}
    running = pod(box("app", RUNS, ended(1), restarts=3))
    assert of(running, logs=logs).findings[0].evidence[-1] == Quote("log of app, attempt 2", "no such table")
    waits = pod(box("app", LOOP, ended(1), restarts=7))
    assert of(waits, logs=logs).findings[0].evidence[-1] == Quote("log of app, attempt 3", "starting")


def test_files_that_were_seen_to_be_written_count() -> None:
    value = reads("", dict(WRITES))
    written = (
        Written(container="render", volume="data", path="confg.ini"),
        Written(container="x", volume="data", path="y"),
    )
    said = {("app", 3): ("open /cfg/config.ini: no such file or directory",)}
    found = explain(Evidence(pod=value, written=written, logs=said)).cause
    assert found is not None
    assert found.sentence.endswith("where init container render wrote confg.ini")


def test_json_has_everything() -> None:
    value = of(pod(crashed(1)), event("Started", "x"), logs="boom", now=datetime(2030, 1, 1, tzinfo=UTC)).to_json()
    assert value == {
        "pod": {"namespace": "default", "name": "p"},
        "state": "container app, attempt 3: exit code 1",
        "causes": [
            {
                "cause": "program-error",
                "certainty": "likely",
                "container": "app",
                "attempt": 3,
                "sentence": 'the program of container app failed by itself (exit code 1); its last words: "boom"',
                "evidence": [
                    {"where": "status of app", "text": "exitCode: 1, reason: Error"},
                    {"where": "log of app, attempt 3", "text": "boom"},
                ],
                "next": "`kubectl logs p -c app --previous`",
            }
        ],
        "silenced": [],
        "lookedAt": ["the status of 1 container", "1 event", "the output of app", "1 Pod"],
        "missing": [],
        "retry": "attempt 4 of app comes after a back-off of 10s",
    }
    assert "retry" not in of(pod(status={"reason": "Evicted"})).to_json()
    assert "container" not in of(pod(status={"reason": "Evicted"})).to_json()["causes"][0]


def test_objects_come_out_of_lists_of_any_kind() -> None:
    inner = {"kind": "PodList", "items": [{"metadata": {"name": "a"}}, {"kind": "Pod", "metadata": {"name": "b"}}, "x"]}
    found = list(flat({"kind": "List", "items": [inner, {"kind": "Event"}]}))
    assert [one["kind"] for one in found] == ["Pod", "Pod", "Event"]
    assert list(flat("text")) == []


def test_events_belong_to_a_pod_by_uid_else_by_name() -> None:
    mine, others = event("Evicted", "x"), event("Evicted", "x")
    others["involvedObject"]["uid"] = "other"
    value = pod()
    assert len(evidence_of(value, [mine, others]).events) == 1
    del value["metadata"]["uid"]
    assert len(evidence_of(value, [mine, others]).events) == 2


def test_a_verdict_may_know_more_than_the_status() -> None:
    value = pod(box("app", waiting("ContainerCreating")), box("side", RUNS))
    sentence = "pod p cannot get there: container app: RunContainerError: exec: "
    told = as_told(value, f'{sentence}"x": executable file not found in $PATH (2 attempts)')
    found = of(dict(told)).cause
    assert found is not None
    assert (found.cause, found.container) == (Cause.COMMAND_NOT_FOUND, "app")
    assert as_told(value, "pod p failed: Error") is value
    assert as_told(pod(crashed(1)), f"{sentence}x") == pod(crashed(1))


def test_the_cause_that_is_worth_a_word_is_more_than_an_end() -> None:
    assert of(pod(crashed(1))).told is None
    assert of(pod(box("app", RUNS, ready=True))).told is None
    told = of(pod(status={"reason": "Evicted"})).told
    assert told is not None


def test_words_are_put_together() -> None:
    assert listed("abcdefg") == "a, b, c, d and 3 more"
    assert (listed("a"), listed("")) == ("a", "")
    assert one_line("a\r\n" * 200, 10) == "a\\r a\\r a…"
    assert near("db", ["db", "mydb-service"]) == "mydb-service"
