"""The Secrets that a person makes, `infra/kubernetes/secrets.yaml`: no manifest holds any."""

from pathlib import Path

import yaml
from pydantic import Field, TypeAdapter

from components.config import Config
from infra.manifests.render import KUBERNETES

SECRETS_FILE = KUBERNETES / "secrets.yaml"


class SecretToMake(Config):
    """One Secret; docs/operations.md has the command."""

    name: str = Field(description="A trailing * stands for what its maker puts there.")
    namespace: str = Field(description="Where.")
    keys: tuple[str, ...] = Field(description="Of the values.")
    purpose: str = Field(description="What they are, and who reads them.")
    overlays: tuple[str, ...] = Field(description="Where it is needed.")

    def holds(self, namespace: str, name: str, key: str | None) -> bool:
        """Tell whether a reference is to this Secret, and to a key that it has.

        Args:
            namespace: Of who refers.
            name: Of the Secret.
            key: Of the value; None if all are meant.
        """
        is_same = name == self.name
        if self.name.endswith("*"):
            is_same = name.startswith(self.name[:-1])
        return is_same and namespace == self.namespace and (key is None or key in self.keys)


def read_secrets(path: Path = SECRETS_FILE) -> list[SecretToMake]:
    """Read the list."""
    return TypeAdapter(list[SecretToMake]).validate_python(yaml.safe_load(path.read_text("utf-8")))
