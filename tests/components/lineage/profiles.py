"""Profiles made by hand."""

from components.lineage.data_profile import DataProfile

NAMES = ["items_per_user", "text_length", "label_shares", "vector_mean"]


def build_profile(**changes):
    fields = {
        "num_users": 1000,
        "num_items": 5000,
        "num_questions": {"train": 10, "dev": 0, "test": 0},
        "newest_time": None,
        "items_per_user": [5.0] * 100,
        "text_length": [float(n) for n in range(100)],
        "label_shares": {"a": 0.5, "b": 0.5},
        "vector_mean": [0.6, 0.0],
        "vector_spread": 0.8,
        "encoder_fingerprint": "enc",
        "effective_sizes": dict.fromkeys(NAMES, 800.0),
    }
    return DataProfile(**(fields | changes))
