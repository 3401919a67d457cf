"""A headless Chromium driven over its DevTools protocol: real pointer and key events, and what the page then says."""

import asyncio
import base64
import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tornado.websocket import websocket_connect

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


def find_chromium():
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Browser:
    """One page of a headless Chromium that reaches no network."""

    def __init__(self, executable, *, width=1280, height=1000):
        self._home = tempfile.TemporaryDirectory()
        options = [
            "--headless=new",
            "--no-sandbox",
            "--enable-unsafe-swiftshader",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
            "--remote-debugging-port=0",
            f"--user-data-dir={self._home.name}",
            f"--window-size={width},{height}",
        ]
        self._process = subprocess.Popen(
            [executable, *options, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._loop = asyncio.new_event_loop()
        self._number = 0
        self.requests = []
        self.faults = []
        self._loop.run_until_complete(self._connect())
        for domain in ("Page", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    async def _connect(self):
        port, path = self._address()
        browser = await websocket_connect(f"ws://127.0.0.1:{port}{path}", max_message_size=2**28)
        await browser.write_message(json.dumps({"id": 0, "method": "Target.getTargets"}))
        while "result" not in (answer := json.loads(await browser.read_message())):
            pass
        page = next(target for target in answer["result"]["targetInfos"] if target["type"] == "page")
        browser.close()
        self._socket = await websocket_connect(
            f"ws://127.0.0.1:{port}/devtools/page/{page['targetId']}", max_message_size=2**28
        )

    def _address(self):
        file = Path(self._home.name) / "DevToolsActivePort"
        for _ in range(300):
            if file.exists() and len(lines := file.read_text().split()) == 2:
                return lines
            time.sleep(0.1)
        raise TimeoutError("Chromium did not start")

    def call(self, method, **parameters):
        return self._loop.run_until_complete(self._call(method, parameters))

    async def _call(self, method, parameters):
        self._number += 1
        await self._socket.write_message(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(await asyncio.wait_for(self._socket.read_message(), 60))
            if answer.get("method") == "Network.requestWillBeSent":
                self.requests.append(answer["params"]["request"]["url"])
            elif answer.get("method") == "Runtime.exceptionThrown":
                self.faults.append(json.dumps(answer["params"])[:500])
            elif answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def value(self, expression):
        """What an expression gives in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait(self, expression, seconds=60):
        end = time.monotonic() + seconds
        while not self.value(expression):
            assert time.monotonic() < end, (expression, self.faults)
            time.sleep(0.1)

    def open(self, path):
        self.call("Page.navigate", url=Path(path).absolute().as_uri())
        self.wait("document.readyState === 'complete'")

    def move(self, x, y):
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key):
        code = {"Tab": 9, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code.get(key, 27))

    def scheme(self, name):
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def picture(self, path, *, whole=True):
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def pdf(self, path):
        Path(path).write_bytes(base64.b64decode(self.call("Page.printToPDF", printBackground=True)["data"]))

    def close(self):
        self._socket.close()
        self._loop.run_until_complete(asyncio.sleep(0))
        self._loop.close()
        self._process.terminate()
        self._process.wait(30)
        self._home.cleanup()
