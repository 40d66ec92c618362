"""The base of every configuration model: frozen, and strict about unknown fields."""

from pydantic import BaseModel, ConfigDict


class Config(BaseModel):
    """A frozen configuration section; a misspelt field is an error that names it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
