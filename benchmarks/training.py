"""How fast training is, against the authors' recipe and against what a good engineer writes.

    python -m benchmarks.training --json

times three trainings of the same LLM on the same histories, batch size and precision, in turns, and
prints as the last line `speedup_vs_paper_recipe`, `speedup_vs_good_trainer` (ratios of the seconds
that a question and history subset takes: means of ours and the engineer's, the median of the
authors'), `history_memory_ratio` (bytes that a step holds of histories, ours by the authors'),
`split` (shares of our steps' time), and what they were measured on. It needs torch, transformers
and accelerate alone: without `--histories` invented ones of the same lengths are read. On a GPU:
`--shape t5_large` and `--shape causal_1.5b`.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor, nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from benchmarks.training_references import Copies, ReferenceCollator, ReferencePPlug
from benchmarks.training_world import (
    SHAPES,
    MeanPooled,
    Question,
    draw_vectors,
    invent_events,
    list_questions,
    make_llm,
    make_tokenizer,
    read_events,
)
from components.encoders.config import EncoderConfig
from components.llm.frozen_llm import IGNORE_INDEX, FrozenLLM
from components.optimization.config import FitConfig
from components.optimization.fit import FitInputs, fit, uses_bfloat16
from components.training.config import TrainingConfig
from components.training.examples import Examples, TrainingExamples
from components.user_embedder.collator import PersonaCollator
from components.user_embedder.config import EmbedderConfig
from components.user_embedder.embedder_folder import EmbedderCard, is_trained
from components.user_embedder.persona_llm import PersonaLLM
from components.user_embedder.user_embedder import Aggregation, UserEmbedder

NUM_WARM = 2
"""First steps that do not count: they allocate memory and, on a GPU, choose kernels."""
PEAK_TERAFLOPS = {"H100": 989.0, "H200": 989.0, "A100": 312.0}
"""Dense bfloat16, from the makers' data sheets."""
EMBEDDER = EmbedderConfig()


@dataclass
class World:
    """What all trainings share."""

    llm: FrozenLLM
    questions: list[Question]
    vectors: np.ndarray
    make_encoder: Callable[[], nn.Module]
    batch_size: int


@dataclass
class StepTimes:
    """When steps ended, and how long their parts took, in seconds."""

    ends: list[float] = field(default_factory=list)
    parts: dict[str, float] = field(default_factory=dict)

    def add(self, part: str, seconds: float) -> None:
        """Count a part's seconds."""
        self.parts[part] = self.parts.get(part, 0.0) + seconds

    def seconds_per_step(self) -> list[float]:
        """Return the seconds of each step that counts."""
        return np.diff(self.ends[NUM_WARM - 1 :]).tolist()


def now() -> float:
    """Return the time when all that was asked of the device is done."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter()


@contextmanager
def time_steps() -> Iterator[StepTimes]:
    """Note the end of every optimizer's step, and what the optimizer takes of it."""
    times, began = StepTimes(), [0.0]

    def before(*_: Any) -> None:
        began[0] = now()

    def after(*_: Any) -> None:
        times.ends.append(now())
        times.add("optimizer", times.ends[-1] - began[0])

    hooks = [register_optimizer_step_pre_hook(before), register_optimizer_step_post_hook(after)]
    try:
        yield times
    finally:
        for hook in hooks:
            hook.remove()


def time_forward(module: nn.Module, name: str, times: StepTimes) -> None:
    """Add up what the module's forward takes."""
    began: list[float] = []
    module.register_forward_pre_hook(lambda *_: began.append(now()))

    def after(*_: Any) -> None:
        times.add(name, now() - began.pop())

    module.register_forward_hook(after)


def build_ours(world: World) -> tuple[PersonaLLM, PersonaCollator]:
    """Build our model and its collator."""
    torch.manual_seed(0)
    dim = world.vectors.shape[1]
    llm = world.llm
    card = EmbedderCard(
        aggregation=Aggregation.ATTENTION,
        embedder=EMBEDDER,
        encoder=EncoderConfig(name="random"),
        encoder_weights_sha256="",
        encoder_fingerprint="",
        encoder_dim=dim,
        llm_dim=llm.embedding_dim,
        llm_hash="",
        llm_weights_sha256="",
        scale=llm.token_norm,
    )
    encoder: Any = world.make_encoder()
    embedder = UserEmbedder(EMBEDDER, card.aggregation, encoder, dim, card.llm_dim, card.scale)
    for name, parameter in embedder.named_parameters():
        parameter.requires_grad_(is_trained(name, EMBEDDER))
    return PersonaLLM(llm, embedder), PersonaCollator(llm, llm.tokenizer, card, 256)


def list_examples(world: World) -> TrainingExamples:
    """Return the questions as our training reads them."""
    texts = [question.text for question in world.questions]
    examples = Examples(
        prompts=texts,
        payloads=texts,
        histories=[question.history for question in world.questions],
        answers=[question.answer for question in world.questions],
        vectors=world.vectors,
    )
    return TrainingExamples(examples, TrainingConfig(), EMBEDDER.max_history_items, 0)


def train_ours(world: World) -> StepTimes:
    """Train for one pass over the questions."""
    model, collate = build_ours(world)
    embedder = model.embedder
    assert embedder is not None
    with time_steps() as times:
        time_forward(embedder.input_encoder, "input encoder, forward", times)
        time_forward(embedder.aggregator, "attention and projector, forward", times)
        time_forward(embedder.projector, "attention and projector, forward", times)
        time_forward(model.llm_model, "LLM, forward", times)

        def collate_timed(examples: Any) -> dict[str, Tensor]:
            began = now()
            batch = collate(examples)
            times.add("data", now() - began)
            return batch

        lengths = [len(question.text) for question in world.questions]
        inputs = FitInputs(list_examples(world), None, collate_timed, lengths)
        recipe = FitConfig(
            num_epochs=1.0,
            batch_size=world.batch_size,
            learning_rate=1e-4,
            encoder_learning_rate=1e-4,
        )
        fit(model, inputs, recipe, 0, ("embedder.input_encoder",))
    return times


def train_reference(world: World, pads_all: bool, num_steps: int) -> StepTimes:
    """Train a reference for some steps with Trainer as it comes."""
    torch.manual_seed(0)
    llm = world.llm
    llm.model.eval()
    model = ReferencePPlug(llm, world.make_encoder(), world.vectors.shape[1], EMBEDDER.hidden_dim)
    with tempfile.TemporaryDirectory() as directory, time_steps() as times:
        arguments = transformers.TrainingArguments(
            output_dir=directory,
            per_device_train_batch_size=world.batch_size,
            max_steps=num_steps,
            learning_rate=1e-4,
            weight_decay=1e-4,
            report_to=[],
            save_strategy="no",
            logging_strategy="no",
            remove_unused_columns=False,
            use_cpu=not torch.cuda.is_available(),
            bf16=uses_bfloat16("auto"),
            disable_tqdm=True,
        )
        collate: Any = ReferenceCollator(llm, world.vectors, pads_all)
        trainer = transformers.Trainer(model, arguments, collate, Copies(world.questions))
        trainer.remove_callback(transformers.PrinterCallback)
        trainer.train()
    return times


def split_time(times: StepTimes, total: float) -> dict[str, float]:
    """Return the shares of our steps' time; what is left is the backward pass."""
    shares = {name: seconds / total for name, seconds in times.parts.items()}
    shares["backward and all else"] = 1 - sum(shares.values())
    return {name: round(share, 3) for name, share in shares.items()}


def count_kept(run: Callable[[], Any]) -> int:
    """Return the bytes of the distinct tensors that a forward keeps for its backward."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        held = run()
    del held
    return sum(kept.values())


def _project(embedder: UserEmbedder, weigh: Callable[[], tuple[Tensor, Tensor]]) -> Tensor:
    persona: Tensor = embedder.projector(*weigh())
    return persona


def measure_history_memory(world: World) -> float:
    """Return the most bytes that a step holds of histories, ours by the authors' recipe.

    Counted are the batch's vectors and mask, and what attention and projector keep for the backward
    pass, their weights left out as both hold them.
    """
    model, collate = build_ours(world)
    embedder = model.embedder
    assert embedder is not None
    examples, size, dim = list_examples(world), world.batch_size, world.vectors.shape[1]
    input_BE = torch.nn.functional.normalize(torch.randn(size, dim), dim=-1).requires_grad_()
    ours = 0
    for at in range(0, len(examples) - size + 1, size):
        batch = collate([examples[row] for row in range(at, at + size)])
        history, mask = batch["history"], batch["history_mask"]
        weighed = partial(embedder.aggregator, input_BE, history, mask)
        kept = count_kept(partial(_project, embedder, weighed))
        ours = max(ours, kept + history.nbytes + mask.nbytes)
    torch.manual_seed(0)
    paper = ReferencePPlug(world.llm, nn.Identity(), dim, EMBEDDER.hidden_dim)
    copies = Copies(world.questions[:size])
    collate_paper = ReferenceCollator(world.llm, world.vectors, True)
    batch = collate_paper([copies[row] for row in range(size)])
    history, mask = batch["history"], batch["history_mask"]
    kept = count_kept(partial(paper.embed, input_BE, history, mask))
    weights = [sum(p.nbytes for p in m.parameters()) for m in (embedder.projector, paper.projector)]
    return (ours - weights[0]) / (kept + history.nbytes + mask.nbytes - weights[1])


def count_operations(world: World) -> dict[str, float]:
    """Return the operations that a question asks for, padding left out, and its LLM tokens.

    A frozen weight takes four operations a token (forward, and the gradient of its input), a
    trained one six.
    """
    model, collate = build_ours(world)
    llm, embedder = model.llm_model, model.embedder
    assert embedder is not None
    examples = list_examples(world)
    batch = collate([examples[row] for row in range(min(256, len(examples)))])
    size = len(batch["labels"])
    table = llm.get_input_embeddings().weight
    weights = {id(p): p.numel() for p in llm.parameters() if p is not table}
    num_read = float(batch["llm_attention_mask"].sum()) / size + 2
    num_said = float(batch["labels"].ne(IGNORE_INDEX).sum()) / size
    if world.llm.is_encoder_decoder:
        reader = {id(p): p.numel() for p in llm.get_encoder().parameters() if p is not table}
        read = sum(reader.values())
        asked = 4 * (read * num_read + (sum(weights.values()) - read) * num_said)
    else:
        asked = 4 * sum(weights.values()) * num_read
    encoder = [p for n, p in embedder.input_encoder.named_parameters() if p.requires_grad]
    inputs = 6 * sum(p.numel() for p in encoder) * float(batch["attention_mask"].sum()) / size
    items = float(batch["history_mask"].sum()) / size + 1
    projector = 6 * (embedder.projector.first.weight.numel() * items)
    projector += 6 * embedder.projector.second.weight.numel()
    return {
        "LLM": asked,
        "input encoder": inputs,
        "projector": projector,
        "LLM tokens": num_read + (num_said if world.llm.is_encoder_decoder else 0),
    }


def find_peak() -> float | None:
    """Return the device's peak rate in operations a second; None where it is not known."""
    if not torch.cuda.is_available():
        return None
    name = torch.cuda.get_device_name()
    return next((1e12 * peak for model, peak in PEAK_TERAFLOPS.items() if model in name), None)


def measure(world: World, num_rounds: int, num_paper_steps: int) -> dict[str, Any]:
    """Time the three trainings in turns, and put the figures together."""
    ours: list[float] = []
    good: list[float] = []
    paper: list[float] = []
    parts, total = StepTimes(), 0.0
    num_steps = len(world.questions) // world.batch_size
    for _ in range(num_rounds):
        times = train_ours(world)
        ours += times.seconds_per_step()
        total += times.ends[-1] - times.ends[0]
        for name, seconds in times.parts.items():
            parts.add(name, seconds * (1 - 1 / num_steps))
        good += train_reference(world, False, num_steps).seconds_per_step()
        paper += train_reference(world, True, NUM_WARM + num_paper_steps).seconds_per_step()
    # Batches of like length differ from one another: ours is a mean over a whole pass.
    ours_mean, good_mean = statistics.mean(ours), statistics.mean(good)
    paper_median = statistics.median(paper)
    operations = count_operations(world)
    needed = sum(v for name, v in operations.items() if name != "LLM tokens")
    per_question = ours_mean / world.batch_size
    peak = find_peak()
    return {
        "speedup_vs_paper_recipe": round(paper_median / ours_mean, 2),
        "speedup_vs_good_trainer": round(good_mean / ours_mean, 2),
        "history_memory_ratio": round(measure_history_memory(world), 4),
        "split": split_time(parts, total),
        "seconds_per_question": {
            name: round(seconds / world.batch_size, 5)
            for name, seconds in (("ours", ours_mean), ("good", good_mean), ("paper", paper_median))
        },
        "operations_per_question": {name: round(v) for name, v in operations.items()},
        "llm_tokens_per_second": round(operations["LLM tokens"] / per_question),
        "teraflops": round(needed / per_question / 1e12, 4),
        "share_of_peak": None if peak is None else round(needed / per_question / peak, 3),
    }


def build_world(histories: Path | None, shape: str, batch_size: int, num_questions: int) -> World:
    """Read or invent the histories, and make the LLM."""
    users = read_events(histories) if histories else invent_events()
    questions, num_items = list_questions(users, num_questions)
    tokenizer = make_tokenizer([text for events in users.values() for text, _ in events])
    sizes = SHAPES[shape]
    vectors = draw_vectors(num_items, sizes.encoder["hidden_size"])
    llm = make_llm(sizes, tokenizer)
    return World(llm, questions, vectors, lambda: MeanPooled(sizes.encoder), batch_size)


def parse_arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the command's settings."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--histories", type=Path, help="critics' reviews (.jsonl.gz)")
    parser.add_argument("--shape", choices=SHAPES, default="quickstart", help="the models' sizes")
    parser.add_argument("--batch-size", type=int, default=16, help="questions a step")
    parser.add_argument("--questions", type=int, default=800, help="questions a pass")
    parser.add_argument("--rounds", type=int, default=2, help="turns of the three trainings")
    parser.add_argument("--paper-steps", type=int, default=3, help="steps of the authors' recipe")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    return parser.parse_args(given)


def main() -> None:
    """Run the benchmark."""
    given = parse_arguments()
    transformers.logging.set_verbosity_error()
    world = build_world(given.histories, given.shape, given.batch_size, given.questions)
    result = measure(world, given.rounds, given.paper_steps)
    result |= {
        "shape": given.shape,
        "histories": given.histories.name if given.histories else "invented",
        "batch_size": given.batch_size,
        "questions": len(world.questions),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "threads": torch.get_num_threads(),
    }
    print(json.dumps(result) if given.json else json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
