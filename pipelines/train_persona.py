"""From users' histories to a trained, judged, registered and served user embedder: wiring only."""

from zenml.logger import get_logger

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
from components.tasks.lamp import LAMP_2
from components.tasks.resolve import TaskChoice
from components.training.config import TrainingConfig
from components.training.train import Recipe
from components.user_embedder.config import EmbedderConfig
from components.validation.config import ValidationConfig
from components.validation.tombstones import resolve_tombstones
from pipelines.readable_errors import readable_pipeline
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


@readable_pipeline
def train_persona(
    task: TaskChoice = LAMP_2,
    data: DataConfig = DataConfig(),
    validation: ValidationConfig = ValidationConfig(),
    encoder: EncoderConfig = EncoderConfig(),
    llm: LLMConfig = LLMConfig(),
    embedder: EmbedderConfig = EmbedderConfig(),
    training: TrainingConfig = TrainingConfig(),
    retrieval: RetrievalConfig = RetrievalConfig(),
    evaluation: EvaluationConfig = EvaluationConfig(),
    promotion: PromotionConfig = PromotionConfig(),
    drift: DriftConfig = DriftConfig(),
    inversion: InversionConfig = InversionConfig(),
    personas: PersonaStoreConfig = PersonaStoreConfig(),
    embedding: EmbeddingConfig = EmbeddingConfig(),
    report: ReportConfig = ReportConfig(),
    deploy: DeployConfig = DeployConfig(),
    seed: int = 0,
) -> None:
    """Train, judge and register the user embedder of one task; the defaults are the quickstart.

    Args:
        task: A built-in task by name or with changes ({like: LaMP_3, show_outputs: false}),
            or a task's full description.
        data: Where the histories come from.
        validation: What sound histories are.
        encoder: The encoder of histories and inputs.
        llm: The LLM that stays frozen.
        embedder: The user embedder's shape.
        training: How it is trained.
        retrieval: What the arms with history items in the prompt read.
        evaluation: How it is judged.
        promotion: What it takes to become champion.
        drift: How far the data may be from the champion's.
        inversion: How what stolen vectors tell of their texts is measured.
        personas: The persona store, which may also be a source of histories.
        embedding: How much of it is filled at once.
        report: Where the report goes, and what it may show.
        deploy: Where a promoted version is put; nowhere by default.
        seed: Of everything random.
    """
    evaluation, promotion = evaluation.for_encoder(encoder), promotion.for_encoder(encoder)
    for sentence in foresee_refusals(promotion, evaluation, task.name):
        logger.warning(sentence)
    # Here, before any cached step: a folder that was overwritten is another encoder or LLM, and
    # there may be new tombstones.
    encoder, llm = resolve_encoder(encoder), resolve_llm(llm)
    validation = resolve_tombstones(validation, refresh_tombstones())
    exam = ExamRecipe(
        task=task, encoder=encoder, llm=llm, retrieval=retrieval, evaluation=evaluation, seed=seed
    )
    serving = ServingRecipe(task=task, llm=llm)
    recipe = Recipe(
        task=task,
        encoder=encoder,
        llm=llm,
        embedder=embedder,
        training=training,
        retrieval=retrieval,
        seed=seed,
    )
    arms = list_embedders(build_arms(evaluation, retrieval).values())

    raw = load_histories(data, task, personas, validation, seed)
    histories, validated = validate_histories(
        raw, task, validation, report.show_texts, evaluation.split
    )
    incumbents = find_incumbents(task.name, validation)
    vectors = encode_histories(histories, task.item_template, encoder)
    inverted = check_inversion(vectors, task, encoder, inversion, seed)
    drifted = check_drift(histories, vectors, incumbents, task, drift)
    frozen = prepare_llm(
        histories, incumbents, LLMRecipe(task=task, llm=llm, encoder=encoder, seed=seed)
    )
    trained = train_user_embedder(histories, vectors, frozen, recipe, arms)
    answered = evaluate_user_embedder(histories, vectors, frozen, trained, exam)
    candidate = register_user_embedder(histories, vectors, frozen, trained, serving)
    compared = evaluate_incumbents(
        histories, vectors, frozen, answered, incumbents, candidate, exam
    )
    artifact = check_artifact(histories, answered, candidate, exam)
    judged = check_promotion(
        histories, compared, incumbents, candidate, artifact, inverted, exam, promotion
    )
    promoted = promote_user_embedder(candidate, judged, incumbents, promotion)
    fill_persona_store(
        histories, task, encoder, personas, embedding, data.is_complete, vectors, promoted
    )
    bundle = package_serving(trained, frozen, promoted, serving)
    reported = export_report(
        judged,
        compared,
        histories,
        validated,
        drifted,
        inverted,
        trained,
        frozen,
        promoted,
        task,
        report,
        after=[bundle],
    )
    deploy_gateway(promoted, deploy, after=[reported])


# Users' texts never become pictures in ZenML's store.
train_persona.configure(enable_artifact_visualization=False)
