"""The double's port-forward: a websocket whose binary frames carry a channel's number and bytes."""

import select
import socket
import struct

BINARY, CLOSE = 2, 8
DATA, ERROR = b"\0", b"\1"


def forward(client: socket.socket, pod_port: int, local_port: int) -> None:
    """Carry bytes between a websocket and a server of this machine, until either ends.

    Args:
        client: The websocket, after its handshake.
        pod_port: What the client thinks it talks to.
        local_port: Where the server really is.
    """
    named = struct.pack("<H", pod_port)
    for channel in (DATA, ERROR):
        client.sendall(frame(channel + named))
    with socket.create_connection(("127.0.0.1", local_port)) as server:
        while True:
            ready, _, _ = select.select([client, server], [], [])
            if server in ready:
                said = server.recv(65536)
                if not said:
                    client.sendall(frame(b"", CLOSE))
                    return
                client.sendall(frame(DATA + said))
            if client in ready:
                opcode, payload = read_frame(client)
                if opcode == CLOSE:
                    return
                server.sendall(payload[1:])


def frame(payload: bytes, opcode: int = BINARY) -> bytes:
    """Return a frame as servers send it."""
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65536:
        return head + b"\x7e" + struct.pack(">H", len(payload)) + payload
    return head + b"\x7f" + struct.pack(">Q", len(payload)) + payload


def read_frame(client: socket.socket) -> tuple[int, bytes]:
    """Return opcode and payload of a client's frame; a client that has gone closes."""
    head = read_bytes(client, 2)
    if head is None:
        return CLOSE, b""
    size = head[1] & 0x7F
    if size == 126:
        size = struct.unpack(">H", read_bytes(client, 2) or b"\0\0")[0]
    elif size == 127:
        size = struct.unpack(">Q", read_bytes(client, 8) or bytes(8))[0]
    mask = read_bytes(client, 4) or bytes(4)
    payload = read_bytes(client, size) or b""
    return head[0] & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def read_bytes(client: socket.socket, size: int) -> bytes | None:
    """Return so many bytes; None if the client has gone."""
    read = b""
    while len(read) < size:
        more = client.recv(size - len(read))
        if not more:
            return None
        read += more
    return read
