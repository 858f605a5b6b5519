"""What podrunner does with each field of a Pod: the table behind docs/support.md.

A type names its supported fields, and the others with the reason. What is below an ignored or refused field is not listed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

SCHEDULING = "there is one node, and every pod is on it"
SERVER = "the server's own; understood in manifests taken from a cluster, and written anew"
WINDOWS = "Linux only"
SELINUX = "the Engine has no labels of its own for it"
ALPHA = "behind a feature gate that is off"
NO_BACKEND = "there is no such storage on one node: the volume fails to mount, with the kubelet's FailedMount event"


@dataclass(frozen=True)
class Support:
    """One type's fields: ``supported`` (with notes where something needs saying), ``ignored`` and ``refused`` with reasons."""

    supported: str = ""
    notes: dict[str, str] = field(default_factory=dict)
    ignored: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def _each(names: str, reason: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), reason)


_CONTAINER = (
    "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resources "
    "restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce terminationMessagePath "
    "terminationMessagePolicy tty volumeMounts workingDir"
)
_FOREIGN_VOLUMES = (
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi fc flexVolume flocker gcePersistentDisk gitRepo glusterfs "
    "iscsi nfs photonPersistentDisk portworxVolume quobyte rbd scaleIO storageos vsphereVolume"
)

SUPPORT: dict[str, Support] = {
    "Pod": Support("apiVersion kind metadata spec", ignored={"status": SERVER}),
    "ObjectMeta": Support(
        "annotations generateName labels name namespace ownerReferences",
        notes={"ownerReferences": "kept; pods whose owner is gone are not collected"},
        ignored=_each(
            "creationTimestamp deletionGracePeriodSeconds deletionTimestamp generation managedFields resourceVersion "
            "selfLink uid",
            SERVER,
        )
        | {"finalizers": "kept; a deleted pod goes without waiting for those who set them"},
    ),
    "OwnerReference": Support("apiVersion blockOwnerDeletion controller kind name uid"),
    "PodSpec": Support(
        "activeDeadlineSeconds automountServiceAccountToken containers dnsConfig dnsPolicy enableServiceLinks hostAliases "
        "hostIPC hostNetwork hostPID "
        "hostname hostnameOverride imagePullSecrets initContainers nodeName readinessGates resources restartPolicy "
        "securityContext serviceAccountName serviceAccount setHostnameAsFQDN shareProcessNamespace subdomain "
        "terminationGracePeriodSeconds volumes",
        notes={
            "automountServiceAccountToken": "the token is signed on this machine; no cluster takes it",
            "nodeName": "shown as it is; every name means this machine",
            "readinessGates": "a gate that is not opened keeps the pod from being Ready",
            "serviceAccount": "the old name of serviceAccountName",
        },
        ignored=_each(
            "affinity nodeSelector overhead preemptionPolicy priority priorityClassName schedulerName schedulingGates "
            "schedulingGroup tolerations topologySpreadConstraints",
            SCHEDULING,
        )
        | {
            "ephemeralContainers": "only a running pod gets them",
            "evictionResponders": "there is no eviction",
            "os": WINDOWS,
            "resourceClaims": "there are no device drivers",
            "runtimeClassName": "the Engine's default runtime runs every container",
        },
        refused={"hostUsers": "false is refused where the Engine has no user namespaces (FailedCreatePodSandBox)"},
    ),
    "Container": Support(
        _CONTAINER,
        ignored={"resizePolicy": "resources of a running container do not change"},
        refused={"volumeDevices": "block devices are not supported: the claim's volume fails to mount"},
    ),
    "PodDNSConfig": Support("nameservers options searches"),
    "PodDNSConfigOption": Support("name value"),
    "HostAlias": Support("hostnames ip"),
    "LocalObjectReference": Support("name"),
    "PodReadinessGate": Support("conditionType"),
    "ResourceRequirements": Support("limits requests", ignored={"claims": "there are no device drivers"}),
    "PodSecurityContext": Support(
        "appArmorProfile fsGroup runAsGroup runAsNonRoot runAsUser seccompProfile supplementalGroups "
        "supplementalGroupsPolicy sysctls",
        notes={
            "appArmorProfile": "where the host has AppArmor; elsewhere the pod is rejected, as by a kubelet",
            "supplementalGroupsPolicy": "Strict is rejected where it cannot be had",
            "sysctls": "the safe ones; others are rejected with SysctlForbidden",
        },
        ignored={
            "fsGroupChangePolicy": "a volume's files get their group when it is made, which is once",
            "seLinuxChangePolicy": SELINUX,
            "seLinuxOptions": SELINUX,
            "windowsOptions": WINDOWS,
        },
    ),
    "SecurityContext": Support(
        "allowPrivilegeEscalation appArmorProfile capabilities privileged procMount readOnlyRootFilesystem runAsGroup "
        "runAsNonRoot runAsUser seccompProfile",
        ignored={"seLinuxOptions": SELINUX, "windowsOptions": WINDOWS},
    ),
    "AppArmorProfile": Support("localhostProfile type"),
    "SeccompProfile": Support("localhostProfile type"),
    "Sysctl": Support("name value"),
    "Capabilities": Support("add drop"),
    "Volume": Support(
        "configMap downwardAPI emptyDir ephemeral hostPath image name persistentVolumeClaim projected secret",
        refused=_each(_FOREIGN_VOLUMES, NO_BACKEND),
    ),
    "EnvVar": Support("name value valueFrom"),
    "EnvFromSource": Support("configMapRef prefix secretRef"),
    "EnvVarSource": Support("configMapKeyRef fieldRef fileKeyRef resourceFieldRef secretKeyRef"),
    "ConfigMapEnvSource": Support("name optional"),
    "SecretEnvSource": Support("name optional"),
    "ConfigMapKeySelector": Support("key name optional"),
    "SecretKeySelector": Support("key name optional"),
    "FileKeySelector": Support("key optional path volumeName"),
    "ObjectFieldSelector": Support("apiVersion fieldPath"),
    "ResourceFieldSelector": Support("containerName divisor resource"),
    "Lifecycle": Support("postStart preStop", ignored={"stopSignal": ALPHA}),
    "LifecycleHandler": Support("exec httpGet sleep", ignored={"tcpSocket": "deprecated: a kubelet fails the hook"}),
    "Probe": Support(
        "exec failureThreshold grpc httpGet initialDelaySeconds periodSeconds successThreshold tcpSocket "
        "terminationGracePeriodSeconds timeoutSeconds"
    ),
    "ExecAction": Support("command"),
    "SleepAction": Support("seconds"),
    "HTTPGetAction": Support("host httpHeaders path port scheme", ignored={"protocol": ALPHA}),
    "HTTPHeader": Support("name value"),
    "TCPSocketAction": Support("host port"),
    "GRPCAction": Support("port service", ignored={"mode": ALPHA}),
    "ContainerPort": Support("containerPort hostIP hostPort name protocol"),
    "ContainerRestartRule": Support("action exitCodes"),
    "ContainerRestartRuleOnExitCodes": Support("operator values"),
    "VolumeMount": Support(
        "mountPath mountPropagation name readOnly recursiveReadOnly subPath subPathExpr",
        ignored={"bindMountOptions": ALPHA},
    ),
    "ConfigMapVolumeSource": Support("defaultMode items name optional", ignored={"defaultUser": ALPHA}),
    "SecretVolumeSource": Support("defaultMode items optional secretName", ignored={"defaultUser": ALPHA}),
    "DownwardAPIVolumeSource": Support("defaultMode items", ignored={"defaultUser": ALPHA}),
    "DownwardAPIVolumeFile": Support("fieldRef mode path resourceFieldRef", ignored={"user": ALPHA}),
    "KeyToPath": Support("key mode path", ignored={"user": ALPHA}),
    "EmptyDirVolumeSource": Support(
        "medium sizeLimit",
        notes={
            "sizeLimit": "a disk volume is looked at every 10 s, where this machine has its directory; else a notice says so"
        },
        ignored={"mode": ALPHA},
    ),
    "EphemeralVolumeSource": Support("volumeClaimTemplate"),
    "HostPathVolumeSource": Support("path type"),
    "ImageVolumeSource": Support("pullPolicy reference"),
    "PersistentVolumeClaimVolumeSource": Support("claimName readOnly"),
    "PersistentVolumeClaimTemplate": Support("metadata spec"),
    "PersistentVolumeClaimSpec": Support(
        "accessModes resources storageClassName volumeMode volumeName",
        notes={
            "resources": "the size is shown, not enforced",
            "storageClassName": "every class is a directory of the Engine",
            "volumeMode": "Filesystem; Block fails to mount",
        },
        ignored={
            "dataSource": "volumes begin empty",
            "dataSourceRef": "volumes begin empty",
            "selector": "volumes are made for their claims",
            "volumeAttributesClassName": "there are no classes of volumes",
        },
    ),
    "VolumeResourceRequirements": Support("limits requests"),
    "ProjectedVolumeSource": Support("defaultMode sources", ignored={"defaultUser": ALPHA}),
    "VolumeProjection": Support(
        "configMap downwardAPI secret serviceAccountToken",
        refused=_each("clusterTrustBundle podCertificate", "there is no cluster that signs: the volume fails to mount"),
    ),
    "ConfigMapProjection": Support("items name optional"),
    "SecretProjection": Support("items name optional"),
    "DownwardAPIProjection": Support("items"),
    "ServiceAccountTokenProjection": Support(
        "audience expirationSeconds path",
        notes={"path": "the token is signed on this machine; no cluster takes it"},
        ignored={"user": ALPHA},
    ),
}
