"""Small objects that a namespace with Pod Security `restricted` lets in."""

from typing import Any

from tests.cluster.conftest import IMAGE

Object = dict[str, Any]
NAME = "persona-plug-gateway"


def make_pod_spec(script: str, image: str = IMAGE) -> Object:
    """Return a pod of one container that runs a script."""
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [
            {
                "name": "main",
                "image": image,
                "imagePullPolicy": "IfNotPresent",  # it may have been put on the node by hand
                "command": ["sh", "-c", script],
                "resources": {
                    "requests": {"cpu": "10m", "memory": "16Mi"},
                    "limits": {"memory": "64Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }


def make_deployment(namespace: str, release: str, script: str, image: str = IMAGE) -> Object:
    """Return a Deployment like the gateway's: no pod goes before its successor is ready.

    Args:
        namespace: Its namespace.
        release: What its pods are told from those of other releases by.
        script: What its container runs.
        image: Of the container.
    """
    labels = {"app.kubernetes.io/name": NAME}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": namespace, "labels": labels},
        "spec": {
            "progressDeadlineSeconds": 180,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
            },
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": {**labels, "persona-plug/release": release}},
                "spec": make_pod_spec(script, image),
            },
        },
    }


def make_indexed_job(namespace: str, script: str) -> Object:
    """Return an Indexed Job like the batch's, of three parts that are tried once."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "persona-plug-batch-v1", "namespace": namespace},
        "spec": {
            "completionMode": "Indexed",
            "completions": 3,
            "parallelism": 3,
            "backoffLimitPerIndex": 0,
            "maxFailedIndexes": 3,
            "podReplacementPolicy": "Failed",
            "template": {"spec": {**make_pod_spec(script), "restartPolicy": "Never"}},
        },
    }
