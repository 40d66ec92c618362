"""Put a champion where it answers, and take it back if it doesn't answer as it should."""

from typing import Annotated, Any

from zenml import get_step_context, log_metadata, save_artifact, step
from zenml.logger import get_logger

from components.deployment.config import DeployConfig
from components.deployment.deploy import DeployError, deploy, describe
from components.deployment.golden_check import Exam
from components.deployment.record import Deployment, ModelVersion
from components.deployment.signals import hold_signals
from components.personas.config import PersonaStoreConfig
from components.promotion.registry_records import Promotion
from steps.deployed_versions import (
    fetch_exam,
    find_version,
    name_operator,
    record_deployment,
)
from steps.deployment_target import build_target
from steps.model_registry import open_registry
from steps.scratch import make_scratch_directory

logger = get_logger(__name__)


# Never cached: it changes what runs outside.
@step(enable_cache=False)
def deploy_gateway(
    promotion: Promotion, config: DeployConfig, personas: PersonaStoreConfig
) -> Annotated[Deployment, "deployment"]:
    """Deploy a version and record it; a refused candidate, or no target, changes nothing.

    Raises:
        RuntimeError: If the version doesn't serve now, which is recorded all the same; or if it
            does, and MLflow has no record of it.
    """
    if config.target == "none" or not promotion.promoted:
        reason = "deploy.target is none"
        if not promotion.promoted:
            reason = f"version {promotion.version} was refused"
        logger.info("nothing is deployed: %s", reason)
        return Deployment(outcome="skipped", reason=reason, target=config.target)
    client = open_registry()
    model = find_version(client, promotion.model_name, promotion.version)
    exam = fetch_exam(client, model, make_scratch_directory())
    who = f"{name_operator()}, run {get_step_context().pipeline_run.name}"
    with hold_signals():  # told to end, it takes back what it did, and says so
        record = attempt(model, exam, config, personas, who)
        told = f"{model.place} on {config.target}: {record.outcome}: {record.reason}; "
        told += f"now serves: {record.serves or 'unknown'}"
        log_metadata(summarize(record))
        if not record.is_good:
            save_artifact(record, "deployment")  # a step that fails leaves no output of its own
        try:
            record_deployment(client, record)
        except Exception as err:  # of MLflow, or whatever library has its artifacts
            if record.is_good:
                save_artifact(record, "deployment")
            raise RuntimeError(f"{told}; and MLflow has no record of it: {describe(err)}") from err
    if record.is_good:
        return record
    raise RuntimeError(told)


def attempt(
    model: ModelVersion, exam: Exam, config: DeployConfig, personas: PersonaStoreConfig, who: str
) -> Deployment:
    """Deploy a version; returns the record, also where there is no way to the target."""
    try:
        target = build_target(config, model, exam, personas)
    except (DeployError, ValueError) as err:
        reason = f"nothing was changed: {err}"
        return Deployment(
            outcome="refused", reason=reason, target=config.target, model=model, who=who
        )
    return deploy(target, model, exam, config, who)


def summarize(record: Deployment) -> dict[str, Any]:
    """Return what ZenML shows of a record beside its step."""
    assert record.model is not None
    return {
        "outcome": record.outcome,
        "model": record.model.place,
        "bundle_hash": record.model.bundle_hash,
        "objects_hash": record.objects_hash,
        "serves": record.serves,
        "who": record.who,
        **{f"{phase}_seconds": seconds for phase, seconds in record.seconds.items()},
    }
