"""Where the key of the user hashes lies, unless the environment holds it."""

from pathlib import Path

from steps.caching import source_root

KEY_FILE = source_root(Path(__file__).resolve()) / "state" / "user_hash.key"
