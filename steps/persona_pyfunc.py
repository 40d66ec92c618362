"""The registered model as MLflow loads it: models from code, no pickle.

A table of (history, input) goes in, one output a row comes out. The plug-in travels with the model;
a warm-started LLM is fetched from the registry, its hash checked.
"""

from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
from mlflow.pyfunc import PythonModel, PythonModelContext

from components.serving.artifact import fetch_llm
from components.serving.persona_model import PersonaModel, ServingSpec
from components.user_embedder.embedder_folder import EmbedderFolder


class PersonaPlug(PythonModel):
    """Persona-Plug behind MLflow's pyfunc interface."""

    def load_context(self, context: PythonModelContext) -> None:
        """Load the plug-in and the LLM that it was trained for."""
        folder = Path(context.artifacts["serving"])
        llm = fetch_llm(folder, lambda uri: Path(mlflow.artifacts.download_artifacts(uri)))
        plug_in = EmbedderFolder.at(Path(context.artifacts["plug_in"]))
        self.model = PersonaModel(ServingSpec.read(folder), plug_in, llm)

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: Any = None
    ) -> list[str]:
        """Answer each row: `history` (items as the task's fields, oldest first) and `input`."""
        histories = [
            self.model.encode_items([] if items is None else list(items))
            for items in model_input["history"]
        ]
        return self.model.answer(list(model_input["input"]), histories)


mlflow.models.set_model(PersonaPlug())
