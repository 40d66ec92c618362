"""Against the throw-away ZenML home; the cluster is an address where nobody answers."""

from pathlib import Path
from typing import Any

import pytest
from zenml.enums import StackComponentType

from infra.stacks.kubernetes import SHARED, describe_changes, register_kubernetes_stack
from infra.stacks.names import ArtifactStoreNames, MLflowNames, StackNames, read_names
from infra.stacks.registration import Change
from steps.tombstone_file import refresh_tombstones
from tests.infra.stacks.test_names import SHIPPED


@pytest.fixture
def names(request: pytest.FixtureRequest) -> StackNames:
    """The shipped names, under a stack of the test's own."""
    return read_names(SHIPPED).model_copy(update={"name": request.node.name[:40]})


def outcomes(changes: list[Change]) -> list[str]:
    return [change.outcome for change in changes]


def settings(kind: StackComponentType) -> dict[str, Any]:
    from zenml.client import Client

    [component] = Client().active_stack_model.components[kind]
    return component.configuration


def test_the_stack_is_made_once_and_found_again(clone: Path, names: StackNames) -> None:
    from zenml.client import Client

    first = register_kubernetes_stack(names, clone)
    again = register_kubernetes_stack(names, clone)

    assert outcomes(first) == ["made"] * 8  # six components and two stacks
    assert outcomes(again) == ["unchanged"] * 8
    assert describe_changes(again) == [
        f"the stack {names.name} and the stack {names.name}_deploy are as the file says: "
        "nothing changed"
    ]
    assert Client().active_stack_model.name == names.name
    assert refresh_tombstones() is None  # pods see no file of this machine


def test_the_orchestrator_has_the_users_names(clone: Path, names: StackNames) -> None:
    register_kubernetes_stack(names, clone)
    ours = settings(StackComponentType.ORCHESTRATOR)

    assert ours["service_account_name"] == "persona-plug-pipeline"
    ours_of_steps = ours["pod_settings"]["additional_pod_spec_args"]
    assert ours_of_steps == {"service_account_name": "persona-plug-step"}
    assert ours["pass_zenml_token_as_secret"] is True
    variables = {one["name"]: one for one in ours["pod_settings"]["env"]}
    assert variables["PGPASSWORD"]["valueFrom"] == {
        "secretKeyRef": {"name": "persona-plug-database", "key": "password"}
    }
    assert variables["ZENML_CUSTOM_SOURCE_ROOT"]["value"] == "/app"
    # The orchestrator's pod sees no key of the personas.
    of_pipeline = {one["name"] for one in ours["orchestrator_pod_settings"]["env"]}
    assert of_pipeline == {
        *("ZENML_CUSTOM_SOURCE_ROOT", "OMP_NUM_THREADS"),
        *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    }


def test_an_edit_changes_what_was_edited(clone: Path, names: StackNames) -> None:
    register_kubernetes_stack(names, clone)
    other = names.model_copy(
        update={"registry": "other.example.com/x", "mlflow": MLflowNames(address="http://other:1")}
    )
    changes = register_kubernetes_stack(other, clone)

    assert describe_changes(changes) == [
        f"changed the container_registry {names.name}_default (uri)",
        f"changed the experiment_tracker {names.name}_mlflow (tracking_uri)",
    ]
    assert settings(StackComponentType.CONTAINER_REGISTRY) == {"uri": "other.example.com/x"}


def test_what_is_left_out_is_removed(clone: Path, names: StackNames) -> None:
    register_kubernetes_stack(names, clone)
    assert "client_kwargs" in settings(StackComponentType.ARTIFACT_STORE)
    plain = ArtifactStoreNames(path=names.artifact_store.path)

    register_kubernetes_stack(names.model_copy(update={"artifact_store": plain}), clone)

    assert settings(StackComponentType.ARTIFACT_STORE) == {"path": "s3://zenml/persona-plug"}


def test_another_kind_of_store_takes_the_olds_place(clone: Path, names: StackNames) -> None:
    from zenml.client import Client

    register_kubernetes_stack(names, clone)
    store = ArtifactStoreNames(path="gs://bucket/x")
    changes = register_kubernetes_stack(names.model_copy(update={"artifact_store": store}), clone)

    assert [change for change in describe_changes(changes) if "made" in change] == [
        f"made the artifact_store {names.name}_gcp"
    ]
    assert changes[-1].outcome == "changed"
    assert settings(StackComponentType.ARTIFACT_STORE) == {"path": "gs://bucket/x"}
    left = Client().list_stack_components(type="artifact_store", name=f"{names.name}_s3").items
    assert left == []
    twin = Client().get_stack(f"{names.name}_deploy", allow_name_prefix_match=False)
    [component] = twin.components[StackComponentType.ARTIFACT_STORE]
    assert component.name == f"{names.name}_gcp"


def test_deployments_have_a_stack_whose_steps_run_here(clone: Path, names: StackNames) -> None:
    from zenml.client import Client

    register_kubernetes_stack(names, clone)
    original = Client().active_stack_model
    Client().activate_stack(f"{names.name}_deploy")
    twin = Client().active_stack_model

    [orchestrator] = twin.components[StackComponentType.ORCHESTRATOR]
    assert (orchestrator.name, orchestrator.flavor_name) == ("default", "local")
    for kind in SHARED:
        assert twin.components[kind][0].id == original.components[kind][0].id
    assert twin.components.keys() == {StackComponentType.ORCHESTRATOR, *SHARED}
    Client().active_stack.validate()  # ZenML lets it write its artifacts to a bucket
    assert not Client().active_stack.requires_remote_server


def test_keys_of_the_store_come_from_a_secret(clone: Path, names: StackNames) -> None:
    from zenml.client import Client

    store = ArtifactStoreNames(path="s3://bucket/x", zenml_secret="store_keys")
    wanted = names.model_copy(update={"artifact_store": store})
    Client().create_secret("store_keys", {"aws_access_key_id": "x"})
    with pytest.raises(ValueError, match=r"artifact_store.zenml_secret.*: `zenml secret create"):
        register_kubernetes_stack(wanted, clone)
    Client().update_secret("store_keys", add_or_update_values={"aws_secret_access_key": "y"})

    register_kubernetes_stack(wanted, clone)

    ours = settings(StackComponentType.ARTIFACT_STORE)
    assert ours == {"path": "s3://bucket/x", "authentication_secret": "store_keys"}


def test_only_this_repository_activates_it(clone: Path, names: StackNames) -> None:
    from zenml.config.global_config import GlobalConfiguration

    before = GlobalConfiguration().get_active_stack_id()
    register_kubernetes_stack(names, clone)
    assert GlobalConfiguration().get_active_stack_id() == before


def test_a_login_of_mlflow_comes_from_a_secret(clone: Path, names: StackNames) -> None:
    from zenml.client import Client

    mlflow = MLflowNames(address="https://mlflow.example.com", zenml_secret="mlflow_login")
    wanted = names.model_copy(update={"mlflow": mlflow})
    with pytest.raises(ValueError, match="zenml_secret: ZenML has no secret 'mlflow_login'"):
        register_kubernetes_stack(wanted, clone)
    Client().create_secret("mlflow_login", {"username": "u", "password": "not stored here"})

    register_kubernetes_stack(wanted, clone)

    tracker = settings(StackComponentType.EXPERIMENT_TRACKER)
    assert tracker["tracking_password"] == "{{mlflow_login.password}}"
    assert "tracking_token" not in tracker
