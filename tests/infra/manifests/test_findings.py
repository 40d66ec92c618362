"""What refers to each other, and what objects that make no pods must be: one spoilt at a time."""

import pytest

from infra.manifests.findings import check_world
from infra.manifests.schemas import VERSIONS
from tests.infra.manifests.good_objects import SECRETS, make_objects, make_world


def find(objects):
    """Return `Kind/name: field` of all that is wrong."""
    return [
        f"{findings.thing['kind']}/{findings.thing['metadata']['name']}: {one.field}"
        for findings in check_world(make_world(objects), SECRETS, ())
        for one in findings.violations
    ]


def test_a_good_world_has_nothing_wrong():
    assert find(make_objects()) == []


TEMPLATE = ("spec", "template", "spec")
FIRST = (*TEMPLATE, "containers", 0)
PEER = ("spec", "ingress", 0, "from", 0, "podSelector", "matchExpressions", 0)
SPOILT = [
    # selectors
    ("Service/web", ("spec", "selector"), {"app": "wep"}, "spec.selector"),
    ("Service/web", ("spec", "ports", 0, "targetPort"), "https", "spec.ports[0].targetPort"),
    ("PodDisruptionBudget/web", ("spec", "selector"), {"matchLabels": {"a": "b"}}, "spec.selector"),
    (
        "NetworkPolicy/to-web",
        (*PEER, "values"),
        ["client", "web", "clent"],
        "spec.ingress[0].from[0].podSelector",
    ),
    ("NetworkPolicy/to-web", ("spec", "ingress", 0, "ports", 0, "port"), 8001, "ports[0].port"),
    (
        "NetworkPolicy/from-clients",
        ("spec", "egress", 0, "to", 0, "podSelector"),
        {"matchLabels": {"app": "wep"}},
        "spec.egress[0].to[0].podSelector",
    ),
    (
        "NetworkPolicy/from-clients",
        ("spec", "egress", 1, "to", 0, "podSelector"),
        {"matchLabels": {"k8s-app": "coredns"}},
        "spec.egress[1].to[0].podSelector",
    ),
    (
        "NetworkPolicy/from-clients",
        ("spec", "egress", 1, "to", 0, "namespaceSelector", "matchLabels"),
        {"kubernetes.io/metadata.name": "kube-sytem"},
        "spec.egress[1].to[0].namespaceSelector",
    ),
    ("NetworkPolicy/from-clients", ("spec", "egress", 0, "ports", 0, "port"), 8001, "[0].port"),
    ("NetworkPolicy/to-web", ("spec", "policyTypes"), None, "spec.policyTypes"),
    # ways that one end alone lets
    ("NetworkPolicy/to-web", ("spec", "ingress"), [], "spec.egress[0]"),
    ("NetworkPolicy/from-clients", ("spec", "egress"), [], "spec.ingress[0]"),
    ("NetworkPolicy/from-clients", ("spec", "egress", 0, "ports", 0, "port"), 53, "ingress[0]"),
    # references
    ("Deployment/web", (*TEMPLATE, "serviceAccountName"), "wep", "serviceAccountName"),
    (
        "Deployment/web",
        (*FIRST, "env", 0, "valueFrom", "secretKeyRef", "key"),
        "pasword",
        "env[0].valueFrom.secretKeyRef",
    ),
    (
        "Deployment/web",
        (*FIRST, "env", 0, "valueFrom", "secretKeyRef", "name"),
        "maid",
        "env[0].valueFrom.secretKeyRef",
    ),
    (
        "Deployment/web",
        (*FIRST, "envFrom", 0, "configMapRef", "name"),
        "setings",
        "envFrom[0].configMapRef",
    ),
    ("Deployment/web", (*TEMPLATE, "volumes", 1, "configMap", "name"), "x", "volumes[1].configMap"),
    (
        "Deployment/web",
        (*TEMPLATE, "volumes", 2, "persistentVolumeClaim", "claimName"),
        "x",
        "volumes[2].persistentVolumeClaim",
    ),
    ("Deployment/web", (*TEMPLATE, "imagePullSecrets"), [{"name": "x"}], "imagePullSecrets[0]"),
    ("HorizontalPodAutoscaler/web", ("spec", "scaleTargetRef", "name"), "x", "scaleTargetRef"),
    ("RoleBinding/web", ("roleRef", "name"), "x", "roleRef"),
    ("RoleBinding/web", ("subjects", 0, "name"), "x", "subjects[0]"),
    # what makes no pods
    ("ConfigMap/settings", ("data", "PLACE"), "postgresql://user:pw@host/database", "data.PLACE"),
    ("Role/web", ("rules", 0, "verbs"), ["*"], "rules[0].verbs"),
    ("Role/web", ("rules", 0, "resources"), ["secrets"], "rules[0].resources"),
    ("Namespace/persona-plug", ("metadata", "labels"), {}, "metadata.labels"),
    ("NetworkPolicy/default-deny", ("spec", "policyTypes"), ["Ingress"], "metadata.name"),
    ("Role/web", ("metadata", "namespace"), "persona-plugs", "metadata.namespace"),
    # the other two kinds of checks are called, too
    ("Deployment/web", (*FIRST, "image"), "web:latest", "containers[0].image"),
    ("Deployment/web", (*TEMPLATE, "hostPID"), True, "hostPID"),
]


@pytest.mark.parametrize(("name", "keys", "value", "field"), SPOILT)
def test_one_thing_wrong_is_found_and_named(name, keys, value, field):
    objects = make_objects()
    place = objects[name]
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    found = find(objects)
    assert any(field in one for one in found), found


def test_an_optional_reference_may_be_missing():
    objects = make_objects()
    reference = objects["Deployment/web"]["spec"]["template"]["spec"]["containers"][0]["env"][0]
    reference["valueFrom"]["secretKeyRef"] = {"name": "x", "key": "y", "optional": True}
    assert find(objects) == []


def test_no_secret_and_no_cluster_role_stands_in_a_manifest():
    objects = make_objects()
    metadata = {"name": "made", "namespace": "persona-plug"}
    objects["x"] = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
    group = "rbac.authorization.k8s.io/v1"
    objects["y"] = {"apiVersion": group, "kind": "ClusterRole", "metadata": {"name": "all"}}
    assert find(objects) == ["Secret/made: kind", "ClusterRole/all: kind"]


@pytest.mark.parametrize(
    ("name", "keys", "value", "field"),
    [
        ("Deployment/web", ("spec", "replica"), 2, "spec"),
        ("Deployment/web", (*FIRST, "ports", 0, "containerPort"), "http", "containerPort"),
        ("Service/web", ("apiVersion",), "v2", "apiVersion"),
        ("PodDisruptionBudget/web", ("apiVersion",), "policy/v1beta1", "apiVersion"),
    ],
)
def test_each_version_says_what_its_schema_has_against_an_object(name, keys, value, field):
    objects = make_objects()
    place = objects[name]
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    (findings,) = [
        one for one in check_world(make_world(objects), SECRETS, ()) if one.thing is objects[name]
    ]
    assert [one.message[:5] for one in findings.schema] == [f"{one}:" for one in VERSIONS]
    assert all(field in one.field for one in findings.schema)


def test_a_kind_of_somebodys_own_has_no_schema():
    objects = make_objects()
    objects["x"] = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "ServiceMonitor",
        "metadata": {"name": "web", "namespace": "persona-plug"},
    }
    *_, findings = check_world(make_world(objects), SECRETS, ())
    assert findings.schema is None
    assert findings.violations == []
