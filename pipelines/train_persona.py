"""From users' histories to a trained, judged, registered and served user embedder: wiring only."""

from functools import partial

from components.deployment.config import DeployConfig
from components.embedding.config import EmbeddingConfig
from components.encoders.config import EncoderConfig
from components.evaluation.config import EvaluationConfig
from components.histories.config import DataConfig
from components.inversion.config import InversionConfig
from components.lineage.config import DriftConfig
from components.llm.config import LLMConfig
from components.personas.config import PersonaStoreConfig
from components.promotion.config import PromotionConfig
from components.reporting.config import ReportConfig
from components.retrieval.config import RetrievalConfig
from components.tasks.lamp import LAMP_2
from components.tasks.resolve import TaskChoice
from components.training.config import TrainingConfig
from components.user_embedder.config import EmbedderConfig
from components.validation.config import ValidationConfig
from pipelines.readable_errors import readable_pipeline
from pipelines.training_run import TrainingRun, load_data, train_and_judge


@partial(readable_pipeline, passes_over=("retraining",))
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
    run = TrainingRun(
        task=task,
        data=data,
        validation=validation,
        encoder=encoder,
        llm=llm,
        embedder=embedder,
        training=training,
        retrieval=retrieval,
        evaluation=evaluation,
        promotion=promotion,
        drift=drift,
        inversion=inversion,
        personas=personas,
        embedding=embedding,
        report=report,
        deploy=deploy,
        seed=seed,
    ).resolve()
    train_and_judge(run, load_data(run))


# Users' texts never become pictures in ZenML's store.
train_persona.configure(enable_artifact_visualization=False)
