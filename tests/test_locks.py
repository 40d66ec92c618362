"""A server's lock pins what the whole one pins, and none of the pipeline."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
PIPELINE = {"accelerate", "datasets", "great_expectations", "matplotlib", "mlflow", "pandas"}
PIPELINE |= {"peft", "pyarrow", "zenml"}


def read_pins(name):
    lines = (ROOT / name).read_text().splitlines()
    return dict(line.lower().split("==") for line in lines if not line.startswith("#"))


def test_both_pin_the_same():
    whole, serving = read_pins("requirements.lock"), read_pins("requirements-serving.lock")
    assert {name: whole.get(name) for name in serving} == serving
    assert not PIPELINE & set(serving)
    assert set(whole) >= PIPELINE
    assert {"torch", "fastapi", "psycopg", "mlflow-skinny"} <= set(serving)
