"""A small fit as a program, for tests that kill it.

    python -m tests.components.optimization.a_fit STORE OUT SECONDS EPOCHS [FULL_AT BREAKS_AT]

It draws random numbers, evaluates, logs, takes some seconds a step, and leaves the weights and the
curve in OUT when it ends. From the step FULL_AT on no file of more than 600 bytes can be written,
as on a full disk, and at the question BREAKS_AT it breaks.
"""

import json
import resource
import signal
import sys
import time
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from components.optimization.checkpoints import Checkpoints
from components.optimization.config import CheckpointConfig, FitConfig
from components.optimization.fit import FitInputs, FitRecord, fit

CONFIG = FitConfig(
    num_epochs=2.5,
    batch_size=4,
    learning_rate=0.05,
    encoder_learning_rate=0.01,
    num_accumulated=2,
    num_log_points=7,
    keeps_best=True,
)
SIZE = 24
LENGTHS = [10, 90, 50] * 8


class Dropping(nn.Module):
    """Two layers that drop out what they read, behind weights that are frozen."""

    def __init__(self, seconds=0.0):
        super().__init__()
        torch.manual_seed(0)
        self.seconds = seconds
        self.frozen = nn.Linear(3, 8).requires_grad_(False)
        self.body, self.head = nn.Linear(8, 8), nn.Linear(8, 1)

    def forward(self, x, labels):
        time.sleep(self.seconds)
        hidden = nn.functional.dropout(self.frozen(x), 0.3, self.training).tanh()
        error = (self.head(self.body(hidden).relu())[:, 0] - labels) ** 2
        return {"loss": error.mean()}


class Dots:
    """Points whose values differ in each epoch, as histories do that lose random items."""

    def __init__(self, size=SIZE, breaks_at=None):
        self.size, self.epoch, self.asked, self.breaks_at = size, 0, 0, breaks_at

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return self.size

    def __getitem__(self, index):
        self.asked += 1
        if self.asked == self.breaks_at:
            raise InterruptedError("as a killed process")
        generator = torch.Generator().manual_seed(1000 * self.epoch + index)
        x = torch.rand(3, generator=generator)
        return x, x.sum() ** 2


def collate(pairs):
    xs, ys = zip(*pairs, strict=True)
    return {"x": torch.stack(xs), "labels": torch.stack(ys)}


def run(store, breaks_at=None, seconds=0.0, num_epochs=2.5, log_metrics=None):
    """Fit, going on from the store; returns the weights and the curve."""
    model = Dropping(seconds)
    where = CheckpointConfig(uri=str(store), every_minutes=0.0) if store else None
    checkpoints = Checkpoints(where, "key") if where else None
    inputs = FitInputs(Dots(breaks_at=breaks_at), Dots(6), collate, LENGTHS)
    record = FitRecord(checkpoints, log_metrics)
    config = CONFIG.model_copy(update={"num_epochs": num_epochs})
    curve = fit(model, inputs, config, 3, ("body",), record)
    return model.state_dict(), curve


def main():
    """Run it."""
    store, out = sys.argv[1], Path(sys.argv[2])
    seconds, num_epochs = map(float, sys.argv[3:5])
    torch.set_num_threads(1)
    full_at, breaks_at = map(int, sys.argv[5:] or (0, 0))

    def fill_disk(figures, step):
        if full_at and step >= full_at:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))

    weights, curve = run(store, breaks_at, seconds, num_epochs, fill_disk)
    save_file(weights, out / "weights.safetensors")
    (out / "curve.json").write_text(json.dumps(curve))


if __name__ == "__main__":
    main()
