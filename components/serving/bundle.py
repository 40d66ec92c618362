"""The serving bundle: one folder from which a fresh process answers."""

import shutil
from pathlib import Path

from components.folder import Folder
from components.llm.llm_folder import LLMFolder
from components.serving.persona_model import PersonaModel, ServingSpec
from components.user_embedder.embedder_folder import EmbedderFolder

PLUG_IN, LLM = "plug_in", "llm"


class ServingBundle(Folder):
    """The plug-in, the LLM (by name and commit if it is a hub's), and what binds them."""

    def load(self) -> PersonaModel:
        """Load the model, every hash checked."""
        return PersonaModel(
            ServingSpec.read(self.path),
            EmbedderFolder.at(self.path / PLUG_IN),
            LLMFolder.at(self.path / LLM),
        )


def package_serving(
    spec: ServingSpec, plug_in: EmbedderFolder, llm: LLMFolder, directory: Path
) -> ServingBundle:
    """Copy all that serving needs into an existing directory."""
    shutil.copytree(plug_in.path, directory / PLUG_IN)
    shutil.copytree(llm.path, directory / LLM)
    spec.write(directory)
    return ServingBundle.at(directory)
