"""The names of a user's cluster, as infra/stacks/kubernetes.yaml has them."""

from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from components.config import Config

STORE_FLAVORS: dict[str, Literal["s3", "gcp", "azure"]] = {
    "s3": "s3",
    "gs": "gcp",
    "az": "azure",
    "abfs": "azure",
}
"""ZenML's flavor of an artifact store, by the scheme of its path."""


class ClusterNames(Config):
    """Where in Kubernetes the pods run, and as whom."""

    context: str | None = Field(
        None, description="Of the kubeconfig by which pipelines are submitted."
    )
    in_cluster: bool = Field(
        False, description="Whether pipelines are submitted by a pod of the cluster itself."
    )
    namespace: str = Field("persona-plug", description="Of all pods.")
    pipeline_account: str = Field(
        "persona-plug-pipeline", description="Service account of the orchestrator's pod."
    )
    step_account: str = Field("persona-plug-step", description="Service account of steps' pods.")

    @model_validator(mode="after")
    def _require_one_way(self) -> "ClusterNames":
        if (self.context is None) == (not self.in_cluster):
            raise ValueError("expected either a context or in_cluster: true")
        return self


class ArtifactStoreNames(Config):
    """Where ZenML keeps artifacts."""

    path: str = Field(description="s3://BUCKET/..., gs://BUCKET/... or az://CONTAINER/...")
    endpoint_url: str | None = Field(
        None, description="Of an S3-compatible store that is not AWS's own."
    )
    zenml_secret: str | None = Field(
        None,
        description=(
            "ZenML secret with `aws_access_key_id` and `aws_secret_access_key`, for an s3:// path; "
            "without it credentials come from the environment or a pod's identity."
        ),
    )

    @property
    def flavor(self) -> Literal["s3", "gcp", "azure"]:
        """ZenML's flavor."""
        return STORE_FLAVORS[urlsplit(self.path).scheme]

    @model_validator(mode="after")
    def _check(self) -> "ArtifactStoreNames":
        parts = urlsplit(self.path)
        if parts.scheme not in STORE_FLAVORS or not parts.netloc:
            schemes = ", ".join(f"{scheme}://" for scheme in STORE_FLAVORS)
            raise ValueError(f"path {self.path!r}: expected a bucket below {schemes}")
        if self.endpoint_url and self.flavor != "s3":
            raise ValueError("endpoint_url: only an s3:// path has one")
        if self.zenml_secret and self.flavor != "s3":
            raise ValueError("zenml_secret: only an s3:// path has one")
        return self


class SecretKey(Config):
    """A value in a Kubernetes Secret of the namespace."""

    name: str = Field(description="Of the Secret.")
    key: str = Field(description="In the Secret.")


class MLflowNames(Config):
    """Where the MLflow server is."""

    address: str = Field(description="As pods reach it: http://HOST:PORT or https://HOST.")
    zenml_secret: str | None = Field(
        None,
        description=(
            "ZenML secret with `username` and `password`, if the server asks for them: "
            "`zenml secret create NAME --username=... --password=...`."
        ),
    )

    @field_validator("address")
    @classmethod
    def _check(cls, address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"{address!r}: expected http://HOST:PORT or https://HOST")
        if parts.password:
            raise ValueError("expected no password here, but in the secret that zenml_secret names")
        return address


class StackNames(Config):
    """All names that a Kubernetes stack consists of."""

    name: str = Field("persona_plug_kubernetes", description="Of the stack in ZenML.")
    cluster: ClusterNames
    registry: str = Field(description="Where the images lie, as registry.example.com/team.")
    image_pull_secrets: list[str] = Field([], description="Secrets that the registry asks for.")
    artifact_store: ArtifactStoreNames
    mlflow: MLflowNames
    config_maps: list[str] = Field(
        [], description="ConfigMaps whose entries are the pods' environment."
    )
    secrets: dict[str, SecretKey] = Field(
        {}, description="Environment of steps' pods that comes from Secrets, by variable."
    )
    pipeline_secrets: list[str] = Field(
        [], description="Those variables that the orchestrator's pod gets, too."
    )

    @model_validator(mode="after")
    def _require_known_variables(self) -> "StackNames":
        if unknown := sorted(set(self.pipeline_secrets) - set(self.secrets)):
            raise ValueError(f"pipeline_secrets {unknown}: are not among those under secrets")
        return self


def read_names(path: Path) -> StackNames:
    """Read the file.

    Raises:
        ValueError: If it is missing or no YAML, or a field is wrong; names the file and each field.
    """
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ValueError(f"there is no file {path}") from None
    except (yaml.YAMLError, ValueError) as err:
        raise ValueError(f"{path}: is no YAML that can be read: {err}") from err
    try:
        return StackNames.model_validate(document)
    except ValidationError as err:
        lines = (f"  {'.'.join(map(str, e['loc'])) or 'file'}: {e['msg']}" for e in err.errors())
        raise ValueError("\n".join([f"{path}: wrong fields:", *lines])) from err
