"""Settings of the attack on invented texts."""

from pydantic import Field

from components.config import Config


class InversionConfig(Config):
    """How much is invented; each text costs one encoding, each canary six."""

    num_canaries: int = Field(
        200, ge=20, description="Invented texts that are attacked; intervals narrow with them."
    )
    num_training_texts: int = Field(
        1000, ge=100, description="Other invented texts that the attacker's inverter is trained on."
    )
