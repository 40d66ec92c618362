"""Sockets of a server that takes over from another one on the same port."""

import socket

BACKLOG = 2048
"""Most connections that wait, as uvicorn has it."""


def open_sockets(host: str, port: int, own_port: int | None) -> list[socket.socket] | None:
    """Return what a server listens on; None: it opens `port` by itself and shares it with nobody.

    Processes of one user share a port where all of them say so (SO_REUSEPORT): the kernel gives
    each new connection to one of them, and when the older one has ended, all to the younger.

    Args:
        host: Where `port` is opened.
        port: The one that clients know, shared.
        own_port: Of this process alone, by which it can be asked beside another one.

    Raises:
        OSError: If one of them is taken.
    """
    if own_port is None:
        return None
    own = socket.create_server(("127.0.0.1", own_port), backlog=BACKLOG)
    return [socket.create_server((host, port), backlog=BACKLOG, reuse_port=True), own]
