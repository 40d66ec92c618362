"""Signals that end a process raise for a while, or wait; then they come to whoever had them."""

import os
import signal
import subprocess
import sys
from threading import Thread

import pytest

from components.deployment.signals import ENDING, Interruption, hold_signals, raise_signals


def send(number):
    os.kill(os.getpid(), number)


def find_handlers():
    return [signal.getsignal(number) for number in ENDING]


@pytest.mark.parametrize("number", ENDING)
def test_the_first_raises_and_the_next_wait(signals, number):
    before = find_handlers()
    with pytest.raises(Interruption, match=f"told to end by {number.name}"), raise_signals():
        try:
            send(number)
        finally:
            send(signal.SIGTERM)  # what is taken back goes on
            send(signal.SIGHUP)
    assert signals == [number]
    assert find_handlers() == before


def test_what_waits_comes_afterwards(signals):
    before = find_handlers()
    with hold_signals():
        send(signal.SIGTERM)
        assert signals == []
    assert signals == [signal.SIGTERM]
    assert find_handlers() == before


def test_what_waits_already_raises_at_once(signals):
    begun = []
    with hold_signals():
        send(signal.SIGHUP)
        with pytest.raises(Interruption, match="SIGHUP"), raise_signals():
            begun.append(1)
    assert (begun, signals) == ([], [signal.SIGHUP])


def test_what_is_not_to_be_interrupted_raises_when_it_is_done(signals):
    done = []
    with pytest.raises(Interruption), raise_signals(), hold_signals():
        send(signal.SIGTERM)
        done.append(1)
    assert (done, signals) == ([1], [signal.SIGTERM])


def test_ctrl_c_is_ctrl_c_again(signals):
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
    with pytest.raises(KeyboardInterrupt), hold_signals():
        send(signal.SIGINT)


@pytest.mark.parametrize(
    "patient",
    [
        "with hold_signals(): send(); send(); print('goes on')",
        """
with hold_signals():
    try:
        with raise_signals(): send()
    except Interruption:
        print("takes back", flush=True)
        send()
        print("goes on")
""",
    ],
)
def test_a_second_ctrl_c_ends_the_process(patient):
    start = """
import os, signal
from components.deployment.signals import Interruption, hold_signals, raise_signals
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it
send = lambda: os.kill(os.getpid(), signal.SIGINT)
"""
    program = [sys.executable, "-c", start + patient]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGINT
    assert "goes on" not in done.stdout
    assert ("takes back" in done.stdout) == ("takes back" in patient)


def test_what_is_ignored_stays_so(signals):
    """By nohup, say."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with raise_signals():
        send(signal.SIGHUP)
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_another_thread_changes_nothing(signals):
    found, before = [], find_handlers()

    def look():
        with hold_signals(), raise_signals():
            found.extend(find_handlers())

    thread = Thread(target=look)
    thread.start()
    thread.join()
    assert found == before
