"""Every rule of "restricted" by a pod that breaks it alone, in each kind of container."""

import copy

import pytest

from infra.manifests.objects import CONTAINER_LISTS
from infra.manifests.pod_security import check_restricted
from tests.infra.manifests.good_objects import CONTAINER, make_pod

POD = "spec.template.spec"
CONTEXT = "securityContext"


def test_a_good_pod_is_allowed():
    pod, _ = make_pod()
    assert check_restricted(pod) == []


@pytest.mark.parametrize("key", ["hostNetwork", "hostPID", "hostIPC"])
def test_namespaces_of_the_host(key):
    pod, spec = make_pod()
    spec[key] = True
    assert [found.field for found in check_restricted(pod)] == [f"{POD}.{key}"]


CONTEXT_CHANGES = [
    ({"privileged": True}, "privileged"),
    ({"windowsOptions": {"hostProcess": True}}, "windowsOptions.hostProcess"),
    ({"appArmorProfile": {"type": "Unconfined"}}, "appArmorProfile.type"),
    ({"seLinuxOptions": {"type": "spc_t"}}, "seLinuxOptions.type"),
    ({"seLinuxOptions": {"user": "root"}}, "seLinuxOptions.user"),
    ({"seLinuxOptions": {"role": "sysadm_r"}}, "seLinuxOptions.role"),
    ({"procMount": "Unmasked"}, "procMount"),
    ({"allowPrivilegeEscalation": True}, "allowPrivilegeEscalation"),
    ({"allowPrivilegeEscalation": None}, "allowPrivilegeEscalation"),
    ({"runAsNonRoot": False}, "runAsNonRoot"),
    ({"runAsUser": 0}, "runAsUser"),
    ({"seccompProfile": {"type": "Unconfined"}}, "seccompProfile"),
    ({"capabilities": {"drop": ["NET_RAW"]}}, "capabilities.drop"),
    ({"capabilities": {}}, "capabilities.drop"),
    ({"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}, "capabilities.add"),
]


@pytest.mark.parametrize("kind", CONTAINER_LISTS)
@pytest.mark.parametrize(("change", "field"), CONTEXT_CHANGES)
def test_a_containers_security_context(kind, change, field):
    pod, spec = make_pod()
    other = copy.deepcopy(CONTAINER)
    other[CONTEXT].update(change)
    spec[kind] = [other, copy.deepcopy(CONTAINER)]
    found = check_restricted(pod)
    assert [one.field for one in found] == [f"{POD}.{kind}[0].{CONTEXT}.{field}"]


def test_net_bind_service_may_be_added():
    pod, spec = make_pod()
    spec["containers"][0][CONTEXT]["capabilities"]["add"] = ["NET_BIND_SERVICE"]
    assert check_restricted(pod) == []


@pytest.mark.parametrize(
    ("key", "value"),
    [("runAsUser", 0), ("appArmorProfile", {"type": "Unconfined"})],
)
def test_a_pods_security_context(key, value):
    pod, spec = make_pod()
    spec[CONTEXT][key] = value
    (found,) = check_restricted(pod)
    assert found.field.startswith(f"{POD}.{CONTEXT}.{key}")


@pytest.mark.parametrize("key", ["runAsNonRoot", "seccompProfile"])
def test_a_container_must_say_what_its_pod_does_not(key):
    pod, spec = make_pod()
    value = spec[CONTEXT].pop(key)
    assert [one.field for one in check_restricted(pod)] == [f"{POD}.containers[0].{CONTEXT}.{key}"]
    spec["containers"][0][CONTEXT][key] = value
    assert check_restricted(pod) == []


@pytest.mark.parametrize(
    ("key", "value"), [("runAsNonRoot", False), ("seccompProfile", {"type": "Unconfined"})]
)
def test_a_pod_must_not_say_it_wrong_though_its_container_says_it_right(key, value):
    pod, spec = make_pod()
    spec["containers"][0][CONTEXT][key] = spec[CONTEXT][key]
    spec[CONTEXT][key] = value
    assert [one.field for one in check_restricted(pod)] == [f"{POD}.{CONTEXT}.{key}"]


def test_host_ports():
    pod, spec = make_pod()
    spec["containers"][0]["ports"][0]["hostPort"] = 8000
    assert [one.field for one in check_restricted(pod)] == [
        f"{POD}.containers[0].ports[0].hostPort"
    ]


@pytest.mark.parametrize("action", ["httpGet", "tcpSocket"])
@pytest.mark.parametrize(
    "handler", ["livenessProbe", "readinessProbe", "startupProbe", "lifecycle.postStart"]
)
def test_a_probe_must_not_ask_another_host(handler, action):
    pod, spec = make_pod()
    place = spec["containers"][0]
    for key in handler.split("."):
        place[key] = {}
        place = place[key]
    place[action] = {"port": 80, "host": "169.254.169.254"}
    fields = [one.field for one in check_restricted(pod)]
    assert fields == [f"{POD}.containers[0].{handler}.{action}.host"]


def test_apparmor_by_annotation():
    pod, _ = make_pod()
    key = "container.apparmor.security.beta.kubernetes.io/web"
    pod.metadata["annotations"] = {key: "unconfined"}
    assert [one.field for one in check_restricted(pod)] == [
        f"spec.template.metadata.annotations.{key}"
    ]
    pod.metadata["annotations"] = {key: "localhost/mine"}
    assert check_restricted(pod) == []


def test_sysctls():
    pod, spec = make_pod()
    spec[CONTEXT]["sysctls"] = [
        {"name": "net.ipv4.tcp_syncookies", "value": "1"},
        {"name": "kernel.msgmax", "value": "1"},
    ]
    assert [one.field for one in check_restricted(pod)] == [f"{POD}.{CONTEXT}.sysctls[1].name"]


@pytest.mark.parametrize(
    "volume",
    [
        {"hostPath": {"path": "/"}},
        {"nfs": {"server": "x"}},
        {"emptyDir": {}, "persistentVolumeClaim": {"claimName": "data"}},
        {},
    ],
)
def test_volumes(volume):
    pod, spec = make_pod()
    spec["volumes"].append({"name": "other", **volume})
    assert [one.field for one in check_restricted(pod)] == [f"{POD}.volumes[3]"]
