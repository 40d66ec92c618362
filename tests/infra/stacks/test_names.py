from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.stacks.names import SecretKey, read_names
from infra.stacks.repository import REPOSITORY

SHIPPED = REPOSITORY / "infra" / "stacks" / "kubernetes.yaml"


def write(directory: Path, **changes: Any) -> Path:
    """Write the shipped names with other top-level sections; None leaves one out."""
    document = yaml.safe_load(SHIPPED.read_text()) | changes
    path = directory / "names.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in document.items() if value}))
    return path


def test_the_shipped_names_are_read() -> None:
    names = read_names(SHIPPED)

    assert names.artifact_store.flavor == "s3"
    assert names.secrets["PGPASSWORD"] == SecretKey(name="persona-plug-database", key="password")


@pytest.mark.parametrize(
    ("path", "flavor"), [("gs://bucket/a", "gcp"), ("az://box", "azure"), ("abfs://box", "azure")]
)
def test_the_path_says_the_flavor(tmp_path: Path, path: str, flavor: str) -> None:
    names = read_names(write(tmp_path, artifact_store={"path": path}))
    assert names.artifact_store.flavor == flavor


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"registri": "x"}, "registri: Extra inputs"),
        ({"registry": None}, "registry: Field required"),
        ({"cluster": {"context": "a", "namspace": "b"}}, "cluster.namspace: Extra inputs"),
        ({"cluster": {"namespace": "a"}}, "cluster: .*either a context or in_cluster"),
        ({"cluster": {"context": "a", "in_cluster": True}}, "cluster: .*either a context"),
        ({"artifact_store": {"path": "/data"}}, "artifact_store: .*'/data': expected a bucket"),
        (
            {"artifact_store": {"path": "gs://a", "endpoint_url": "http://b"}},
            "artifact_store: .*only an s3:// path",
        ),
        (
            {"artifact_store": {"path": "gs://a", "zenml_secret": "b"}},
            "artifact_store: .*only an s3:// path",
        ),
        ({"mlflow": {"address": "mlflow:5000"}}, "mlflow.address: .*expected http://HOST"),
        ({"mlflow": {"address": "http://a:b@c"}}, "mlflow.address: .*no password here"),
        ({"pipeline_secrets": ["HOME"]}, "file: .*'HOME'.*not among those under secrets"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = write(tmp_path, **changes)
    with pytest.raises(ValueError, match=f"{path}: wrong fields:\n  {said}"):
        read_names(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"there is no file {tmp_path}/none.yaml"):
        read_names(tmp_path / "none.yaml")


def test_what_is_no_yaml_is_named(tmp_path: Path) -> None:
    path = tmp_path / "names.yaml"
    path.write_text("cluster: {")
    with pytest.raises(ValueError, match=f"{path}: is no YAML"):
        read_names(path)
