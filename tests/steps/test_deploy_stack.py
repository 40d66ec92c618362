"""A stack whose steps are pods is told so before anything has begun."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.deployment.config import DeployConfig, TargetName
from components.deployment.record import ModelVersion
from components.personas.config import PersonaStoreConfig
from infra.rollback import main
from infra.stacks.kubernetes import register_kubernetes_stack
from infra.stacks.names import read_names
from pipelines.deploy_persona import deploy_persona
from pipelines.readable_errors import ReadableErrors
from pipelines.retrain_persona import retrain_persona
from pipelines.train_persona import train_persona
from steps.deploy_gateway import attempt
from steps.deploy_stack import require_deploy_stack
from tests.infra.stacks.test_names import SHIPPED

STACK = "refuses"
MODEL = ModelVersion(name="persona-plug-LaMP_2", version="7", bundle_hash="abc")
TOLD = re.escape(
    f"the steps of the stack {STACK} run as pods, which can deploy nothing. A training there needs "
    "`deploy: none`; its champion is deployed by deploy_persona or infra.rollback after `zenml "
    f"stack set {STACK}_deploy`"
)


@pytest.fixture
def on_cluster(zenml_home: Path, tmp_path: Path) -> Iterator[None]:
    """The shipped Kubernetes stack is active."""
    from zenml.client import Client

    names = read_names(SHIPPED).model_copy(update={"name": STACK})
    register_kubernetes_stack(names, tmp_path)
    yield
    Client().activate_root(zenml_home)


@pytest.mark.parametrize("target", ["local", "kubernetes"])
@pytest.mark.parametrize("pipeline", [train_persona, retrain_persona, deploy_persona])
def test_a_run_is_refused_when_it_is_submitted(
    on_cluster: None, pipeline: ReadableErrors, target: TargetName
) -> None:
    with pytest.raises(ValueError, match=TOLD):
        pipeline.copy().prepare(deploy=DeployConfig(target=target))


def test_a_run_that_deploys_nothing_is_submitted(on_cluster: None) -> None:
    retrain_persona.copy().prepare()
    train_persona.copy().prepare()
    with pytest.raises(ValueError, match=TOLD):
        deploy_persona.copy().prepare()  # its default is this machine


def test_the_step_is_refused_where_it_is_a_pod(on_cluster: None) -> None:
    config, personas = DeployConfig(target="kubernetes"), PersonaStoreConfig()
    record = attempt(MODEL, None, config, personas, "me")  # type: ignore[arg-type]
    assert record.outcome == "refused"
    assert re.search(f"nothing was changed: .*{TOLD}", record.reason)


def test_a_rollback_is_refused_before_the_alias_moves(
    on_cluster: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    monkeypatch.setattr("infra.rollback.open_registry", lambda: opened.append(1))
    path = tmp_path / "run.yaml"
    path.write_text("parameters: {deploy: kubernetes}")
    with pytest.raises(SystemExit, match=f"nothing was moved: .*{TOLD}"):
        main(["--config", str(path)])
    assert not opened
    with pytest.raises(AttributeError):  # of the registry, which is asked now
        main(["--registry-only"])
    assert opened


@pytest.mark.parametrize("target", ["none", "local", "kubernetes"])
def test_a_stack_whose_steps_run_here_deploys(on_cluster: None, target: TargetName) -> None:
    from zenml.client import Client

    Client().activate_stack(f"{STACK}_deploy")
    require_deploy_stack(DeployConfig(target=target))


@pytest.mark.parametrize("suffix", ["", "_deploy"])
def test_a_clusters_champion_is_not_rolled_back_onto_this_machine_unasked(
    on_cluster: None, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    from zenml.client import Client

    monkeypatch.setattr("infra.rollback.open_registry", lambda: pytest.fail("asked too early"))
    Client().activate_stack(STACK + suffix)
    told = f"nothing was moved: there is no section `deploy`, and the models of the stack {STACK}"
    with pytest.raises(SystemExit, match=told):
        main([])
