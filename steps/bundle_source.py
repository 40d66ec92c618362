"""The model registry as a server's source of bundles, by alias or by version.

`package_serving` logs the bundle of a promoted version beside it, and tags the version with the
bundle's hash. A server follows the alias and that tag. It needs MLflow, and ZenML only where
`MLFLOW_TRACKING_URI` is not set: then the active stack's registry is meant.
"""

import os
import re
import shutil
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from components.serving.bundle import ServingBundle

BUNDLE = "serving_bundle"
"""The bundle's folder among the artifacts of a version's run, and the tag of its hash."""
FETCHED = re.compile(r"\d+-[0-9a-f]{64}")
"""What folders of fetched bundles are called: version and hash."""
PLACE = re.compile(r"models:/(?P<name>[^/@]+)(?:@(?P<alias>[^/@]+)|/(?P<version>\d+))")


def log_bundle(client: MlflowClient, name: str, version: str, bundle: ServingBundle) -> None:
    """Log a bundle beside its registered version; tagged last, so what is tagged is whole."""
    run_id = client.get_model_version(name, version).run_id
    client.log_artifacts(run_id, str(bundle.path), BUNDLE)
    client.set_model_version_tag(name, version, BUNDLE, bundle.content_hash())


class RegistrySource:
    """The bundle of whichever version an alias points to.

    Args:
        client: The registry's.
        name: The registered model.
        alias: Of the version; None for a fixed one.
        version: The fixed one.
        scratch: Where bundles are brought.
    """

    def __init__(
        self,
        client: MlflowClient,
        name: str,
        alias: str | None,
        version: str | None,
        scratch: Path,
    ) -> None:
        self._client = client
        self._name, self._alias, self._version = name, alias, version
        self._scratch = scratch

    def find_latest(self) -> str | None:
        """Return version and bundle's hash; None while the version has no bundle.

        Raises:
            ValueError: If there is no such version.
        """
        found = self._find()
        digest = found.tags.get(BUNDLE)
        return None if digest is None else f"{found.version}-{digest}"

    def fetch(self, latest: str) -> ServingBundle:
        """Download a bundle; of earlier ones only the last stays on this machine.

        Args:
            latest: As `find_latest` said.

        Raises:
            ValueError: If its bytes are not those that were logged.
        """
        version, _, digest = latest.partition("-")
        run_id = self._client.get_model_version(self._name, version).run_id
        self._scratch.mkdir(parents=True, exist_ok=True)
        found = [path for path in self._scratch.iterdir() if FETCHED.fullmatch(path.name)]
        earlier = sorted(found, key=lambda path: path.stat().st_mtime)
        for folder in earlier[:-1]:
            shutil.rmtree(folder)
        target = self._scratch / latest
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        fetched = mlflow.artifacts.download_artifacts(
            run_id=run_id,
            artifact_path=BUNDLE,
            dst_path=str(target),
            tracking_uri=self._client.tracking_uri,
        )
        bundle = ServingBundle.at(Path(fetched))
        if bundle.content_hash() != digest:
            raise ValueError(
                f"version {version} of {self._name}: its serving bundle is not the one that was "
                "logged"
            )
        return bundle

    def _find(self) -> ModelVersion:
        try:
            if self._alias is not None:
                return self._client.get_model_version_by_alias(self._name, self._alias)
            return self._client.get_model_version(self._name, self._version)
        except MlflowException as err:
            if err.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                which = self._alias or f"version {self._version}"
                raise ValueError(f"{self._name} has no {which} in the registry") from err
            raise


def open_source(place: str, scratch: Path) -> RegistrySource:
    """Open the registry at a model's place.

    Args:
        place: `models:/NAME@ALIAS` or `models:/NAME/VERSION`.
        scratch: Where bundles are brought.

    Raises:
        ValueError: If the place is written otherwise.
    """
    match = PLACE.fullmatch(place)
    if match is None:
        raise ValueError(f"{place!r} must be models:/NAME@ALIAS or models:/NAME/VERSION")
    return RegistrySource(open_client(), **match.groupdict(), scratch=scratch)


def open_client() -> MlflowClient:
    """Return a client of the registry that the environment names, else of the active stack's."""
    if os.environ.get("MLFLOW_TRACKING_URI"):
        return MlflowClient()
    from steps.model_registry import open_registry  # ZenML: not where a registry is named

    return open_registry()
