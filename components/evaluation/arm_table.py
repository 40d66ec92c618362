"""All arms (method section 3) as one table: what stands before the prompt, and what is in it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from components.evaluation.arm_names import name_cut
from components.evaluation.config import EvaluationConfig
from components.retrieval.config import RetrievalConfig, Retriever
from components.training.config import SEED_PREFIX
from components.training.train import TRAINED_ARMS

WITHOUT_LLM = "user_statistics"
PER_USER = "per_user_lora"


@dataclass(frozen=True)
class Arm:
    """One way of answering with the frozen LLM."""

    embedder: str | None = None
    """The trained embedder that stands before the prompt; None for the LLM alone."""
    is_shuffled: bool = False
    """Whether the embedder reads other users' histories, in several draws."""
    max_items: int | None = None
    """The embedder reads at most this many newest items; None for all."""
    reads_reference: bool = False
    """Whether it reads the vectors of float32 on torch, whatever made the run's."""
    retriever: Retriever | None = None
    """How items of the history are chosen for the prompt; None for the question alone."""
    num_retrieved: int = 0


def build_arms(config: EvaluationConfig, retrieval: RetrievalConfig) -> dict[str, Arm]:
    """Return the arms that answer with the frozen LLM, by name, in the order of the settings.

    After persona come its further seeds, and itself with less history.
    """
    num = retrieval.num_items
    table = {
        "base": Arm(),
        "shuffled": Arm("persona", is_shuffled=True),
        "retrieval_random": Arm(retriever="random", num_retrieved=num),
        "retrieval_recency": Arm(retriever="recency", num_retrieved=num),
        "retrieval_bm25": Arm(retriever="bm25", num_retrieved=num),
        "retrieval_dense": Arm(retriever="dense", num_retrieved=num),
        "persona_retrieval": Arm(
            "persona",
            retriever=retrieval.persona_retriever,
            num_retrieved=retrieval.persona_num_items,
        ),
        "persona_float32": Arm("persona", reads_reference=True),
        **{name: Arm(name) for name in TRAINED_ARMS},
    }
    tuned = replace(
        table["retrieval_tuned"], retriever=retrieval.tuned_retriever, num_retrieved=num
    )
    table["retrieval_tuned"] = tuned
    chosen: dict[str, Arm] = {}
    for name in config.arms:
        if name in (WITHOUT_LLM, PER_USER):
            continue
        chosen[name] = table[name]
        if name == "persona":
            seeds = (f"{SEED_PREFIX}{offset}" for offset in range(1, config.num_seeds))
            chosen |= {seed: Arm(seed) for seed in seeds}
            cuts = config.history_cuts
            chosen |= {name_cut(name, cut): Arm(name, max_items=cut) for cut in cuts}
    return chosen


def list_embedders(arms: Iterable[Arm]) -> list[str]:
    """Return the embedders that have to be trained for some arms, each once."""
    return list(dict.fromkeys(arm.embedder for arm in arms if arm.embedder is not None))
