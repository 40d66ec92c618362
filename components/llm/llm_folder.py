"""The frozen LLM as an artifact: a hub's by name and commit, a warm start with its weights."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from components.folder import Folder
from components.llm.config import LLMConfig
from components.llm.frozen_llm import FrozenLLM
from components.model_files import hash_weights

WEIGHTS = "weights"
PLAINLY = LLMConfig()
"""How an LLM is loaded that nobody says otherwise of."""


@dataclass(frozen=True)
class LLMSource:
    """What identifies an LLM: enough to load the very same one on another machine."""

    name: str
    revision: str | None
    """A hub LLM's commit, a local one's content hash; of what a warm start was started from."""
    settings_hash: str
    """Of the settings that made or chose it: a retraining with the same settings may keep it."""


class LLMFolder(Folder):
    """`llm.json`, and for a local or warm-started LLM its weights in transformers' layout."""

    def describe(self) -> dict[str, Any]:
        """Return the LLM's name, revision and settings hash."""
        description: dict[str, Any] = json.loads((self.path / "llm.json").read_text("utf-8"))
        return description

    @property
    def has_weights(self) -> bool:
        """Whether the weights lie here, and not on a hub."""
        return (self.path / WEIGHTS).is_dir()

    def weights_sha256(self) -> str:
        """Return a sha256 of the weights; a hub LLM's once it was loaded on this machine."""
        return hash_weights(self.locate()[0], self.describe()["revision"])

    def locate(self) -> tuple[str, dict[str, str]]:
        """Return what transformers loads it by: a folder, or a hub name with its commit."""
        if self.has_weights:
            return str(self.path / WEIGHTS), {}
        description = self.describe()
        return str(description["name"]), {"revision": description["revision"]}

    def load_tokenizer(self) -> "transformers.PreTrainedTokenizerBase":
        """Load the tokenizer alone."""
        location, revision = self.locate()
        load = transformers.AutoTokenizer.from_pretrained
        tokenizer: transformers.PreTrainedTokenizerBase = load(location, **revision)
        return tokenizer

    def load(self, config: LLMConfig = PLAINLY, device: str = "cpu") -> FrozenLLM:
        """Load the LLM and its tokenizer, frozen.

        Args:
            config: Says in which arithmetic it computes, and whether prompts are a chat's turn.
            device: Where it computes.
        """
        location, revision = self.locate()
        shape = transformers.AutoConfig.from_pretrained(location, **revision)
        kind = "Seq2Seq" if shape.is_encoder_decoder else "Causal"
        load_model = getattr(transformers, f"AutoModelFor{kind}LM").from_pretrained
        model = load_model(location, dtype=getattr(torch, config.dtype), **revision)
        chat_options = config.chat_options if config.use_chat_template else None
        return FrozenLLM(model.to(device), self.load_tokenizer(), chat_options)


def write_llm_folder(
    directory: Path, source: LLMSource, llm: FrozenLLM | None, curve: list[dict[str, float]]
) -> LLMFolder:
    """Write the LLM's description, and its weights if it is no hub's.

    Args:
        directory: An existing directory.
        source: What identifies the LLM.
        llm: To be written in transformers' layout; None for a hub LLM.
        curve: Losses of the warm start; empty for a ready LLM.
    """
    if llm is not None:
        llm.model.save_pretrained(directory / WEIGHTS)
        llm.tokenizer.save_pretrained(directory / WEIGHTS)
    description = {
        "name": source.name,
        "revision": source.revision,
        "settings_hash": source.settings_hash,
        "curve": curve,
    }
    text = json.dumps(description, indent=1, sort_keys=True)
    (directory / "llm.json").write_text(text + "\n", encoding="utf-8")
    return LLMFolder.at(directory)
