"""A report made by hand."""

from components.inversion.report import Attack, InversionReport, Rate


def build_attack(clear, sealed=0.02, chance=0.02, half=0.05):
    rates = (
        Rate(value=value, low=max(value - half, 0), high=min(value + half, 1))
        for value in (clear, sealed)
    )
    return Attack(**dict(zip(("clear", "sealed"), rates, strict=True)), chance=chance)


def build_report(**changes):
    fields = {
        "fingerprint": "enc",
        "num_canaries": 200,
        "num_candidates": 7500,
        "num_training_texts": 1500,
        "nearest": build_attack(1.0, sealed=0.0, chance=1 / 7500),
        "words": build_attack(0.8),
        "kinds": {"name": build_attack(0.9), "number": build_attack(0.6)},
    }
    return InversionReport(**(fields | changes))
