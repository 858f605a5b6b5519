"""Generate runner/core/manifest/schema.bin, the field tables of the kinds we read.

The names, types, requiredness, list types and merge keys come from the JSON schemas of the PyPI package
kubernetes-validate (a development dependency). OpenAPI does not say which Go fields are pointers (an explicit zero
is kept) nor which string types have names (decode errors print them), so those two small tables are kept here.

Usage: python tools/make_schema.py [--check]
"""

from __future__ import annotations

import argparse
import json
import sys
import zlib
from importlib.resources import files
from pathlib import Path
from typing import Any

VERSION = "1.37.0"
TARGET = Path(__file__).resolve().parent.parent / "runner" / "core" / "manifest" / "schema.bin"

KINDS = {
    "v1": (
        "Pod ConfigMap Secret PersistentVolumeClaim PersistentVolume Service ServiceAccount Namespace "
        "ReplicationController PodTemplate"
    ),
    "apps/v1": "Deployment ReplicaSet StatefulSet DaemonSet",
    "batch/v1": "Job CronJob",
}

# Kinds that only a server has to do with; manifests of them are not loaded.
SERVED = {"v1": "Node Event", "policy/v1": "Eviction"}

# Optional scalars whose Go field is a pointer: an explicit "", 0 or false is stored, not dropped.
POINTERS = {
    "AppArmorProfile": "localhostProfile",
    "AzureFilePersistentVolumeSource": "secretNamespace",
    "AzureDiskVolumeSource": "cachingMode fsType readOnly kind",
    "CSIVolumeSource": "readOnly fsType",
    "ClusterTrustBundleProjection": "name signerName optional",
    "ConfigMap": "immutable",
    "ConfigMapEnvSource": "optional",
    "ConfigMapKeySelector": "optional",
    "ConfigMapProjection": "optional",
    "ConfigMapVolumeSource": "defaultMode optional",
    "Container": "restartPolicy",
    "CronJobSpec": ("timeZone startingDeadlineSeconds suspend successfulJobsHistoryLimit failedJobsHistoryLimit"),
    "DaemonSetSpec": "selector revisionHistoryLimit",
    "DeploymentSpec": "selector replicas revisionHistoryLimit progressDeadlineSeconds",
    "DownwardAPIVolumeFile": "mode",
    "DownwardAPIVolumeSource": "defaultMode",
    "EmptyDirVolumeSource": "mode",
    "EphemeralContainer": "restartPolicy",
    "FCVolumeSource": "lun",
    "FileKeySelector": "optional",
    "GRPCAction": "service mode",
    "GlusterfsPersistentVolumeSource": "endpointsNamespace",
    "HTTPGetAction": "protocol",
    "HostPathVolumeSource": "type",
    "ISCSIPersistentVolumeSource": "initiatorName",
    "ISCSIVolumeSource": "initiatorName",
    "JobSpec": (
        "parallelism completions activeDeadlineSeconds backoffLimit backoffLimitPerIndex maxFailedIndexes "
        "manualSelector ttlSecondsAfterFinished completionMode suspend podReplacementPolicy managedBy"
    ),
    "KeyToPath": "mode",
    "Lifecycle": "stopSignal",
    "LocalVolumeSource": "fsType",
    "ObjectMeta": "deletionGracePeriodSeconds",
    "OwnerReference": "controller blockOwnerDeletion",
    "PersistentVolumeClaimSpec": "storageClassName volumeMode volumeAttributesClassName",
    "PersistentVolumeSpec": "volumeMode volumeAttributesClassName",
    "PodCertificateProjection": "maxExpirationSeconds",
    "PodDNSConfigOption": "value",
    "PodFailurePolicyOnExitCodesRequirement": "containerName",
    "PodResourceClaim": "resourceClaimName resourceClaimTemplateName",
    "PodSecurityContext": (
        "runAsUser runAsGroup runAsNonRoot fsGroup fsGroupChangePolicy supplementalGroupsPolicy seLinuxChangePolicy"
    ),
    "PodSpec": (
        "terminationGracePeriodSeconds activeDeadlineSeconds automountServiceAccountToken shareProcessNamespace "
        "setHostnameAsFQDN hostUsers enableServiceLinks priority preemptionPolicy runtimeClassName "
        "hostnameOverride"
    ),
    "Probe": "terminationGracePeriodSeconds",
    "ProjectedVolumeSource": "defaultMode",
    "ReplicaSetSpec": "selector replicas",
    "ReplicationControllerSpec": "replicas",
    "RollingUpdateStatefulSetStrategy": "partition",
    "SeccompProfile": "localhostProfile",
    "Secret": "immutable",
    "SecretEnvSource": "optional",
    "SecretKeySelector": "optional",
    "SecretProjection": "optional",
    "SecretVolumeSource": "defaultMode optional",
    "SecurityContext": (
        "privileged runAsUser runAsGroup runAsNonRoot readOnlyRootFilesystem allowPrivilegeEscalation procMount"
    ),
    "ServiceAccount": "automountServiceAccountToken",
    "ServiceAccountTokenProjection": "expirationSeconds",
    "ServicePort": "appProtocol",
    "ServiceSpec": (
        "internalTrafficPolicy ipFamilyPolicy allocateLoadBalancerNodePorts loadBalancerClass trafficDistribution"
    ),
    "ClientIPConfig": "timeoutSeconds",
    "StatefulSetSpec": "selector replicas revisionHistoryLimit",
    "SuccessPolicyRule": "succeededIndexes succeededCount",
    "Toleration": "tolerationSeconds",
    "TopologySpreadConstraint": "minDomains nodeAffinityPolicy nodeTaintsPolicy",
    "TypedLocalObjectReference": "apiGroup",
    "TypedObjectReference": "apiGroup namespace",
    "VolumeMount": "mountPropagation recursiveReadOnly",
    "WindowsSecurityContextOptions": "gmsaCredentialSpecName gmsaCredentialSpec runAsUserName hostProcess",
}

# Optional fields that are stored even when empty: struct values (not pointers) and what has no omitempty in Go.
ALWAYS = {
    "AzureFilePersistentVolumeSource": "secretNamespace",
    "Container": "resources",
    "EphemeralContainer": "resources",
    "Deployment": "spec metadata",
    "DeploymentSpec": "strategy",
    "DaemonSet": "spec metadata",
    "DaemonSetSpec": "updateStrategy",
    "CronJob": "spec metadata",
    "Job": "spec metadata",
    "JobTemplateSpec": "spec metadata",
    "Namespace": "spec metadata",
    "PersistentVolume": "spec metadata",
    "PersistentVolumeClaim": "spec metadata",
    "PersistentVolumeClaimSpec": "resources",
    "PersistentVolumeClaimTemplate": "metadata",
    "Pod": "spec metadata",
    "PodTemplate": "template metadata",
    "PodTemplateSpec": "spec metadata",
    "ProjectedVolumeSource": "sources",
    "ReplicaSet": "spec metadata",
    "ReplicaSetSpec": "template",
    "ReplicationController": "spec metadata",
    "Service": "spec metadata",
    "StatefulSet": "spec metadata",
    "StatefulSetOrdinals": "start",
    "StatefulSetSpec": "updateStrategy serviceName",
    "TypedLocalObjectReference": "apiGroup",
    "TypedObjectReference": "apiGroup",
    "ConfigMap": "metadata",
    "Secret": "metadata",
    "ServiceAccount": "metadata",
}

# Go struct embedding, visible in decode errors as one more path element.
EMBEDDED = {
    "Probe": ("ProbeHandler", "exec httpGet tcpSocket grpc"),
    "ConfigMapEnvSource": ("LocalObjectReference", "name"),
    "ConfigMapKeySelector": ("LocalObjectReference", "name"),
    "ConfigMapProjection": ("LocalObjectReference", "name"),
    "ConfigMapVolumeSource": ("LocalObjectReference", "name"),
    "SecretEnvSource": ("LocalObjectReference", "name"),
    "SecretKeySelector": ("LocalObjectReference", "name"),
    "SecretProjection": ("LocalObjectReference", "name"),
    "PersistentVolumeClaim": ("TypeMeta", "apiVersion kind"),
}

# Named string types, as decode errors print them.
GO_NAMES = {
    "Container.imagePullPolicy": "v1.PullPolicy",
    "Container.terminationMessagePolicy": "v1.TerminationMessagePolicy",
    "Container.restartPolicy": "v1.ContainerRestartPolicy",
    "ContainerRestartRule.action": "v1.ContainerRestartRuleAction",
    "ContainerRestartRuleOnExitCodes.operator": "v1.ContainerRestartRuleOnExitCodesOperator",
    "ContainerResizePolicy.resourceName": "v1.ResourceName",
    "ContainerResizePolicy.restartPolicy": "v1.ResourceResizeRestartPolicy",
    "ContainerPort.protocol": "v1.Protocol",
    "EphemeralContainer.imagePullPolicy": "v1.PullPolicy",
    "HTTPGetAction.scheme": "v1.URIScheme",
    "Lifecycle.stopSignal": "v1.Signal",
    "VolumeMount.mountPropagation": "v1.MountPropagationMode",
    "VolumeMount.recursiveReadOnly": "v1.RecursiveReadOnlyMode",
    "Capabilities.add": "v1.Capability",
    "Capabilities.drop": "v1.Capability",
    "SeccompProfile.type": "v1.SeccompProfileType",
    "AppArmorProfile.type": "v1.AppArmorProfileType",
    "SecurityContext.procMount": "v1.ProcMountType",
    "PodSecurityContext.fsGroupChangePolicy": "v1.PodFSGroupChangePolicy",
    "PodSecurityContext.supplementalGroupsPolicy": "v1.SupplementalGroupsPolicy",
    "PodSecurityContext.seLinuxChangePolicy": "v1.PodSELinuxChangePolicy",
    "PodSpec.restartPolicy": "v1.RestartPolicy",
    "PodSpec.dnsPolicy": "v1.DNSPolicy",
    "PodSpec.preemptionPolicy": "v1.PreemptionPolicy",
    "PodOS.name": "v1.OSName",
    "PodReadinessGate.conditionType": "v1.PodConditionType",
    "HostPathVolumeSource.type": "v1.HostPathType",
    "EmptyDirVolumeSource.medium": "v1.StorageMedium",
    "ImageVolumeSource.pullPolicy": "v1.PullPolicy",
    "AzureDiskVolumeSource.cachingMode": "v1.AzureDataDiskCachingMode",
    "AzureDiskVolumeSource.kind": "v1.AzureDataDiskKind",
    "PersistentVolumeClaimSpec.accessModes": "v1.PersistentVolumeAccessMode",
    "PersistentVolumeClaimSpec.volumeMode": "v1.PersistentVolumeMode",
    "PersistentVolumeSpec.accessModes": "v1.PersistentVolumeAccessMode",
    "PersistentVolumeSpec.volumeMode": "v1.PersistentVolumeMode",
    "PersistentVolumeSpec.persistentVolumeReclaimPolicy": "v1.PersistentVolumeReclaimPolicy",
    "Toleration.operator": "v1.TolerationOperator",
    "Toleration.effect": "v1.TaintEffect",
    "NodeSelectorRequirement.operator": "v1.NodeSelectorOperator",
    "LabelSelectorRequirement.operator": "v1.LabelSelectorOperator",
    "TopologySpreadConstraint.whenUnsatisfiable": "v1.UnsatisfiableConstraintAction",
    "Secret.type": "v1.SecretType",
    "ServicePort.protocol": "v1.Protocol",
    "ServiceSpec.type": "v1.ServiceType",
    "ServiceSpec.sessionAffinity": "v1.ServiceAffinity",
    "ServiceSpec.ipFamilies": "v1.IPFamily",
    "ServiceSpec.ipFamilyPolicy": "v1.IPFamilyPolicy",
    "OwnerReference.uid": "types.UID",
    "ObjectMeta.uid": "types.UID",
    "DeploymentStrategy.type": "v1.DeploymentStrategyType",
    "DaemonSetUpdateStrategy.type": "v1.DaemonSetUpdateStrategyType",
    "StatefulSetUpdateStrategy.type": "v1.StatefulSetUpdateStrategyType",
    "StatefulSetSpec.podManagementPolicy": "v1.PodManagementPolicyType",
    "JobSpec.completionMode": "v1.CompletionMode",
    "JobSpec.podReplacementPolicy": "v1.PodReplacementPolicy",
    "CronJobSpec.concurrencyPolicy": "v1.ConcurrencyPolicy",
    "PodFailurePolicyRule.action": "v1.PodFailurePolicyAction",
    "Condition.status": "v1.ConditionStatus",
    "ContainerStatus.stopSignal": "v1.Signal",
    "DaemonSetCondition.status": "v1.ConditionStatus",
    "DaemonSetCondition.type": "v1.DaemonSetConditionType",
    "DeploymentCondition.status": "v1.ConditionStatus",
    "DeploymentCondition.type": "v1.DeploymentConditionType",
    "EphemeralContainer.restartPolicy": "v1.ContainerRestartPolicy",
    "EphemeralContainer.terminationMessagePolicy": "v1.TerminationMessagePolicy",
    "JobCondition.status": "v1.ConditionStatus",
    "JobCondition.type": "v1.JobConditionType",
    "LoadBalancerIngress.ipMode": "v1.LoadBalancerIPMode",
    "ManagedFieldsEntry.operation": "v1.ManagedFieldsOperationType",
    "ModifyVolumeStatus.status": "v1.PersistentVolumeClaimModifyVolumeStatus",
    "NamespaceCondition.status": "v1.ConditionStatus",
    "NamespaceCondition.type": "v1.NamespaceConditionType",
    "NamespaceSpec.finalizers": "v1.FinalizerName",
    "NamespaceStatus.phase": "v1.NamespacePhase",
    "ObjectReference.uid": "types.UID",
    "PersistentVolumeClaimCondition.status": "v1.ConditionStatus",
    "PersistentVolumeClaimCondition.type": "v1.PersistentVolumeClaimConditionType",
    "PersistentVolumeClaimStatus.accessModes": "v1.PersistentVolumeAccessMode",
    "PersistentVolumeClaimStatus.allocatedResourceStatuses": "v1.ClaimResourceStatus",
    "PersistentVolumeClaimStatus.phase": "v1.PersistentVolumeClaimPhase",
    "PersistentVolumeStatus.phase": "v1.PersistentVolumePhase",
    "PodCondition.status": "v1.ConditionStatus",
    "PodCondition.type": "v1.PodConditionType",
    "PodFailurePolicyOnExitCodesRequirement.operator": "v1.PodFailurePolicyOnExitCodesOperator",
    "PodFailurePolicyOnPodConditionsPattern.status": "v1.ConditionStatus",
    "PodFailurePolicyOnPodConditionsPattern.type": "v1.PodConditionType",
    "PodStatus.phase": "v1.PodPhase",
    "PodStatus.qosClass": "v1.PodQOSClass",
    "PodStatus.resize": "v1.PodResizeStatus",
    "PortStatus.protocol": "v1.Protocol",
    "ReplicaSetCondition.status": "v1.ConditionStatus",
    "ReplicaSetCondition.type": "v1.ReplicaSetConditionType",
    "ReplicationControllerCondition.status": "v1.ConditionStatus",
    "ReplicationControllerCondition.type": "v1.ReplicationControllerConditionType",
    "ResourceHealth.health": "v1.ResourceHealthStatus",
    "ResourceHealth.resourceID": "v1.ResourceID",
    "ResourceStatus.name": "v1.ResourceName",
    "ServiceSpec.externalTrafficPolicy": "v1.ServiceExternalTrafficPolicy",
    "ServiceSpec.internalTrafficPolicy": "v1.ServiceInternalTrafficPolicy",
    "StatefulSetCondition.status": "v1.ConditionStatus",
    "StatefulSetCondition.type": "v1.StatefulSetConditionType",
    "StatefulSetPersistentVolumeClaimRetentionPolicy.whenDeleted": "v1.PersistentVolumeClaimRetentionPolicyType",
    "StatefulSetPersistentVolumeClaimRetentionPolicy.whenScaled": "v1.PersistentVolumeClaimRetentionPolicyType",
    "TopologySpreadConstraint.nodeAffinityPolicy": "v1.NodeInclusionPolicy",
    "TopologySpreadConstraint.nodeTaintsPolicy": "v1.NodeInclusionPolicy",
    "UncountedTerminatedPods.failed": "types.UID",
    "UncountedTerminatedPods.succeeded": "types.UID",
    "VolumeMountStatus.recursiveReadOnly": "v1.RecursiveReadOnlyMode",
}

SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "q",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "x",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "t",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "t",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "f",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "f",
}


def main() -> int:
    """Write the data file, or with --check compare it with what would be written."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="fail when the file in the repository is out of date")
    arguments = parser.parse_args()
    payload = json.dumps(build(), separators=(",", ":"), sort_keys=True).encode()
    if arguments.check:
        current = zlib.decompress(TARGET.read_bytes()) if TARGET.exists() else b""
        if current != payload:
            sys.stderr.write(f"{TARGET} is out of date: run python tools/make_schema.py\n")
            return 1
        return 0
    TARGET.write_bytes(zlib.compress(payload, 9))
    sys.stderr.write(f"{TARGET}: {TARGET.stat().st_size} bytes, {len(payload)} uncompressed\n")
    return 0


def build() -> dict[str, Any]:
    """Return the document: version, kinds ("apiVersion/Kind" to type), known kinds by version, types."""
    folder = files("kubernetes_validate") / "kubernetes-json-schema" / f"v{VERSION}-local"
    definitions: dict[str, Any] = json.loads((folder / "_definitions.json").read_text())["$defs"]
    known: dict[str, list[str]] = {}
    roots: dict[str, str] = {}
    served: dict[str, str] = {}
    for name, definition in definitions.items():
        for gvk in definition.get("x-kubernetes-group-version-kind", ()):
            version = f"{gvk['group']}/{gvk['version']}" if gvk["group"] else gvk["version"]
            if "metadata" in definition.get("properties", {}):
                known.setdefault(version, []).append(gvk["kind"])
            if gvk["kind"] in KINDS.get(version, "").split() and name.startswith("io.k8s.api."):
                roots[f"{version}/{gvk['kind']}"] = name
            if gvk["kind"] in SERVED.get(version, "").split() and name.startswith("io.k8s.api."):
                served[f"{version}/{gvk['kind']}"] = name
    types: dict[str, dict[str, list[str]]] = {}
    pending = sorted([*roots.values(), *served.values()])
    names: dict[str, str] = {}
    while pending:
        full = pending.pop()
        short = full.rsplit(".", 1)[1]
        if names.setdefault(short, full) != full:
            raise SystemExit(f"two types are called {short}: {full} and {names[short]}")
        if short in types:
            continue
        types[short], references = describe(short, definitions[full])
        pending.extend(references)
    check_tables(types)
    return {
        "version": VERSION,
        "kinds": {key: name.rsplit(".", 1)[1] for key, name in roots.items()},
        "served": {key: name.rsplit(".", 1)[1] for key, name in served.items()},
        "known": {version: sorted(set(kinds)) for version, kinds in known.items()},
        "types": types,
    }


def describe(short: str, definition: dict[str, Any]) -> tuple[dict[str, list[str]], list[str]]:
    """Return the fields of one type as {name: [type, flags, Go name, embedded struct, list keys]} and its references.

    Type codes: s string, b bool, i int32, l int64, d double, q quantity, x int-or-string, t time, y bytes, f free,
    @Name struct, [T list, {T map. Flags: r required, p pointer, a stored even when empty.
    """
    fields: dict[str, list[str]] = {}
    references: list[str] = []
    required = set(definition.get("required", ()))
    embedded = EMBEDDED.get(short, ("", ""))
    for name, schema in definition.get("properties", {}).items():
        code = encode(schema, references)
        flags = "r" if name in required else ""
        flags += "p" if name in POINTERS.get(short, "").split() else ""
        flags += "a" if name in ALWAYS.get(short, "").split() else ""
        inside = embedded[0] if name in embedded[1].split() else ""
        if short == "Volume" and name != "name":
            inside = "VolumeSource"
        if short == "PersistentVolumeSpec" and code.endswith("VolumeSource"):
            inside = "PersistentVolumeSource"
        if short == "EphemeralContainer" and name != "targetContainerName":
            inside = "EphemeralContainerCommon"
        keys = schema.get("x-kubernetes-list-map-keys") or []
        if not keys and "x-kubernetes-patch-merge-key" in schema:
            keys = [schema["x-kubernetes-patch-merge-key"]]
        merge = ",".join(keys)
        if not merge and schema.get("x-kubernetes-list-type") == "set":
            merge = "="
        entry = [code, flags, GO_NAMES.get(f"{short}.{name}", ""), inside, merge]
        while entry and not entry[-1]:
            entry.pop()
        fields[name] = entry
    return fields, references


def encode(schema: dict[str, Any], references: list[str]) -> str:
    """Return the type code of one property, adding the definitions it needs to references."""
    if "$ref" in schema:
        full: str = schema["$ref"].rsplit("/", 1)[1]
        if full in SPECIAL:
            return SPECIAL[full]
        references.append(full)
        return "@" + full.rsplit(".", 1)[1]
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else next(item for item in kinds if item != "null")
    if kind == "array":
        return "[" + encode(schema["items"], references)
    if kind == "object":
        inner = schema.get("additionalProperties")
        return "{" + encode(inner, references) if isinstance(inner, dict) else "f"
    if kind == "integer":
        return "l" if schema.get("format") == "int64" else "i"
    if kind == "string":
        return "y" if schema.get("format") == "byte" else "s"
    codes: dict[str, str] = {"boolean": "b", "number": "d"}
    return codes[kind]


def check_tables(types: dict[str, dict[str, list[str]]]) -> None:
    """Stop when a hand-kept table names a type or field that the schema does not have."""
    for label, table in (("POINTERS", POINTERS), ("ALWAYS", ALWAYS)):
        for short, fields in table.items():
            for field in fields.split():
                if field not in types.get(short, {}):
                    raise SystemExit(f"{label}: no field {short}.{field}")
    for key in GO_NAMES:
        short, field = key.split(".")
        if field not in types.get(short, {}):
            raise SystemExit(f"GO_NAMES: no field {key}")


if __name__ == "__main__":
    raise SystemExit(main())
