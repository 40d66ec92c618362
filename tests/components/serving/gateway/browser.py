"""A page in headless Chromium, driven as a person does: by keys, over DevTools' own protocol."""

import base64
import json
import subprocess
from contextlib import contextmanager
from itertools import count
from time import monotonic, sleep
from urllib.request import urlopen

from websockets.sync.client import connect

TIMEOUT_SECONDS = 30
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0")
KEYS = {"Tab": (9, ""), "Enter": (13, "\r")}


class Page:
    """One open page."""

    def __init__(self, socket):
        self._socket = socket
        self._numbers = count(1)

    def send(self, method, **given):
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": given}))
        while True:
            answer = json.loads(self._socket.recv(timeout=TIMEOUT_SECONDS))
            if answer.get("id") == number:
                assert "error" not in answer, answer
                return answer["result"]

    def look(self, expression):
        """Return what a JavaScript expression is."""
        result = self.send("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def wait_for(self, expression):
        ends = monotonic() + TIMEOUT_SECONDS
        while not (found := self.look(expression)):
            assert monotonic() < ends, f"{expression}: {self.look('document.body.innerText')}"
            sleep(0.05)
        return found

    def press(self, key, ctrl=False):
        code, text = KEYS[key]
        pressed = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 2 if ctrl else 0}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **pressed)
        self.send("Input.dispatchKeyEvent", type="keyUp", **pressed)

    def write(self, text):
        self.send("Input.insertText", text=text)

    def picture(self, path, width=1100, height=900):
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot")["data"]))


@contextmanager
def open_page(binary, address, folder):
    """Open a page in a browser of its own; its files lie in a folder."""
    command = [binary, *OPTIONS, f"--user-data-dir={folder}", "about:blank"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    browser = subprocess.Popen(command, **quiet)
    try:
        told, ends = folder / "DevToolsActivePort", monotonic() + TIMEOUT_SECONDS
        while not (told.exists() and "\n" in told.read_text()):
            assert browser.poll() is None
            assert monotonic() < ends
            sleep(0.05)
        port = told.read_text().split()[0]
        with urlopen(f"http://127.0.0.1:{port}/json") as pages:
            [page] = [page for page in json.load(pages) if page["type"] == "page"]
        with connect(page["webSocketDebuggerUrl"], max_size=None) as socket:
            opened = Page(socket)
            opened.send("Page.navigate", url=address)
            opened.wait_for("document.readyState === 'complete' && location.href !== 'about:blank'")
            yield opened
    finally:
        browser.terminate()
        browser.wait(TIMEOUT_SECONDS)
