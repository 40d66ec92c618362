"""The fit: epochs reach the examples, the curve is whole, and a seed gives the same weights."""

import pytest
import torch
from torch import nn
from transformers import Trainer, TrainingArguments

from components.optimization.config import FitConfig
from components.optimization.fit import FitInputs, FitRecord, fit, read_curve
from components.optimization.guard import DivergedError
from components.optimization.parameters import group_parameters

CONFIG = FitConfig(num_epochs=2, batch_size=4, learning_rate=0.1, encoder_learning_rate=0.01)


class Line(nn.Module):
    """y = head(body(x)), with one parameter that nobody may touch."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(2, 2), nn.Linear(2, 1)
        self.frozen = nn.Parameter(torch.ones(3), requires_grad=False)

    def forward(self, x, labels, **_):
        return {"loss": ((self.head(self.body(x))[:, 0] - labels) ** 2).mean()}


class Points:
    """Twelve points on a plane that remember who asked for them."""

    def __init__(self, size=12):
        self.epoch, self.size, self.asked = -1, size, []

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        self.asked.append((self.epoch, index))
        x = torch.tensor([index / 12, (index % 3) / 3])
        return x, 2 * x[0] - x[1]


def collate(pairs):
    xs, ys = zip(*pairs, strict=True)
    return {"x": torch.stack(xs), "labels": torch.stack(ys)}


def fit_line(seed=0, config=CONFIG, prefixes=(), dev=None):
    torch.manual_seed(0)
    line, points = Line(), Points()
    curve = fit(line, FitInputs(points, dev, collate), config, seed, prefixes)
    return line, points, curve


def test_every_epoch_shows_every_example_once_and_knows_its_number():
    _, points, _ = fit_line()
    assert sorted(points.asked) == [(epoch, index) for epoch in (0, 1) for index in range(12)]
    order = [[index for at, index in points.asked if at == epoch] for epoch in (0, 1)]
    assert order[0] != order[1]


def test_the_curve_holds_losses_of_train_and_dev():
    long = CONFIG.model_copy(update={"num_epochs": 20.0, "num_log_points": 10})
    _, _, curve = fit_line(config=long, dev=Points(6))
    losses = [point["loss"] for point in curve if "loss" in point]
    dev = [(point["step"], point["dev_loss"]) for point in curve if "dev_loss" in point]
    assert len(losses) == 10
    assert losses[-1] < losses[0]
    assert [step for step, _ in dev] == [12, 24, 36, 48, 60]  # sixty steps of four
    assert dev[-1][1] < dev[0][1]
    assert curve[-1]["epoch"] == 20
    assert all("epoch" in point for point in curve)


def test_the_dev_loss_is_that_of_the_fitted_model():
    line, _, curve = fit_line(config=CONFIG.model_copy(update={"num_epochs": 5.0}), dev=Points(6))
    with torch.no_grad():
        expected = float(line(**collate([Points()[index] for index in range(6)]))["loss"])
    assert [p["dev_loss"] for p in curve if "dev_loss" in p][-1] == pytest.approx(
        expected, rel=1e-4
    )


def test_a_seed_gives_the_same_weights_and_another_seed_others():
    first, again, other = (fit_line(seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["head.weight"], other["head.weight"])


def test_frozen_parameters_stay_and_pretrained_ones_move_at_their_own_rate():
    torch.manual_seed(0)
    before = Line().state_dict()
    still = CONFIG.model_copy(update={"encoder_learning_rate": 0.0})
    after = fit_line(config=still, prefixes=("body",))[0].state_dict()
    assert torch.equal(after["frozen"], before["frozen"])
    assert torch.equal(after["body.weight"], before["body.weight"])
    assert not torch.equal(after["head.weight"], before["head.weight"])


def test_groups_hold_each_trainable_parameter_once():
    line = Line()
    new, pretrained = group_parameters(line, CONFIG, ("body",))
    assert (new["lr"], pretrained["lr"]) == (0.1, 0.01)
    assert {id(p) for p in new["params"]} == {id(line.head.weight), id(line.head.bias)}
    assert {id(p) for p in pretrained["params"]} == {id(line.body.weight), id(line.body.bias)}
    [everything] = group_parameters(line, CONFIG, ())
    assert len(everything["params"]) == 4


def test_nothing_to_train_on_is_an_error():
    with pytest.raises(ValueError, match="no training questions"):
        fit(Line(), FitInputs(Points(0), None, collate), CONFIG, 0)


def test_a_loss_that_is_no_number_is_an_error():
    log = [
        {"loss": 1.0, "grad_norm": 2.0, "step": 1, "epoch": 0.5},
        {"eval_loss": 3.0, "eval_runtime": 1.0, "step": 1, "epoch": 0.5},
        {"train_runtime": 9.0, "step": 2, "epoch": 1.0},
    ]
    assert read_curve(log) == [
        {"step": 1, "epoch": 0.5, "loss": 1.0, "grad_norm": 2.0},
        {"step": 1, "epoch": 0.5, "dev_loss": 3.0},
    ]
    with pytest.raises(ValueError, match="diverged at step 3"):
        read_curve([*log, {"loss": float("nan"), "step": 3, "epoch": 1.0}])


def test_a_fit_that_diverges_says_so():
    def collate_nan(pairs):
        batch = collate(pairs)
        return {**batch, "labels": batch["labels"] * float("nan")}

    with pytest.raises(ValueError, match="diverged"):
        fit(Line(), FitInputs(Points(), None, collate_nan), CONFIG, 0)


SHORT_AND_LONG = [10, 90] * 32


class ForgetfulLine(Line):
    """A line that draws random numbers while it learns."""

    def forward(self, x, labels, **_):
        return super().forward(nn.functional.dropout(x, 0.1, self.training), labels)


def read_epochs(lengths, seed=0, size=64, model=Line, dev=None):
    """Fit for two epochs and return the order of the questions in each."""
    points = Points(size)
    torch.manual_seed(0)
    fit(model(), FitInputs(points, dev, collate, lengths), CONFIG, seed)
    return [[index for at, index in points.asked if at == epoch] for epoch in (0, 1)]


def count_mixed_steps(order):
    steps = [{SHORT_AND_LONG[row] for row in order[at : at + 4]} for at in range(0, len(order), 4)]
    return sum(len(lengths) > 1 for lengths in steps)


def test_steps_read_questions_of_like_length():
    """A quarter of the questions is sorted at a time, and turns from long to short in one step."""
    assert all(count_mixed_steps(order) <= 4 for order in read_epochs(SHORT_AND_LONG))
    assert all(count_mixed_steps(order) > 8 for order in read_epochs(None))


@pytest.mark.parametrize("size", [1, 3, 13, 64])
def test_every_question_is_read_once_an_epoch_whatever_the_lengths(size):
    epochs = read_epochs(SHORT_AND_LONG[:size], size=size)
    assert [sorted(order) for order in epochs] == [list(range(size))] * 2


@pytest.mark.parametrize("lengths", [None, SHORT_AND_LONG])
def test_the_order_is_the_seeds_and_another_in_each_epoch(lengths):
    first, second = epochs = read_epochs(lengths)
    assert first != second
    assert read_epochs(lengths) == epochs
    assert read_epochs(lengths, seed=1) != epochs


@pytest.mark.parametrize("lengths", [None, SHORT_AND_LONG])
def test_the_order_does_not_hang_on_model_or_dev_questions(lengths):
    """All trained arms are to read the same questions at the same steps."""
    epochs = read_epochs(lengths)
    assert read_epochs(lengths, model=ForgetfulLine) == epochs
    assert read_epochs(lengths, dev=Points(6)) == epochs


def test_without_lengths_the_first_order_is_trainers_own(tmp_path):
    """Later epochs' are not: they are to be had without going through the earlier ones."""
    points = Points(64)
    arguments = TrainingArguments(
        output_dir=tmp_path,
        per_device_train_batch_size=4,
        num_train_epochs=1,
        remove_unused_columns=False,
        report_to=[],
        save_strategy="no",
        use_cpu=True,
        seed=3,
    )
    Trainer(Line(), arguments, collate, points).train()
    assert read_epochs(None, seed=3)[0] == [index for _, index in points.asked]


def test_a_loss_that_is_no_number_stops_at_its_step_and_names_the_questions():
    seen = []

    def collate_late_nan(pairs):
        seen.append(len(pairs))
        batch = collate(pairs)
        return {**batch, "labels": batch["labels"] * (float("nan") if len(seen) == 3 else 1)}

    points = Points()
    inputs = FitInputs(points, None, collate_late_nan, ids=[f"q{row}" for row in range(12)])
    with pytest.raises(DivergedError) as caught:
        fit(Line(), inputs, CONFIG, 0)
    third = ", ".join(f"q{index}" for _, index in points.asked[8:12])
    assert str(caught.value) == (
        f"training diverged at step 3: the loss is nan; {third}; no checkpoint was saved"
    )


def test_a_loss_that_explodes_stops():
    steep = CONFIG.model_copy(update={"num_epochs": 20.0, "max_loss_ratio": 1.5})

    seen = []

    def collate_far(pairs):
        seen.append(pairs)
        batch = collate(pairs)
        return {**batch, "labels": batch["labels"] + (100.0 if len(seen) == 25 else 0.0)}

    with pytest.raises(DivergedError, match=r"at step 25: the loss is .* over 1\.5 times"):
        fit(Line(), FitInputs(Points(), None, collate_far), steep, 0)


def collate_uneven(pairs):
    """Labels of which a part's first half does not count: parts of a step count differently."""
    batch = collate(pairs)
    labels = batch["labels"].clone()
    labels[batch["x"][:, 1] < 0.3] = -100.0
    return {**batch, "labels": labels}


class CountingLine(Line):
    """A line whose loss is a mean over the labels that count, as a language model's is."""

    def forward(self, x, labels, **_):
        error = (self.head(self.body(x))[:, 0] - labels) ** 2
        counts = labels.ne(-100)
        return {"loss": (error * counts).sum() / counts.sum().clamp(min=1)}


def test_parts_of_a_step_are_the_step():
    def run(num_accumulated):
        torch.manual_seed(0)
        line = CountingLine()
        config = CONFIG.model_copy(
            update={"num_accumulated": num_accumulated, "learning_rate": 1e-3}
        )
        curve = fit(line, FitInputs(Points(), None, collate_uneven), config, 0)
        return line.state_dict(), [point["loss"] for point in curve]

    (whole, losses), (parts, losses_of_parts) = run(1), run(2)
    for name, weight in whole.items():
        torch.testing.assert_close(parts[name], weight, rtol=1e-3, atol=1e-5)
    assert losses_of_parts == pytest.approx(losses, rel=1e-4)


def test_a_batch_that_its_parts_do_not_divide_is_refused():
    config = CONFIG.model_copy(update={"num_accumulated": 3})
    with pytest.raises(ValueError, match="batch_size is 4, which 3 parts"):
        fit(Line(), FitInputs(Points(), None, collate), config, 0)


def test_a_fit_ends_where_patience_does_and_keeps_the_best_weights():
    class Worsening(Points):
        """Dev points far above all others: a line that is fitted to these moves away."""

        def __getitem__(self, index):
            return super().__getitem__(index)[0], torch.tensor(10.0)

    long = CONFIG.model_copy(
        update={"num_epochs": 20.0, "early_stopping_patience": 2, "keeps_best": True}
    )
    line, _, curve = fit_line(config=long, dev=Worsening(6))
    dev = [point["dev_loss"] for point in curve if "dev_loss" in point]
    assert len(dev) == 3  # the first is the best, two are worse
    assert dev[0] == min(dev)
    with torch.no_grad():
        kept = float(line(**collate([Worsening()[index] for index in range(6)]))["loss"])
    assert kept == pytest.approx(dev[0], rel=1e-5)


def test_figures_are_told_while_it_runs():
    told = []
    record = FitRecord(log_metrics=lambda figures, step: told.append((step, figures)))
    fit(Line(), FitInputs(Points(), Points(6), collate), CONFIG, 0, record=record)
    steps = [step for step, figures in told if "loss" in figures]
    assert steps == [1, 2, 3, 4, 5, 6]
    assert set(told[0][1]) >= {
        "loss",
        "learning_rate",
        "grad_norm",
        "examples_per_second",
        "memory_bytes",
    }
    assert [set(figures) for _, figures in told if "dev_loss" in figures] == [{"dev_loss"}] * 3


@pytest.mark.parametrize("batch_size", [6, 12])
def test_the_dev_loss_is_a_mean_over_all_labels_however_they_are_batched(batch_size):
    torch.manual_seed(0)
    line = CountingLine()
    config = CONFIG.model_copy(
        update={"learning_rate": 1e-12, "weight_decay": 0.0, "batch_size": batch_size}
    )
    dev = Points(17)
    curve = fit(line, FitInputs(Points(), dev, collate_uneven), config, 0)
    with torch.no_grad():
        whole = float(line(**collate_uneven([dev[row] for row in range(17)]))["loss"])
    assert curve[-1]["dev_loss"] == pytest.approx(whole, rel=1e-5)
