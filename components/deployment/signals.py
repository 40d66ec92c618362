"""What ends a process, for a while: an exception, by which a deployment takes back what it did.

Kubernetes ends pods by SIGTERM, a closed terminal sends SIGHUP, ctrl-C SIGINT. Signals come to the
main thread only, and nobody else can set what they do: in another thread nothing changes.

A second ctrl-C is a person who doesn't want to wait, and ends the process. Other signals come twice
by themselves: a session that ends sends SIGTERM and SIGHUP, `timeout` its own to the group too.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interruption(BaseException):
    """The process is told to end; no `Exception`, so that no library takes it for its own."""


class _Handler:
    """Notes what comes, may raise once, and gives way to a second ctrl-C."""

    def __init__(self, raises: bool) -> None:
        self.raises = raises
        self.came: list[int] = []

    def __call__(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT and number in self.came:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.came.append(number)
        if self.raises:
            self.raises = False
            raise interruption_of(number)


def interruption_of(number: int) -> Interruption:
    """Return the exception of a signal."""
    return Interruption(f"the deployment was told to end by {signal.Signals(number).name}")


@contextmanager
def hold_signals() -> Iterator[None]:
    """Let the signals that end a process wait for the end of the block."""
    with _handle_by(_Handler(raises=False)):
        yield


@contextmanager
def raise_signals() -> Iterator[None]:
    """Let the first such signal raise within the block; the next ones wait for its end.

    One that waits already raises at once. Whoever handled signals before gets them afterwards.

    Raises:
        Interruption: Wherever the block is at that moment.
    """
    for number in ENDING:
        handler = signal.getsignal(number)
        if isinstance(handler, _Handler) and handler.came:
            raise interruption_of(handler.came[0])
    with _handle_by(_Handler(raises=True)):
        yield


@contextmanager
def _handle_by(handler: _Handler) -> Iterator[None]:
    if current_thread() is not main_thread():
        yield
        return
    before = {
        number: signal.getsignal(number)
        for number in ENDING
        if signal.getsignal(number) != signal.SIG_IGN  # of nohup, say
    }
    try:
        try:
            for number in before:
                signal.signal(number, handler)
            yield
        finally:
            handler.raises = False
    finally:  # also if it has raised in between
        for number, earlier in before.items():
            signal.signal(number, earlier)
        if handler.came:
            signal.raise_signal(handler.came[0])
