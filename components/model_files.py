"""The weights of a pretrained model as files: what was loaded, where a name is what was meant."""

from pathlib import Path

import huggingface_hub

from components.folder import hash_file, hash_files

WEIGHTS_FILES = ("*.safetensors", "pytorch_model*.bin")
"""Names of weights; where there are any of the first kind, they are what is loaded."""


def hash_weights(location: str | Path, revision: str | None) -> str:
    """Return a sha256 of the weights of a model that was loaded on this machine.

    Args:
        location: A local folder or a hub name.
        revision: Commit of a hub model, found in the hub's cache.

    Returns:
        One file's own sha256, as hubs show it; of several, that over their names and bytes.

    Raises:
        ValueError: If there are no weights.
    """
    folder = Path(location)
    if not folder.is_dir():
        name = str(location)
        folder = Path(
            huggingface_hub.snapshot_download(name, revision=revision, local_files_only=True)
        )
    for pattern in WEIGHTS_FILES:
        if files := sorted(folder.rglob(pattern)):
            return hash_file(files[0]) if len(files) == 1 else hash_files(folder, files)
    raise ValueError(f"{folder} holds no weights; looked for {', '.join(WEIGHTS_FILES)}")
