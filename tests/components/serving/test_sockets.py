"""A listening socket goes from one server to the next, with all that wait at it."""

import socket
import time

import pytest

from benchmarks.gateway_process import find_port
from components.serving.sockets import open_sockets, take_over


def test_who_comes_after_answers_whoever_waits(tmp_path):
    place = tmp_path / ("long" * 30) / "handover"  # a Unix socket's path may have 107 bytes
    place.parent.mkdir()
    port = find_port()
    first, own = open_sockets("127.0.0.1", port, find_port(), place, None)
    assert place.stat().st_mode & 0o077 == 0
    handed = take_over(place)
    waiting = socket.create_connection(("127.0.0.1", port))  # nobody has accepted it yet
    first.close()
    second, other = open_sockets("127.0.0.1", port, find_port(), None, handed.detach())
    accepted, _ = second.accept()
    accepted.sendall(b"hi")
    assert waiting.recv(2) == b"hi"
    for one in (own, other, second, accepted, waiting):
        one.close()


def test_where_nobody_hands_on_there_is_nothing_to_take(tmp_path):
    assert take_over(tmp_path / "nobody") is None
    place = tmp_path / "ended"
    first, own = open_sockets("127.0.0.1", find_port(), find_port(), place, None)
    first.close()
    own.close()
    time.sleep(0.05)
    assert take_over(place) is None


def test_by_default_a_server_opens_its_port_itself(tmp_path):
    assert open_sockets("127.0.0.1", 1, None, None, None) is None


def test_a_port_that_is_taken_is_an_error(tmp_path):
    taken = socket.create_server(("127.0.0.1", 0))
    with taken, pytest.raises(OSError, match="already in use"):
        open_sockets("127.0.0.1", taken.getsockname()[1], find_port(), None, None)
