"""What ZenML submits to Kubernetes for a run's YAML: `python -m infra.manifests.zenml_jobs CONFIG`.

The retraining's CronJob and a Job for each step that it may start, a training's Job of the
orchestrator, and that one's Job for each step, made by ZenML's own code
(`infra.manifests.zenml_capture`) in a ZenML home that is thrown away, without cluster, server or
images.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from infra.manifests.run_settings import check_settings

REPOSITORY = Path(__file__).resolve().parents[2]
STACK = REPOSITORY / "infra" / "stacks" / "kubernetes.yaml"
OWN = ("ZENML_", "MLFLOW_", "PERSONA_PLUG_")
"""How the names of variables begin that are the user's own and must not be seen."""


def render_zenml_jobs(config: Path, stack: Path = STACK) -> list[dict[str, Any]]:
    """Return what ZenML would submit, as the API server would get it.

    Names and ids that ZenML draws anew for each run are zeros or made up.

    Args:
        config: A run's YAML for `train_persona`.
        stack: The names of the cluster (`infra.stacks.names`).

    Returns:
        The CronJob and its steps' Jobs, the training's Job of the orchestrator, and its steps' Jobs
        in their order.

    Raises:
        ValueError: If a key of the YAML is unknown, or ZenML refuses it.
    """
    check_settings(config)
    with tempfile.TemporaryDirectory(prefix="persona-plug-zenml-") as home:
        output = Path(home) / "objects.json"
        done = subprocess.run(
            [
                *(sys.executable, "-m", "infra.manifests.zenml_capture"),
                *(str(config.resolve()), str(stack.resolve()), str(home), str(output)),
            ],
            cwd=REPOSITORY,
            env=_make_environment(Path(home)),
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise ValueError(f"{config}: ZenML can't render it:\n{done.stdout}{done.stderr}")
        rendered: list[dict[str, Any]] = json.loads(output.read_text("utf-8"))
    return rendered


def _make_environment(home: Path) -> dict[str, str]:
    """Return the environment of a process that sees nothing of the user's ZenML."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    return kept | {
        "ZENML_CONFIG_PATH": str(home / "zenml"),
        "ZENML_LOCAL_STORES_PATH": str(home / "stores"),
        "ZENML_REPOSITORY_PATH": str(home),
        "ZENML_ANALYTICS_OPT_IN": "false",
        "ZENML_ENABLE_RICH_TRACEBACK": "false",
        "ZENML_LOGGING_COLORS_DISABLED": "true",
        # The store is remote and not asked, the registry has no images.
        "ZENML_SKIP_STACK_VALIDATION": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }


def main(arguments: list[str] | None = None) -> None:
    """Print the objects as YAML."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("config", type=Path, help="a run's YAML, as configs/kubernetes.yaml")
    parser.add_argument("--stack", type=Path, default=STACK, help="YAML of the cluster's names")
    given = parser.parse_args(arguments)
    try:
        rendered = render_zenml_jobs(given.config, given.stack)
    except ValueError as err:
        sys.exit(str(err))
    yaml.safe_dump_all(rendered, sys.stdout, sort_keys=False)


if __name__ == "__main__":
    main()
