"""Move the aliases: what was champion becomes `previous`, the candidate `champion`."""

from typing import Annotated

from zenml import step
from zenml.logger import get_logger

from components.evaluation.evaluation import Evaluation
from components.promotion.registry_records import Promotion, Registration
from steps.model_registry import CHAMPION, PREVIOUS, find_by_alias, open_registry

logger = get_logger(__name__)


# Never cached: the registry may have been changed by somebody since.
@step(enable_cache=False)
def promote_user_embedder(
    candidate: Registration, evaluation: Evaluation
) -> Annotated[Promotion, "promotion"]:
    """Promote, or tag the version with why it was refused; a second time changes nothing."""
    client = open_registry()
    name, version = candidate.model_name, candidate.version
    decision = evaluation.decision
    assert decision is not None, "check_promotion decides"
    if decision.promoted:
        today = find_by_alias(client, name, CHAMPION)
        if today is not None and str(today.version) != version:
            client.set_registered_model_alias(name, PREVIOUS, str(today.version))
        client.set_registered_model_alias(name, CHAMPION, version)
    refused = " ".join(reason.sentence for reason in decision.reasons if reason.blocks)
    client.set_model_version_tag(
        name, version, "decision", "promoted" if decision.promoted else f"refused: {refused}"[:5000]
    )
    logger.info("version %s of %s: %s", version, name, "promoted" if decision.promoted else refused)
    return Promotion(promoted=decision.promoted, model_name=name, version=version)
