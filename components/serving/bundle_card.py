"""What a serving bundle is made of: every name, revision and hash, and how its LLM is asked."""

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

from pydantic import Field

from components.config import Config
from components.llm.answering import list_ends
from components.llm.llm_folder import LLMFolder
from components.serving.persona_model import PersonaModel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LIBRARIES = ("numpy", "sentence-transformers", "tokenizers", "torch", "transformers")


class PlugInCard(Config):
    """Which user embedder it is."""

    content_hash: str = Field(description="Of its folder.")
    weights_sha256: str = Field(description="Of what was trained.")


class EncoderCard(Config):
    """Which history encoder made the vectors that the plug-in reads."""

    name: str = Field(description="A package's, a folder's or a hub's name.")
    revision: str | None = Field(description="A hub's commit, or a folder's content hash.")
    weights_sha256: str = Field(description="Of its weights, as it was trained with.")
    fingerprint: str = Field(description="Of all that a vector depends on.")
    dim: int = Field(description="Width of a vector.")


class LLMCard(Config):
    """Which LLM it is."""

    name: str = Field(description="`warm_start`, a folder's or a hub's name.")
    revision: str | None = Field(description="A hub's commit, or a folder's content hash.")
    content_hash: str = Field(description="Of its folder in the bundle.")
    weights_sha256: str = Field(description="Of its weights.")
    dim: int = Field(description="Width of its token embeddings.")
    is_encoder_decoder: bool = Field(description="Whether it reads with an encoder of its own.")
    dtype: str = Field(description="Its arithmetic.")


class TokenizerCard(Config):
    """How texts become the LLM's tokens, and what stands around them."""

    kind: str = Field(description="Its class.")
    num_tokens: int = Field(description="Size of its vocabulary.")
    vocabulary_sha256: str = Field(description="Of its tokens and their numbers.")
    template_sha256: str | None = Field(description="Of its chat template; None without a chat.")
    front: tuple[int, ...] = Field(description="Tokens before the soft prompt.")
    head: tuple[int, ...] = Field(description="Tokens between soft prompt and text.")
    tail: tuple[int, ...] = Field(description="Tokens behind the text.")


class GenerationCard(Config):
    """How answers are found."""

    is_scored: bool = Field(description="Whether labels are scored, and not generated.")
    is_median: bool = Field(description="Whether the labels' median is answered.")
    max_input_length: int = Field(description="Most tokens of an input, template included.")
    max_new_tokens: int = Field(description="Most tokens of an answer.")
    num_beams: int = Field(description="Beams; 1 is greedy.")
    ends: tuple[int, ...] = Field(description="Tokens that end an answer.")


class BundleCard(Config):
    """All that a bundle is made of."""

    model_name: str = Field(description="Name of the registered model.")
    model_version: str = Field(description="Its version in the registry.")
    plug_in: PlugInCard = Field(description="The user embedder.")
    encoder: EncoderCard = Field(description="The history encoder.")
    llm: LLMCard = Field(description="The LLM.")
    tokenizer: TokenizerCard = Field(description="Its tokenizer and template.")
    generation: GenerationCard = Field(description="How it answers.")
    made_with: dict[str, str] = Field(description="Versions of libraries; others may serve it.")
    files: dict[str, str] = Field(description="The sha256 of each of its files, by name.")


def describe_bundle(
    model: PersonaModel,
    llm: LLMFolder,
    model_name: str,
    model_version: str,
    files: Mapping[str, str],
) -> BundleCard:
    """Describe a loaded model.

    Args:
        model: The model.
        llm: The folder that its LLM was loaded from.
        model_name: Name of the registered model.
        model_version: Its version.
        files: The sha256 of each file of its bundle.
    """
    return BundleCard(
        model_name=model_name,
        model_version=model_version,
        plug_in=PlugInCard(
            content_hash=model.spec.plug_in_hash, weights_sha256=model.weights_sha256
        ),
        encoder=describe_history_encoder(model),
        llm=describe_llm(model, llm),
        tokenizer=describe_tokenizer(model),
        generation=describe_generation(model),
        made_with={name: version(name) for name in LIBRARIES},
        files=dict(files),
    )


def describe_history_encoder(model: PersonaModel) -> EncoderCard:
    """Describe the encoder whose vectors a model reads."""
    card = model.card
    return EncoderCard(
        name=card.encoder.name,
        revision=card.encoder.revision,
        weights_sha256=card.encoder_weights_sha256,
        fingerprint=card.encoder_fingerprint,
        dim=card.encoder_dim,
    )


def describe_llm(model: PersonaModel, folder: LLMFolder) -> LLMCard:
    """Describe a model's LLM, its weights as they lie here."""
    described = folder.describe()
    return LLMCard(
        name=described["name"],
        revision=described["revision"],
        content_hash=model.spec.llm_hash,
        weights_sha256=folder.weights_sha256(),
        dim=model.llm.embedding_dim,
        is_encoder_decoder=model.llm.is_encoder_decoder,
        dtype=model.spec.llm.dtype,
    )


def describe_tokenizer(model: PersonaModel) -> TokenizerCard:
    """Describe an LLM's tokenizer, and what stands around a text."""
    tokenizer, layout = model.llm.tokenizer, model.llm.layout
    template = tokenizer.chat_template if model.spec.llm.use_chat_template else None
    return TokenizerCard(
        kind=type(tokenizer).__name__,
        num_tokens=len(tokenizer),
        vocabulary_sha256=hash_vocabulary(tokenizer),
        template_sha256=None if template is None else hash_text(str(template)),
        front=layout.front,
        head=layout.head,
        tail=layout.tail,
    )


def describe_generation(model: PersonaModel) -> GenerationCard:
    """Describe how a model finds its answers."""
    rule = model.rule
    return GenerationCard(
        is_scored=rule.is_scored,
        is_median=rule.is_median,
        max_input_length=model.spec.llm.max_input_length,
        max_new_tokens=rule.max_new_tokens,
        num_beams=rule.num_beams,
        ends=tuple(list_ends(model.llm)),
    )


def hash_vocabulary(tokenizer: "PreTrainedTokenizerBase") -> str:
    """Return the sha256 of all tokens and their numbers."""
    return hash_text(json.dumps(sorted(tokenizer.get_vocab().items())))


def hash_text(text: str) -> str:
    """Return the sha256 of a text."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def find_differences(card: BundleCard, found: BundleCard) -> list[str]:
    """Return in what a loaded model is not what its bundle's card says: "llm.weights_sha256"."""
    said, is_now = card.model_dump(), found.model_dump()
    return [
        f"{part}.{name}"
        for part in ("plug_in", "encoder", "llm", "tokenizer", "generation")
        for name in said[part]
        if said[part][name] != is_now[part][name]
    ]
