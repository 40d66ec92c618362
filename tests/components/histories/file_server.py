"""A real HTTP server of a few files, which can be told to behave badly."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class FileServer:
    """What is served, how, and what was asked."""

    files: dict[str, bytes]
    """By path, with the first slash."""
    address: str = ""
    knows_ranges: bool = True
    breaks: dict[str, list[int]] = field(default_factory=dict)
    """Bytes after which the next answers for a path break off, each once."""
    busy: dict[str, int] = field(default_factory=dict)
    """How often a path is answered by 503 first."""
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    """Paths that were asked for, each with its Range."""
    sent: Counter[str] = field(default_factory=Counter)
    """Bytes of bodies by path."""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        path, asked = handler.path, handler.headers["Range"]
        self.requests.append((path, asked))
        if path not in self.files or self.busy.get(path, 0):
            self.busy[path] = self.busy.get(path, 1) - 1
            handler.send_error(503 if path in self.files else 404)
            return
        data, start = self.files[path], 0
        if asked and self.knows_ranges:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            handler.send_response(206 if start < len(data) else 416)
            place = f"{start}-{len(data) - 1}" if start < len(data) else "*"
            handler.send_header("Content-Range", f"bytes {place}/{len(data)}")
        else:
            handler.send_response(200)
        body = data[start:]
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if breaks := self.breaks.get(path):
            body = body[: breaks.pop(0)]
            handler.close_connection = True
        handler.wfile.write(body)
        self.sent[path] += len(body)


@contextmanager
def serve(files: dict[str, bytes]) -> Iterator[FileServer]:
    """Serve files on a free port until the block ends."""
    server = FileServer(files)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        listening.daemon_threads = True
        server.address = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            listening.shutdown()
            thread.join()
