"""A training that runs only if there is reason to: wiring, and the one branch."""

from functools import partial

from components.deployment.config import DeployConfig
from components.embedding.config import EmbeddingConfig
from components.encoders.config import EncoderConfig
from components.evaluation.config import EvaluationConfig
from components.histories.config import DataConfig
from components.inversion.config import InversionConfig
from components.lineage.config import DriftConfig, RetrainingConfig
from components.lineage.retraining import RetrainingDecision, RetrainingRecipe
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
from pipelines.train_persona import train_persona
from pipelines.training_run import TRAINING_STEPS, TrainingRun, load_data, train_and_judge
from steps.check_retraining import check_retraining


@partial(
    readable_pipeline,
    reads_yaml_of=train_persona,
    depends_on=(*TRAINING_STEPS, check_retraining),
)
def retrain_persona(
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
    retraining: RetrainingConfig = RetrainingConfig(),
) -> None:
    """Train, judge and register anew if enough is new or the data have drifted; else say why not.

    Settings and YAML are those of `train_persona`; `retraining` says what is reason enough.
    Champion and reference are compared with the candidate on questions that are newer than what
    any of them was trained on.
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
    loaded = load_data(run)
    recipe = RetrainingRecipe(
        config=retraining,
        drift=drift,
        task_name=task.name,
        evaluated_split=evaluation.split,
        is_dated=data.is_dated,
    )
    found = check_retraining(loaded.histories, loaded.drifted, loaded.incumbents, recipe)
    decision: RetrainingDecision = found.load()
    if decision.due:
        train_and_judge(run, loaded, decision.newer_than)


# Users' texts never become pictures in ZenML's store. What a step is told are parameters of it, as
# in every other pipeline, and not artifacts of their own: the variable allows them any size.
retrain_persona.configure(
    enable_artifact_visualization=False, environment={"ZENML_PARAMETER_SIZE_THRESHOLD": "-1"}
)
