"""Manifests are rendered by kubectl, or read as somebody rendered them."""

import shutil

import pytest

from components.deployment.manifests import read_manifests

OBJECTS = "kind: ConfigMap\nmetadata: {name: a}\n---\n---\nkind: Service\nmetadata: {name: b}\n"


def test_a_file_of_rendered_objects_is_read(tmp_path):
    (tmp_path / "objects.yaml").write_text(OBJECTS)
    read = read_manifests(tmp_path / "objects.yaml")
    assert [(one["kind"], one["metadata"]["name"]) for one in read] == [
        ("ConfigMap", "a"),
        ("Service", "b"),
    ]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
def test_a_folder_that_kubectl_refuses_is_an_error_with_its_words(tmp_path):
    with pytest.raises(ValueError, match=r"kubectl kustomize says: .*kustomization"):
        read_manifests(tmp_path)


def test_without_kubectl_it_is_said_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ValueError, match="apt-get install kubernetes-client"):
        read_manifests(tmp_path)


def test_a_place_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ValueError, match="neither a kustomization nor a file of objects"):
        read_manifests(tmp_path / "nowhere")
