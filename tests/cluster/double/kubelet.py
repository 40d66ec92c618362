"""The double's only node: what pods do, by their image.

`run` starts the container's command as a process of this machine. A port stands for a server that
listens there. Any other image can't be pulled.
"""

import os
import subprocess
import time
from typing import Any, Literal

Object = dict[str, Any]
Image = Literal["run"] | int
START_SECONDS = 0.5
"""A container that lives so long is ready."""
NUM_CRASHES = 3


class Kubelet:
    """Starts pods and tells their status.

    Args:
        images: What is done for an image.
    """

    def __init__(self, images: dict[str, Image]) -> None:
        self.images = images
        self.logs: dict[str, str] = {}
        self.ports: dict[str, int] = {}
        self._processes: dict[str, subprocess.Popen[str]] = {}

    def start(self, pod: Object) -> Object:
        """Start a pod; returns its status."""
        [container] = pod["spec"]["containers"]
        name, image = pod["metadata"]["name"], container["image"]
        if image not in self.images:
            message = f'Back-off pulling image "{image}"'
            return tell(pod, {"waiting": {"reason": "ImagePullBackOff", "message": message}})
        done = self.images[image]
        if done != "run":
            self.ports[name] = done
            return tell(pod, {"running": {}}, is_ready=True)
        return self._run(pod, container)

    def _run(self, pod: Object, container: Object) -> Object:
        name = pod["metadata"]["name"]
        command = [*container.get("command", ()), *container.get("args", ())]
        given = {one["name"]: one.get("value", "") for one in container.get("env", ())}
        process = subprocess.Popen(
            command,
            env={**os.environ, **given},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            said, _ = process.communicate(timeout=START_SECONDS)
        except subprocess.TimeoutExpired:
            self._processes[name] = process
            return tell(pod, {"running": {}}, is_ready=True)
        self.logs[name] = said
        if pod["spec"].get("restartPolicy", "Always") == "Never":
            ended = {"exitCode": process.returncode, "reason": "Error"}
            return tell(pod, {"terminated": ended})
        reason = {"reason": "CrashLoopBackOff", "message": "back-off restarting failed container"}
        return tell(pod, {"waiting": reason}, num_crashes=NUM_CRASHES)

    def stop(self, name: str) -> None:
        """End a pod."""
        self.ports.pop(name, None)
        if process := self._processes.pop(name, None):
            process.kill()
            process.communicate()

    def close(self) -> None:
        """End all pods."""
        for name in list(self._processes):
            self.stop(name)


def tell(pod: Object, state: Object, *, is_ready: bool = False, num_crashes: int = 0) -> Object:
    """Return a pod's status."""
    [container] = pod["spec"]["containers"]
    phase = "Running" if is_ready else "Pending"
    if "terminated" in state:
        phase = "Succeeded" if state["terminated"]["exitCode"] == 0 else "Failed"
    return {
        "phase": phase,
        "startTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "conditions": [{"type": "Ready", "status": str(is_ready)}],
        "containerStatuses": [
            {
                "name": container["name"],
                "image": container["image"],
                "imageID": "",
                "ready": is_ready,
                "restartCount": num_crashes,
                "state": state,
            }
        ],
    }
