import pytest

from infra.manifests.objects import containers_of, find_pod, name_of, select, split_selector
from tests.infra.manifests.good_objects import CLIENT, DEPLOYMENT, SERVICE, make_pod


def test_pods_of_all_kinds_are_found():
    template = DEPLOYMENT["spec"]["template"]
    job = {"kind": "CronJob", "spec": {"jobTemplate": {"spec": {"template": template}}}}
    assert find_pod(job).path == "spec.jobTemplate.spec.template."
    assert find_pod(job).labels == {"app": "web"}
    assert find_pod(CLIENT).path == ""
    assert find_pod(SERVICE) is None


def test_all_kinds_of_containers_are_found():
    pod, spec = make_pod()
    spec["initContainers"] = [{"name": "first"}]
    spec["ephemeralContainers"] = [{"name": "debugger"}]
    assert [path for path, _ in containers_of(pod)] == [
        "spec.template.spec.initContainers[0]",
        "spec.template.spec.containers[0]",
        "spec.template.spec.ephemeralContainers[0]",
    ]


def test_ports_are_known_by_number_and_name():
    pod, _ = make_pod()
    assert pod.ports() == {8000: 8000, "http": 8000}


def test_names():
    assert name_of(SERVICE) == "Service/web"
    assert name_of({"kind": "Job", "metadata": {"generateName": "x-"}}) == "Job/x-"


@pytest.mark.parametrize(
    ("selector", "is_taken"),
    [
        (None, True),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "tier": "x"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
    ],
)
def test_selectors(selector, is_taken):
    assert select(selector, {"app": "web"}) == is_taken


def test_an_unknown_operator_is_an_error():
    with pytest.raises(ValueError, match="'Gt': expected In"):
        select({"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}, {})


def test_each_value_of_a_list_is_a_selector_of_its_own():
    exists = {"key": "b", "operator": "Exists"}
    selector = {
        "matchLabels": {"c": "3"},
        "matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}, exists],
    }
    assert split_selector(selector) == [
        {"matchLabels": {"c": "3", "a": "1"}, "matchExpressions": [exists]},
        {"matchLabels": {"c": "3", "a": "2"}, "matchExpressions": [exists]},
    ]
