"""Settings of a deployment."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from components.config import Config

TargetName = Literal["none", "local", "kubernetes"]


class LocalConfig(Config):
    """The gateway as a process of this machine."""

    folder: Path = Field(
        Path("state/gateway"),
        description="Of keys, settings, logs and downloads; in this clone if it is relative.",
    )
    port: int = Field(8000, ge=1, le=65535, description="Where clients ask, on 127.0.0.1.")
    drain_seconds: int = Field(
        30, ge=1, description="Longest wait for the requests of the process that was replaced."
    )


class KubernetesConfig(Config):
    """The gateway, and the batch, of a cluster."""

    manifests: Path = Field(
        Path("infra/kubernetes/overlays/kind"),
        description="A kustomization's folder, which kubectl renders, or a file of rendered "
        "objects (`kubectl kustomize FOLDER`). Relative paths start at the repository's root.",
    )
    context: str | None = Field(
        None,
        description="Of the kubeconfig; none: the current one, or the pod's own service account.",
    )
    namespace: str = Field("persona-plug", description="Where the gateway is.")
    force: bool = Field(
        False,
        description="Whether fields that somebody else has set since are taken over. Else a "
        "deployment that would change one is refused, and names field and manager.",
    )


class DeployConfig(Config):
    """Where a champion is put, and what it takes to stay there; the target's name alone will do."""

    target: TargetName = Field("none", description="none: registered and packaged, but not served.")
    timeout_seconds: float = Field(
        900, gt=0, description="Longest wait until a new version is ready, before it is taken back."
    )
    min_golden_share: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of the golden requests that the new version must answer as when its "
        "bundle was made; below 1 where generated texts differ from one kind of GPU to another.",
    )
    dry_run: bool = Field(False, description="Whether only the difference is told.")
    local: LocalConfig = Field(LocalConfig(), description="Of the target local.")
    kubernetes: KubernetesConfig = Field(
        KubernetesConfig(), description="Of the target kubernetes."
    )

    @model_validator(mode="before")
    @classmethod
    def _read_name(cls, given: Any) -> Any:
        return {"target": given} if isinstance(given, str) else given
