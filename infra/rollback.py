"""Give the champion's office back to the version that had it before, and deploy that one.

    python -m infra.rollback [--task LaMP_2] [--config configs/NAME.yaml] [--registry-only]

moves the alias `champion` to where `previous` points, leaves tags that say who and when, and runs
the pipeline `deploy_persona`. A gateway that follows the alias (`make serve`) swaps by itself. Exit
code 1: nothing was moved, or it was and does not serve; what is printed says which. Called again,
it goes on where it was cut off. To deploy to a cluster the stack `..._deploy` must be active. With
`deploy.dry_run: true` nothing is moved, and what would be is printed.
"""

import argparse
import sys
from pathlib import Path
from typing import NamedTuple

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from pydantic import Field

from components.config import Config
from components.deployment.config import DeployConfig
from components.deployment.record import ModelVersion, tell_time
from components.personas.config import PersonaStoreConfig
from components.run_yaml import read_sections
from components.tasks.lamp import LAMP_2
from components.tasks.resolve import TaskChoice, resolve_task
from pipelines.deploy_persona import deploy_persona
from steps.deploy_stack import choose_target
from steps.deployed_versions import find_version, name_operator
from steps.model_registry import (
    CHAMPION,
    PREVIOUS,
    ROLLED_BACK,
    find_by_alias,
    model_name,
    open_registry,
)

REINSTATED = "reinstated"
"""Tag of the version that has the office again."""


class Return(NamedTuple):
    """What becomes of the office."""

    lost: str | None
    """Version that is champion before; None where an earlier call came so far and no further."""
    champion: ModelVersion
    """What is champion afterwards."""


def find_return(client: MlflowClient, task_name: str) -> Return:
    """Return what would become of the office.

    Raises:
        ValueError: If there is no champion, no previous one, or that one can't be served.
    """
    name = model_name(task_name)
    today, before = (find_by_alias(client, name, alias) for alias in (CHAMPION, PREVIOUS))
    if today is None:
        raise ValueError(f"{name} has no {CHAMPION} in the registry: nothing to roll back")
    is_moved = before is not None and before.version == today.version
    if before is None or (is_moved and REINSTATED not in before.tags):
        raise ValueError(
            f"{name}: version {today.version} is {CHAMPION}, and there is no {PREVIOUS} to go back "
            "to: it is the first, or was rolled back to already, or the promotion of another was "
            f"cut off. Any version with a bundle can be made {CHAMPION} by hand, and deployed by "
            "deploy_persona"
        )
    lost = None if is_moved else str(today.version)
    return Return(lost, find_version(client, name, str(before.version)))


def move_back(client: MlflowClient, task_name: str, who: str) -> Return:
    """Make `previous` champion again.

    There is no `previous` afterwards: a second rollback would bring back what was just taken away.
    The tags come first: whenever this is cut off, the lost version is not promoted again, and the
    next call goes on.

    Args:
        client: The registry's.
        task_name: Whose champion.
        who: Asks for it; stays in the tags.

    Raises:
        ValueError: As `find_return`.
    """
    returned = find_return(client, task_name)
    name, version = returned.champion.name, returned.champion.version
    if returned.lost is not None:
        when = f"{tell_time()} by {who}"
        said = f"{when}: version {version} is {CHAMPION} again"
        client.set_model_version_tag(name, returned.lost, ROLLED_BACK, said)
        said = f"{when}: in place of version {returned.lost}"
        client.set_model_version_tag(name, version, REINSTATED, said)
        client.set_registered_model_alias(name, CHAMPION, version)
    client.delete_registered_model_alias(name, PREVIOUS)
    return returned


class RollbackSettings(Config):
    """What of a run's YAML a rollback needs."""

    task: TaskChoice = Field(LAMP_2, description="Whose champion.")
    personas: PersonaStoreConfig = Field(PersonaStoreConfig(), description="What it serves.")
    deploy: DeployConfig | None = Field(
        None, description="Where to; this machine, if the active stack is its own."
    )


def read_rollback(task: str | None, config: Path | None) -> RollbackSettings:
    """Return what is rolled back.

    Args:
        task: A built-in task's name, which comes before the YAML's.
        config: A run's YAML; none: the quickstart's task, on this machine.

    Raises:
        ValueError: If either is wrong.
    """
    settings = RollbackSettings() if config is None else read_sections(config, RollbackSettings)
    if task is None:
        return settings
    return settings.model_copy(update={"task": resolve_task(task)})


def main(arguments: list[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--task", help="a built-in task; as --config says, else LaMP_2")
    parser.add_argument("--config", type=Path, help="the YAML that the champion is deployed by")
    parser.add_argument("--registry-only", action="store_true", help="deploy nothing")
    given = parser.parse_args(arguments)
    try:
        settings = read_rollback(given.task, given.config)
        is_dry = settings.deploy is not None and settings.deploy.dry_run
        deploy = None if given.registry_only else choose_target(settings.deploy)
        client, task_name = open_registry(), settings.task.name
        if is_dry:
            returned = find_return(client, task_name)
        else:
            returned = move_back(client, task_name, name_operator())
    except (ValueError, OSError) as err:
        sys.exit(f"nothing was moved: {err}")
    except MlflowException as err:
        sys.exit(f"MLflow failed, and the champion was moved or not; call this again: {err}")
    sys.stdout.write(tell(returned, settings.deploy, deploy))
    if deploy is not None and not is_dry:
        put_champion(returned.champion, settings, deploy)


def tell(returned: Return, asked: DeployConfig | None, deploy: DeployConfig | None) -> str:
    """Return what was moved, or would be, and where to that goes.

    Args:
        returned: What becomes of the office.
        asked: What the YAML says.
        deploy: Where the champion is deployed to; None: nowhere.
    """
    name, version, lost = returned.champion.name, returned.champion.version, returned.lost
    default = "" if asked is not None else ", as there is no section `deploy`"
    where = "nothing" if deploy is None else f"to the target {deploy.target}{default}"
    if asked is not None and asked.dry_run:
        now = "is already" if lost is None else "would be"
        then = "" if lost is None else f", {lost} is"
        return (
            f"nothing was moved, as deploy.dry_run says: {name}: version {version} {now} "
            f"champion{then}. Then it would deploy {where}.\n"
        )
    then = "as a rollback that was cut off left it" if lost is None else f"{lost} was"
    return f"{name}: version {version} is champion, {then}.\nDeploys {where}.\n"


def put_champion(champion: ModelVersion, settings: RollbackSettings, deploy: DeployConfig) -> None:
    """Deploy what is champion again, or end with what is so."""
    try:
        deploy_persona(task=settings.task, personas=settings.personas, deploy=deploy)
    except Exception as err:  # whatever it is: the operator must know that the alias was moved
        told = f"version {champion.version} is champion in the registry, but is not deployed"
        sys.exit(f"{told}: {err}")


if __name__ == "__main__":
    main()
