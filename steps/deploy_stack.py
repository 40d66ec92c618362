"""Which stacks can deploy: those whose steps run on the machine that asks for it.

A step that is a pod has no token of Kubernetes' API, no kubectl, no key of the golden requests, and
nothing of the machine where it was submitted.
"""

from zenml.client import Client

from components.deployment.config import DeployConfig

DEPLOY_SUFFIX = "_deploy"
"""Behind a Kubernetes stack's name: the stack with the same registry whose steps run here."""


def require_deploy_stack(config: DeployConfig) -> None:
    """Refuse a deployment by a stack that can't reach the target.

    Raises:
        ValueError: If something is to be deployed, and the steps run elsewhere; names the stack.
    """
    stack = Client().active_stack
    if config.target == "none" or not stack.orchestrator.config.is_remote:
        return
    raise ValueError(
        f"deploy.target {config.target}: the steps of the stack {stack.name} run as pods, which "
        "can deploy nothing. A training there needs `deploy: none`; its champion is deployed by "
        f"deploy_persona or infra.rollback after `zenml stack set {stack.name}{DEPLOY_SUFFIX}`"
    )


def choose_target(config: DeployConfig | None) -> DeployConfig:
    """Return where to deploy to: without a word on it this machine, if the stack is its own.

    Raises:
        ValueError: If the stack's models are served elsewhere, or it can't deploy.
    """
    stack = Client().active_stack
    is_local = stack.orchestrator.config.is_local and stack.artifact_store.config.is_local
    if config is None and not is_local:
        raise ValueError(
            f"there is no section `deploy`, and the models of the stack {stack.name} are not this "
            "machine's alone: say where they are served, `deploy: {target: kubernetes, ...}` or "
            "`deploy: local`, in the YAML of --config"
        )
    chosen = config or DeployConfig(target="local")
    require_deploy_stack(chosen)
    return chosen
