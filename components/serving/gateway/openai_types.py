"""Requests and answers in OpenAI's shapes, with the fields that personas add.

What has no effect here is accepted where leaving it out would change nothing for the worse
(answers are the likeliest ones, so nothing is sampled); all else that is unknown is refused.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

PersonaMode = Literal["on", "off", "auto"]
PersonaStatus = Literal["none", "prior", "partial", "full"]


def _check_id(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("expected text that is not blank, without a zero byte")
    return value


def _check_unicode(value: str) -> str:
    if not is_unicode(value):
        raise ValueError("expected Unicode text, without halves of characters")
    return value


def is_unicode(text: str) -> bool:
    """Return whether a text can be written: JSON may hold halves of characters (surrogates)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


Text = Annotated[str, AfterValidator(_check_unicode)]
"""A text among other kinds of value, where pydantic lets halves of characters pass."""


Id = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_check_id)]
"""A user's or an item's id."""


class Strict(BaseModel):
    """A body whose unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)


class TextPart(Strict):
    """A part of a message."""

    type: Literal["text"]
    text: Text


class Message(BaseModel):
    """A turn of a chat; what clients send back of an answer beside its text is passed over."""

    role: Literal["system", "developer", "user", "assistant"]
    content: Text | list[TextPart]
    name: str | None = None

    @property
    def text(self) -> str:
        """The turn's whole text."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content)


class StreamOptions(Strict):
    """What a stream carries."""

    include_usage: bool = Field(False, description="Whether a last piece counts the tokens.")
    include_obfuscation: bool = False


class Ask(Strict):
    """What both kinds of completion have in common."""

    model: str
    user: Id | None = Field(None, description="The user; a service names one of its tenant's.")
    persona: PersonaMode = Field(
        "auto",
        description="on: refused where there is no persona to answer by; off: the LLM alone; "
        "auto: the user's persona, if a user is named and the store answers.",
    )
    explain: bool | Literal["likelihood"] = Field(
        False,
        description="Whether to tell which items weighed how much; likelihood: also how likely the "
        "answer is with the persona and without it.",
    )
    max_tokens: int | None = Field(None, ge=1, description="Longest answer.")
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: Literal[1] | None = Field(None, description="One answer only.")
    # Without effect.
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    metadata: dict[str, Any] | None = None
    store: Literal[False] | None = None
    stop: None = None
    logprobs: Literal[False] | None = None
    service_tier: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None

    @model_validator(mode="after")
    def _check_stream(self) -> Self:
        if self.stream and self.explain:
            raise ValueError("explain: not with stream")
        return self

    @property
    def counts_stream(self) -> bool:
        """Whether a stream ends with counts of tokens."""
        return self.stream_options is not None and self.stream_options.include_usage


class ChatRequest(Ask):
    """A chat; its last user message is the input that the embedder reads."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "persona-plug-LaMP_2",
                    "messages": [{"role": "user", "content": "A crew travels through a wormhole."}],
                    "user": "anna",
                    "explain": True,
                }
            ]
        }
    )
    messages: Annotated[list[Message], Field(min_length=1)]
    max_completion_tokens: int | None = Field(None, ge=1, description="As max_tokens.")

    @property
    def limit(self) -> int | None:
        """Longest answer, in tokens."""
        return self.max_completion_tokens or self.max_tokens


class CompletionRequest(Ask):
    """A single text."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "model": "persona-plug-LaMP_2",
                    "prompt": "A crew travels through a wormhole.",
                    "user": "anna",
                }
            ]
        }
    )
    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=1)]
    echo: Literal[False] | None = None
    best_of: Literal[1] | None = None

    @property
    def limit(self) -> int | None:
        """Longest answer, in tokens."""
        return self.max_tokens

    @property
    def text(self) -> str:
        """The input."""
        return self.prompt if isinstance(self.prompt, str) else self.prompt[0]


class Usage(BaseModel):
    """Tokens of the LLM."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class WeighedItem(BaseModel):
    """How much a history item weighed."""

    id: str
    weight: float


class Likelihoods(BaseModel):
    """Natural logarithms of the probability of an answer's tokens, its end included."""

    with_persona: float
    without_persona: float


class Explanation(BaseModel):
    """What an answer's persona was made of: weights of items, newest last, and the null row's."""

    items: list[WeighedItem]
    null_weight: float = Field(description="Of what stands for users in general; all sum to 1.")
    likelihood: Likelihoods | None = None


class Completed(BaseModel):
    """What all answers have in common."""

    id: str
    created: int
    model: str
    model_version: str = Field(description="Of the registered model that answered.")
    persona_status: PersonaStatus = Field(
        description="none: the LLM alone; prior: a user without items; partial, full: by items."
    )


class AnswerMessage(BaseModel):
    """The turn that answers."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


FinishReason = Literal["stop", "length"]


class ChatChoice(BaseModel):
    """The one answer of a chat."""

    index: Literal[0] = 0
    message: AnswerMessage
    finish_reason: FinishReason
    logprobs: None = None


class ChatAnswer(Completed):
    """A chat's answer."""

    object: Literal["chat.completion"] = "chat.completion"
    choices: list[ChatChoice]
    usage: Usage
    explanation: Explanation | None = None


class TextChoice(BaseModel):
    """The one answer of a completion."""

    index: Literal[0] = 0
    text: str
    finish_reason: FinishReason | None
    logprobs: None = None


class TextAnswer(Completed):
    """A completion's answer, or a piece of it in a stream."""

    object: Literal["text_completion"] = "text_completion"
    choices: list[TextChoice]
    usage: Usage | None = None
    explanation: Explanation | None = None


class Delta(BaseModel):
    """What a piece adds to a chat's answer."""

    role: Literal["assistant"] | None = None
    content: str | None = None


class ChunkChoice(BaseModel):
    """A piece of a chat's one answer."""

    index: Literal[0] = 0
    delta: Delta
    finish_reason: FinishReason | None = None
    logprobs: None = None


class ChatChunk(Completed):
    """A piece of a chat's answer."""

    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    choices: list[ChunkChoice]
    usage: Usage | None = None


class Model(BaseModel):
    """A model that may be asked."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str = "persona-plug"
    version: str


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[Model]
