"""An engine that was loaded from a bundle, and the golden requests that it has to pass."""

from collections.abc import Callable
from dataclasses import dataclass

from components.serving.bundle import ServingBundle
from components.serving.engines.config import EngineConfig
from components.serving.engines.engine import Engine, EngineRequest
from components.serving.engines.transformers_engine import TransformersEngine, ignore_size
from components.serving.golden import Golden


@dataclass(frozen=True)
class Candidate:
    """An engine that does not serve yet."""

    engine: Engine
    golden: Golden
    requests: list[EngineRequest]
    """The golden requests as an engine takes them."""

    async def find_fault(self, min_share: float) -> str | None:
        """Ask the golden requests; say what is wrong with the answers, None if nothing is."""
        answers = [(await self.engine.answer(request)).text for request in self.requests]
        return self.golden.judge(answers, min_share)


def load_candidate(
    bundle: ServingBundle,
    config: EngineConfig,
    on_batch: Callable[[int], None] = ignore_size,
) -> Candidate:
    """Load a bundle into this process.

    Args:
        bundle: The bundle.
        config: Limits of the engine.
        on_batch: Told the size of every batch.

    Raises:
        ValueError: If the bundle is not what it was, or its LLM cannot be had.
    """
    card, golden, model = bundle.card(), bundle.golden(), bundle.load()
    engine = TransformersEngine(model, card.model_name, card.model_version, config, on_batch)
    return Candidate(engine, golden, golden.prepare(model.encode_rendered))
