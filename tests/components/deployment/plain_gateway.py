"""A gateway without a model: it stores items, and answers with the newest one's label.

Started as `python -m components.serving` where a test has put it there. What a version does is in
the settings: {"2": "crash"}; wrong: other answers, slow: starts late, forgetful: stores nothing.
"""

import argparse
import json
import os
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from components.serving.sockets import open_sockets


class PlainGateway:
    """Answers for a version.

    Args:
        model: The registered model.
        version: Its version.
        key: That callers need.
        does: What is wrong with it, if anything is.
    """

    def __init__(self, model, version, key, does=""):
        self.model, self.version, self.key, self.does = model, version, key, does
        self.items, self.num_put_off = {}, 0

    def answer(self, method, path, body, key):
        """Return status and content."""
        if path == "/readyz":
            return 200, {"status": "ready", "model": self.model, "model_version": self.version}
        if key != self.key:
            return 401, {"error": {"code": "invalid_api_key", "message": "unknown key"}}
        if path == "/v1/completions":
            return self.complete(body)
        stored = self.items.setdefault(path.split("/")[3], {})
        if method == "POST" and self.does != "forgetful":
            if stored.keys() & {item["id"] for item in body["items"]}:
                return 409, {"error": {"code": "item_exists", "message": "there is such an item"}}
            stored.update({item["id"]: item["label"] for item in body["items"]})
        return 200, {"items": [{"id": name} for name in stored]}

    def complete(self, body):
        if self.num_put_off:
            self.num_put_off -= 1
            return 429, {"error": {"code": "engine_busy", "message": "come again"}}
        labels = list(self.items.get(body["user"], {}).values())
        text = labels[-1] if labels else "comedy"
        return 200, {"choices": [{"text": "odd" if self.does == "wrong" else text}],
                     "model_version": self.version}  # fmt: skip


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def make_server(gateway, sock=None):
    """Return an HTTP server, on a socket that listens already or a free port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            key = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
            status, content = gateway.answer(
                self.command, self.path, json.loads(body) if body else None, key
            )
            sent = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(sent)))
            if status == 429:
                self.send_header("Retry-After", "0")
            self.end_headers()
            self.wfile.write(sent)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    server = Server(("127.0.0.1", 0), Handler, bind_and_activate=sock is None)
    if sock is not None:
        server.socket.close()
        server.socket = sock
    return server


def main():
    """Serve a version until the process is told to end."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # else whichever thread gets it dies
    parser = argparse.ArgumentParser()
    names = ("model", "settings", "scratch", "port", "own-port", "drain-seconds", "handover")
    for name in names:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--handed", type=int)
    given = parser.parse_args()
    _, model, version = given.model.split("/")
    does = json.loads(Path(given.settings).read_text())
    trouble = does.get(version, "")
    if trouble == "crash":
        sys.exit("out of memory, say")
    if trouble == "slow":
        time.sleep(30)
    gateway = PlainGateway(model, version, os.environ["PERSONA_PLUG_GOLDEN_KEY"], trouble)
    ports = int(given.port), int(given.own_port)
    sockets = open_sockets("127.0.0.1", *ports, Path(given.handover), given.handed)
    servers = [make_server(gateway, sock) for sock in sockets]
    for server in servers:
        server.socket.setblocking(False)  # another process may have been faster
        server.daemon_threads = False
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    signal.sigwait({signal.SIGTERM})
    for server in servers:
        server.shutdown()
        server.server_close()  # when what was begun is answered


if __name__ == "__main__":
    main()
