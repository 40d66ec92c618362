"""A training's settings, and its steps in the two parts that pipelines share: wiring only.

The first part reads and looks at the data, the second trains, judges and promotes. `train_persona`
runs both; `retrain_persona` asks in between whether there is reason to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

from zenml.logger import get_logger
from zenml.steps.entrypoint_function_utils import StepArtifact

from components.deployment.config import DeployConfig
from components.embedding.config import EmbeddingConfig
from components.encoders.config import EncoderConfig
from components.encoders.sentence_encoder import resolve_encoder
from components.evaluation.arm_table import build_arms, list_embedders
from components.evaluation.config import EvaluationConfig
from components.evaluation.exam import ExamRecipe
from components.histories.config import DataConfig
from components.inversion.config import InversionConfig
from components.lineage.config import DriftConfig
from components.llm.config import LLMConfig
from components.llm.prepare import LLMRecipe, resolve_llm
from components.personas.config import PersonaStoreConfig
from components.promotion.config import PromotionConfig
from components.promotion.foresight import foresee_refusals
from components.reporting.config import ReportConfig
from components.retrieval.config import RetrievalConfig
from components.serving.persona_model import ServingRecipe
from components.tasks.task import Task
from components.training.config import TrainingConfig
from components.training.train import Recipe
from components.user_embedder.config import EmbedderConfig
from components.validation.config import ValidationConfig
from components.validation.tombstones import resolve_tombstones
from steps.check_artifact import check_artifact
from steps.check_drift import check_drift
from steps.check_inversion import check_inversion
from steps.check_promotion import check_promotion
from steps.deploy_gateway import deploy_gateway
from steps.encode_histories import encode_histories
from steps.evaluate_incumbents import evaluate_incumbents
from steps.evaluate_user_embedder import evaluate_user_embedder
from steps.export_report import export_report
from steps.fill_persona_store import fill_persona_store
from steps.find_incumbents import find_incumbents
from steps.load_histories import load_histories
from steps.package_serving import package_serving
from steps.prepare_llm import prepare_llm
from steps.promote_user_embedder import promote_user_embedder
from steps.register_user_embedder import register_user_embedder
from steps.tombstone_file import refresh_tombstones
from steps.train_user_embedder import train_user_embedder
from steps.validate_histories import validate_histories

logger = get_logger(__name__)

TRAINING_STEPS = (
    load_histories,
    validate_histories,
    find_incumbents,
    encode_histories,
    check_drift,
    check_inversion,
    prepare_llm,
    train_user_embedder,
    evaluate_user_embedder,
    register_user_embedder,
    evaluate_incumbents,
    check_artifact,
    check_promotion,
    promote_user_embedder,
    fill_persona_store,
    package_serving,
    export_report,
    deploy_gateway,
)
"""All that a training runs."""


@dataclass(frozen=True)
class TrainingRun:
    """The settings of one run, as `train_persona` describes them."""

    task: Task
    data: DataConfig
    validation: ValidationConfig
    encoder: EncoderConfig
    llm: LLMConfig
    embedder: EmbedderConfig
    training: TrainingConfig
    retrieval: RetrievalConfig
    evaluation: EvaluationConfig
    promotion: PromotionConfig
    drift: DriftConfig
    inversion: InversionConfig
    personas: PersonaStoreConfig
    embedding: EmbeddingConfig
    report: ReportConfig
    deploy: DeployConfig
    seed: int

    def resolve(self) -> "TrainingRun":
        """Return the settings with what hangs on this machine and moment; warn of what they miss.

        Before any cached step: a folder that was overwritten is another encoder or LLM, and there
        may be new tombstones.
        """
        run = replace(
            self,
            evaluation=self.evaluation.for_encoder(self.encoder),
            promotion=self.promotion.for_encoder(self.encoder),
        )
        for sentence in foresee_refusals(run.promotion, run.evaluation, run.task.name):
            logger.warning(sentence)
        return replace(
            run,
            encoder=resolve_encoder(self.encoder),
            llm=resolve_llm(self.llm),
            validation=resolve_tombstones(self.validation, refresh_tombstones()),
        )

    @property
    def recipe(self) -> Recipe:
        """How the user embedder is trained."""
        return Recipe(
            task=self.task,
            encoder=self.encoder,
            llm=self.llm,
            embedder=self.embedder,
            training=self.training,
            retrieval=self.retrieval,
            seed=self.seed,
        )

    def examine(self, newer_than: datetime | None) -> ExamRecipe:
        """Return how all arms are examined.

        Args:
            newer_than: Only newer questions count; None for all.
        """
        return ExamRecipe(
            task=self.task,
            encoder=self.encoder,
            llm=self.llm,
            retrieval=self.retrieval,
            evaluation=self.evaluation,
            seed=self.seed,
            newer_than=newer_than,
        )


class LoadedData(NamedTuple):
    """What the first part hands to the second: outputs of its steps."""

    histories: Any
    validated: Any
    incumbents: Any
    vectors: Any
    drifted: Any


def load_data(run: TrainingRun) -> LoadedData:
    """Wire the steps up to the drift check."""
    raw = load_histories(run.data, run.task, run.personas, run.validation, run.seed)
    histories, validated = validate_histories(
        raw, run.task, run.validation, run.report.show_texts, run.evaluation.split
    )
    incumbents = find_incumbents(run.task.name, run.validation)
    vectors = encode_histories(histories, run.task.item_template, run.encoder)
    drifted = check_drift(histories, vectors, incumbents, run.task, run.drift)
    return LoadedData(histories, validated, incumbents, vectors, drifted)


def train_and_judge(
    run: TrainingRun, loaded: LoadedData, newer_than: datetime | None = None
) -> None:
    """Wire the steps from the LLM to the deployment.

    Args:
        run: The settings.
        loaded: Outputs of the first part.
        newer_than: Only newer questions are evaluated; None for all.
    """
    histories, incumbents, vectors = loaded.histories, loaded.incumbents, loaded.vectors
    exam = run.examine(newer_than)
    llm_recipe = LLMRecipe(task=run.task, llm=run.llm, encoder=run.encoder, seed=run.seed)
    arms = list_embedders(build_arms(run.evaluation, run.retrieval).values())
    serving = ServingRecipe(task=run.task, llm=run.llm)

    inverted = check_inversion(vectors, run.task, run.encoder, run.inversion, run.seed)
    frozen = prepare_llm(histories, incumbents, llm_recipe)
    trained = train_user_embedder(histories, vectors, frozen, run.recipe, arms)
    answered = evaluate_user_embedder(histories, vectors, frozen, trained, exam)
    candidate = register_user_embedder(histories, vectors, frozen, trained, serving)
    compared = evaluate_incumbents(
        histories, vectors, frozen, answered, incumbents, candidate, exam
    )
    artifact = check_artifact(histories, answered, candidate, exam)
    judged = check_promotion(
        histories, compared, incumbents, candidate, artifact, inverted, exam, run.promotion
    )
    promoted = promote_user_embedder(candidate, judged, incumbents, run.promotion)
    fill_persona_store(
        *(histories, run.task, run.encoder, run.personas, run.embedding, run.data.is_complete),
        *(vectors, promoted),
    )
    bundle = package_serving(trained, frozen, promoted, serving)
    reported = export_report(
        *(judged, compared, histories, loaded.validated, loaded.drifted, inverted),
        *(trained, frozen, promoted, run.task, run.report),
        after=order_after(bundle),
    )
    deploy_gateway(promoted, run.deploy, run.personas, after=order_after(reported))


def order_after(output: Any) -> Sequence[StepArtifact]:
    """Return what makes a step wait for an output that it doesn't read.

    In a dynamic pipeline that is nothing: a step runs when it is called.
    """
    return [output] if isinstance(output, StepArtifact) else []
