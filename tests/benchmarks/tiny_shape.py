"""The shape of a bundle and of users that a gateway is measured on within seconds."""

from benchmarks.serving_world import Shape
from components.encoders.config import EncoderConfig
from components.histories.simulator_config import SimulatorConfig
from components.llm.config import LLMConfig
from tests.components.tiny_models import write_sentence_encoder

USERS = SimulatorConfig(
    num_train_users=4,
    train_questions_per_user=1,
    num_dev_users=2,
    num_test_users=4,
    eval_questions_per_user=4,
    min_items=8,
    max_items=10,
)


def make_tiny_shape(directory):
    encoder = write_sentence_encoder(directory / "encoder")
    return Shape(
        EncoderConfig(name=str(encoder), max_length=32), LLMConfig(max_input_length=96), USERS
    )
