from pathlib import Path

from click.testing import CliRunner

from infra.stacks.repository import REPOSITORY

STACK = REPOSITORY / "infra" / "stacks" / "kubeflow.yaml"


def test_zenml_imports_the_stack(clone: Path) -> None:
    from zenml.cli.stack import import_stack
    from zenml.client import Client

    done = CliRunner().invoke(import_stack, ["imported_kubeflow", "-f", str(STACK)])

    assert done.exit_code == 0, done.output
    stack = Client().get_stack("imported_kubeflow")
    [orchestrator] = stack.components["orchestrator"]
    assert orchestrator.flavor_name == "kubeflow"
    assert orchestrator.configuration["kubeflow_namespace"] == "kubeflow"


def test_zenml_still_drops_the_pod_settings() -> None:
    """What the file says of ZenML: where this fails, its comment is to be mended."""
    from zenml.integrations.kubeflow.flavors.kubeflow_orchestrator_flavor import (
        KubeflowOrchestratorSettings,
    )

    given = {"env": [{"name": "A", "value": "1"}]}
    settings = KubeflowOrchestratorSettings.model_validate({"pod_settings": given})
    assert settings.pod_settings is not None
    assert settings.pod_settings.env == []
