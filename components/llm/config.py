"""Settings of the frozen LLM."""

from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from components.config import Config
from components.optimization.config import FitConfig

WARM_START = "warm_start"


class WarmStartFit(FitConfig):
    """The recipe of a warm start's tuning."""

    num_epochs: float = Field(1.0, gt=0, description="Passes over the tuning questions.")
    batch_size: int = Field(8, ge=1, description="Questions a step.")
    learning_rate: float = Field(5e-4, gt=0, description="Peak learning rate of the decoder.")
    encoder_learning_rate: float = Field(
        2e-4, ge=0, description="Peak learning rate of the tuned encoder layers."
    )


class WarmStartConfig(Config):
    """How a small LLM is made from a sentence encoder (Rothe et al. 2020)."""

    kind: Literal["encoder_decoder", "causal"] = Field(
        "encoder_decoder",
        description=(
            "Whether the sentence encoder reads for a new decoder, as in T5, or becomes the whole "
            "LLM that only decodes, as Llama does."
        ),
    )
    num_decoder_layers: int = Field(
        1,
        ge=1,
        description=(
            "Decoder layers of an encoder-decoder, started from the encoder's highest ones."
        ),
    )
    num_frozen_layers: int = Field(
        3, ge=0, description="Lowest layers of the sentence encoder that stay as they are."
    )
    tuning_share: float = Field(
        0.5, gt=0, lt=1, description="Share of the train users whose questions tune the LLM."
    )
    hint_rate: float = Field(
        0.5, ge=0, le=1, description="Share of tuning questions that carry a hint."
    )
    hint_truth: float = Field(
        0.5, ge=0, le=1, description="Probability that a label of a hint is the right answer."
    )
    max_hint_labels: int = Field(4, ge=1, description="Most labels that a hint names.")
    fit: WarmStartFit = Field(WarmStartFit(), description="How the LLM is tuned.")


class LLMConfig(Config):
    """Which LLM stays frozen behind the user embedder, and how it is asked."""

    name: str = Field(
        WARM_START,
        description="`warm_start`, a local folder in transformers' layout, or a hub name.",
    )
    revision: str | None = Field(
        None,
        description=(
            "Commit of a hub model, required for one; of a local folder the content's hash, which "
            "a run fills in."
        ),
    )
    reads: Literal["input", "payload"] = Field(
        "payload",
        description=(
            "What the LLM is given: the benchmark's whole prompt, or the payload alone, which is "
            "enough for an LLM tuned on one task."
        ),
    )
    use_chat_template: bool = Field(
        False,
        description=(
            "Whether a prompt is put as the user's turn into the chat template of the LLM's "
            "tokenizer; the soft prompt stands at the beginning of that turn."
        ),
    )
    chat_options: dict[str, JsonValue] = Field(
        {}, description="Handed to the chat template, as `enable_thinking: false`."
    )
    max_input_length: int = Field(
        256,
        ge=8,
        description="Longest prompt, in tokens, those of a chat template included.",
    )
    answers: Literal["label_scores", "generation"] = Field(
        "label_scores",
        description=(
            "How a task with labels is answered, by every arm and in serving: by the labels' "
            "log-probabilities, or by what is generated freely. Other tasks are generated."
        ),
    )
    ordinal_answer: Literal["median", "mode"] = Field(
        "median",
        description=(
            "Which label answers an ordinal task whose labels are scored: the median of their "
            "distribution, which has the least expected absolute error, or the likeliest one."
        ),
    )
    max_new_tokens: int = Field(16, ge=1, description="Longest generated answer, in tokens.")
    num_beams: int = Field(1, ge=1, description="Beams of the generation; 1 is greedy.")
    dtype: Literal["float32", "bfloat16"] = Field("float32", description="The LLM's arithmetic.")
    keep_champions: bool = Field(
        True,
        description=(
            "Whether a warm_start run takes over the champion's LLM, if these settings made it, "
            "instead of tuning a new one."
        ),
    )
    warm_start: WarmStartConfig = Field(WarmStartConfig(), description="Used by `warm_start`.")

    @model_validator(mode="after")
    def check_chat(self) -> Self:
        """Refuse a chat with an LLM that was never taught one."""
        if self.use_chat_template and self.name == WARM_START:
            raise ValueError(f"use_chat_template: a {WARM_START} LLM has no chat template")
        return self
