"""The listening socket of a server, which the server that comes after it goes on with.

Both processes accept from one queue of connections, which lives as long as either does: so there is
no moment, and no connection, that is nobody's. It is handed on through a Unix socket (SCM_RIGHTS),
which only its owner's processes can reach.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

BACKLOG = 2048
"""Most connections that wait, as uvicorn has it."""
OWN_HOST = "127.0.0.1"


def open_sockets(
    host: str, port: int, own_port: int | None, handover: Path | None, handed: int | None
) -> list[socket.socket] | None:
    """Return what a server listens on; None: it opens `port` by itself.

    Args:
        host: Where `port` is opened.
        port: The one that clients know.
        own_port: Of this process alone, by which it can be asked beside another one.
        handover: Where the next process gets the socket of `port`.
        handed: Descriptor of that socket, if there was a process before this one.

    Raises:
        OSError: If a port is taken.
    """
    if own_port is None:
        return None
    own = socket.create_server((OWN_HOST, own_port), backlog=BACKLOG)
    if handed is None:
        listener = socket.create_server((host, port), backlog=BACKLOG)
    else:
        listener = socket.socket(fileno=handed)
    if handover is not None:
        hand_on(listener, handover)
    return [listener, own]


def hand_on(listener: socket.socket, place: Path) -> None:
    """Give a listening socket to whoever asks at a place, from a thread, as long as it is open."""
    place.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    with shorten(place) as short:
        server.bind(short)
    place.chmod(0o600)
    server.listen()

    def serve() -> None:
        while True:
            asking, _ = server.accept()
            with asking, suppress(OSError):
                socket.send_fds(asking, [b"\0"], [listener.fileno()])

    Thread(target=serve, name="handover", daemon=True).start()


def take_over(place: Path) -> socket.socket | None:
    """Return the listening socket of the process that hands it on at a place; None if none does."""
    with socket.socket(socket.AF_UNIX) as asking, shorten(place) as short:
        try:
            asking.connect(short)
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        _, descriptors, _, _ = socket.recv_fds(asking, 1, 1)
    return socket.socket(fileno=descriptors[0]) if descriptors else None


@contextmanager
def shorten(place: Path) -> Iterator[str]:
    """Give a path by way of its opened folder: a Unix socket's may have 107 bytes only."""
    folder = os.open(place.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{place.name}"
    finally:
        os.close(folder)
