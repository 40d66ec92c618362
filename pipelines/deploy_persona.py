"""The champion, put where it answers: wiring only."""

from functools import partial

from components.deployment.config import DeployConfig
from components.personas.config import PersonaStoreConfig
from components.tasks.lamp import LAMP_2
from components.tasks.resolve import TaskChoice
from pipelines.readable_errors import readable_pipeline
from pipelines.train_persona import train_persona
from steps.deploy_gateway import deploy_gateway
from steps.find_champion import find_champion


@partial(readable_pipeline, reads_yaml_of=train_persona)
def deploy_persona(
    task: TaskChoice = LAMP_2,
    personas: PersonaStoreConfig = PersonaStoreConfig(),
    deploy: DeployConfig = DeployConfig(target="local"),
) -> None:
    """Deploy a task's champion; what served before serves again if it doesn't answer as it should.

    It reads the YAML of a training, and passes over what has no place here.

    Args:
        task: Whose champion.
        personas: What a gateway of this machine serves; a cluster's has its manifests.
        deploy: Where to, and what it takes to stay there.
    """
    deploy_gateway(find_champion(task.name), deploy, personas)
