import shutil
from pathlib import Path

from infra.stacks.local import register_local_stack, stack_name


def test_the_stack_is_made_once_and_found_again(clone: Path) -> None:
    first = register_local_stack(clone)
    again = register_local_stack(clone)

    assert (first.made, again.made) == (True, False)
    assert first.name == again.name == again.active == stack_name(clone)
    assert first.artifacts == clone / "state" / "artifacts"


def test_mlflow_keeps_its_database_beside_the_artifacts(clone: Path) -> None:
    from zenml.client import Client

    register_local_stack(clone)
    stack = Client().active_stack

    assert stack.experiment_tracker.get_tracking_uri() == (
        f"sqlite:///{clone}/state/artifacts/mlflow.db"
    )
    assert stack.model_registry.flavor == "mlflow"
    assert stack.orchestrator.flavor == "local"


def test_only_this_repository_activates_it(clone: Path, zenml_home: Path) -> None:
    from zenml.client import Client
    from zenml.config.global_config import GlobalConfiguration

    before = GlobalConfiguration().get_active_stack_id()
    register_local_stack(clone)

    assert GlobalConfiguration().get_active_stack_id() == before
    Client().activate_root(zenml_home)
    assert Client().active_stack_model.name == stack_name(zenml_home)


def test_a_stack_that_the_user_chose_stays_active(clone: Path) -> None:
    from zenml.client import Client
    from zenml.enums import StackComponentType

    register_local_stack(clone)
    parts = {
        StackComponentType.ORCHESTRATOR: "default",
        StackComponentType.ARTIFACT_STORE: "default",
    }
    Client().create_stack("the_users_own", parts)
    Client().activate_stack("the_users_own")

    assert register_local_stack(clone).active == "the_users_own"


def test_a_stack_whose_artifacts_were_deleted_is_made_anew(clone: Path) -> None:
    """Its step cache would name files that are gone."""
    from zenml.client import Client

    register_local_stack(clone)
    old = Client().active_stack_model
    shutil.rmtree(clone / "state")

    again = register_local_stack(clone)

    assert again.made
    assert again.active == old.name
    assert Client().active_stack_model.id != old.id
    stores = Client().list_stack_components(type="artifact_store", name=old.name).items
    assert len(stores) == 1
    assert stores[0].id != old.components["artifact_store"][0].id
