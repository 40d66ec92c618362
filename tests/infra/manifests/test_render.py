import pytest

from infra.manifests.render import KUBERNETES, find_files, plain_name


def test_an_objects_files_are_found_its_patches_too():
    files = find_files()["Deployment/persona-plug-gateway"]
    assert [str(path.relative_to(KUBERNETES)) for path in files] == [
        "base/gateway.yaml",
        "overlays/gpu/gateway.yaml",
    ]


@pytest.mark.parametrize(
    ("kind", "name", "plain"),
    [
        ("ConfigMap", "persona-plug-serving-g846dkbcbb", "ConfigMap/persona-plug-serving"),
        ("ConfigMap", "persona-plug-endpoints", "ConfigMap/persona-plug-endpoints"),
        ("Service", "web-g846dkbcbb", "Service/web-g846dkbcbb"),
    ],
)
def test_the_hash_of_a_generated_name_is_left_out(kind, name, plain):
    assert plain_name({"kind": kind, "metadata": {"name": name}}) == plain
