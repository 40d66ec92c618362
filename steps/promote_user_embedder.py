"""Move the aliases: what was champion becomes `previous`, the candidate `champion`.

`reference` is set by the first promotion; then a person moves it, or a promotion that was allowed
to pass a reference by that cannot be compared any more.
"""

from typing import Annotated

from mlflow import MlflowClient
from zenml import step
from zenml.logger import get_logger

from components.evaluation.evaluation import Evaluation
from components.evaluation.incumbent_exam import name_obstacle
from components.promotion.config import PromotionConfig
from components.promotion.registry_records import (
    PROMOTED,
    Incumbents,
    Promotion,
    Registration,
)
from steps.model_registry import (
    CHALLENGER,
    CHAMPION,
    DECISION,
    PREVIOUS,
    REFERENCE,
    find_by_alias,
    open_registry,
)

logger = get_logger(__name__)


# Never cached: the registry may have been changed by somebody since.
@step(enable_cache=False)
def promote_user_embedder(
    candidate: Registration,
    evaluation: Evaluation,
    incumbents: Incumbents,
    promotion: PromotionConfig,
) -> Annotated[Promotion, "promotion"]:
    """Promote, or tag the version with why it was refused; a second time changes nothing.

    Raises:
        ValueError: If another champion came into office since the candidate was compared.
    """
    client = open_registry()
    name, version = candidate.model_name, candidate.version
    decision = evaluation.decision
    assert decision is not None, "check_promotion decides"
    refused = " ".join(reason.sentence for reason in decision.reasons if reason.blocks)
    if decision.promoted:
        is_lost = name_obstacle("reference") in evaluation.notes
        passed_by = is_lost and promotion.replace_incomparable
        move_aliases(client, candidate, incumbents, replace_reference=passed_by)
        said = PROMOTED
    elif incumbents.champion is not None and incumbents.champion.version == version:
        logger.error("version %s of %s is champion, and fails: %s", version, name, refused)
        said = f"champion, but its check failed: {refused}"
    else:
        said = f"refused: {refused}"
    client.set_model_version_tag(name, version, DECISION, said[:5000])
    # A registration from the cache is older than what another run has registered since.
    client.set_registered_model_alias(name, CHALLENGER, version)
    logger.info("version %s of %s: %s", version, name, said)
    return Promotion(promoted=decision.promoted, model_name=name, version=version)


def move_aliases(
    client: MlflowClient,
    candidate: Registration,
    incumbents: Incumbents,
    replace_reference: bool,
) -> None:
    """Make the candidate champion.

    Raises:
        ValueError: If another champion came into office since the candidate was compared.
    """
    name, version = candidate.model_name, candidate.version
    found = find_by_alias(client, name, CHAMPION)
    today = None if found is None else str(found.version)
    compared = None if incumbents.champion is None else incumbents.champion.version
    if today not in (compared, version):
        raise ValueError(
            f"{name}: version {version} was compared with champion {compared}, but {today} is "
            "champion now; run again, and only what compares is computed anew"
        )
    if today is not None and today != version:
        client.set_registered_model_alias(name, PREVIOUS, today)
    client.set_registered_model_alias(name, CHAMPION, version)
    if replace_reference or find_by_alias(client, name, REFERENCE) is None:
        client.set_registered_model_alias(name, REFERENCE, version)
        logger.info("version %s of %s: the reference from here on", version, name)
