"""The serving bundle: one folder from which a fresh process answers.

bundle.json     every name, revision and hash; tokenizer, template, generation; each file's hash
golden.json     invented users' questions, and what was answered to them
serving.json    the task, how the LLM is asked, and the hashes that bind plug-in and LLM
plug_in/        the user embedder: safetensors and JSON
llm/            the LLM: by name and commit if it is a hub's
"""

import shutil
from pathlib import Path

import torch

from components.config import Config
from components.folder import Folder, hash_file
from components.llm.llm_folder import LLMFolder
from components.serving.bundle_card import BundleCard, describe_bundle, find_differences
from components.serving.golden import Golden, ask_golden, invent_requests
from components.serving.persona_model import PersonaModel, ServingSpec
from components.user_embedder.embedder_folder import EmbedderFolder

PLUG_IN, LLM = "plug_in", "llm"
CARD, GOLDEN = "bundle.json", "golden.json"


class ServingBundle(Folder):
    """The plug-in, the LLM, what binds them, and how to tell that they are what they were."""

    def card(self) -> BundleCard:
        """Return what describes the bundle.

        Raises:
            ValueError: If there is none.
        """
        if not (self.path / CARD).is_file():
            raise ValueError(f"{self.path} is no serving bundle: there is no {CARD} in it")
        return BundleCard.model_validate_json((self.path / CARD).read_text("utf-8"))

    def golden(self) -> Golden:
        """Return the golden requests."""
        return Golden.model_validate_json((self.path / GOLDEN).read_text("utf-8"))

    def llm(self) -> LLMFolder:
        """Return the LLM's folder."""
        return LLMFolder.at(self.path / LLM)

    def plug_in(self) -> EmbedderFolder:
        """Return the user embedder's folder."""
        return EmbedderFolder.at(self.path / PLUG_IN)

    def load(self) -> PersonaModel:
        """Load the model, every hash checked.

        Raises:
            ValueError: If a file is changed, missing or new, the LLM cannot be had, or it,
                its tokenizer or the history encoder are not what they were.
        """
        card = self.card()
        self.check_files()
        if not (self.path / LLM).is_dir():
            raise ValueError(f"{self.path} holds no LLM: there is no folder {LLM!r} in it")
        try:
            model = PersonaModel(ServingSpec.read(self.path), self.plug_in(), self.llm())
        except OSError as err:
            llm = f"{card.llm.name!r} at revision {card.llm.revision}"
            raise ValueError(f"the LLM {llm} or an encoder cannot be loaded here: {err}") from err
        found = describe_bundle(model, self.llm(), card.model_name, card.model_version, card.files)
        if odd := find_differences(card, found):
            raise ValueError(f"{self.path}: not as it was packaged: {', '.join(odd)}")
        hold_weights(model.llm.model)
        return model

    def check_store(self, fingerprint: str, dim: int) -> None:
        """Refuse a persona store that another history encoder, or template, filled.

        Args:
            fingerprint: Of the encoder whose vectors the store holds.
            dim: Width of its vectors.

        Raises:
            ValueError: If the plug-in does not read them.
        """
        encoder = self.card().encoder
        if (fingerprint, dim) != (encoder.fingerprint, encoder.dim):
            raise ValueError(
                f"the persona store holds vectors of fingerprint {fingerprint} and width {dim}, "
                f"but the plug-in reads those of {encoder.fingerprint} and {encoder.dim}"
            )

    def check_files(self) -> None:
        """Refuse a bundle that is not as it was packaged.

        Raises:
            ValueError: If a file is changed, missing or new; names it.
        """
        card, found = self.card(), self.hash_files()
        names = sorted({name for name, _ in card.files.items() ^ found.items()})
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            raise ValueError(
                f"{self.path}: changed since it was packaged: {', '.join(names[:3])}{more}"
            )

    def hash_files(self) -> dict[str, str]:
        """Return the sha256 of every file but the card, by relative name."""
        return {
            path.relative_to(self.path).as_posix(): hash_file(path)
            for path in self.files()
            if path != self.path / CARD
        }


def package_serving(
    spec: ServingSpec,
    plug_in: EmbedderFolder,
    llm: LLMFolder,
    directory: Path,
    model_name: str,
    model_version: str,
) -> ServingBundle:
    """Copy all that serving needs into an existing directory, and ask it the golden requests.

    Args:
        spec: The task, how the LLM is asked, and the hashes.
        plug_in: The user embedder.
        llm: The LLM.
        directory: Where the bundle goes.
        model_name: Name of the registered model.
        model_version: Its version.
    """
    shutil.copytree(plug_in.path, directory / PLUG_IN)
    shutil.copytree(llm.path, directory / LLM)
    spec.write(directory)
    bundle = ServingBundle.at(directory)
    model = PersonaModel(spec, bundle.plug_in(), bundle.llm())
    golden = ask_golden(model, invent_requests(spec.task))
    write_json(directory / GOLDEN, golden)
    card = describe_bundle(model, bundle.llm(), model_name, model_version, bundle.hash_files())
    write_json(directory / CARD, card)
    return bundle


def hold_weights(model: torch.nn.Module) -> None:
    """Copy a model's weights into this process's memory, one tensor at a time.

    They are read as mapped files: who copies the next bundle over this one would change the weights
    that serve, or end the process (SIGBUS).
    """
    for tensor in (*model.parameters(), *model.buffers()):
        tensor.data = tensor.data.clone()


def write_json(path: Path, content: Config) -> None:
    """Write a model as JSON that people can read."""
    path.write_text(content.model_dump_json(indent=1) + "\n", encoding="utf-8")
