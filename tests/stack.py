"""A private MongoDB for tests and benchmarks, because FiftyOne attaches to any service it finds."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

MEMORY = "/dev/shm"
ROOM = 4 * 2**30  # bytes; the database of a process of the tests has a tenth of that


def free_port() -> int:
    """A TCP port on loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def mongod_binary() -> str:
    """The path of FiftyOne's own mongod, or of the one on PATH."""
    from importlib.util import find_spec

    package = find_spec("fiftyone").submodule_search_locations[0]
    bundled = Path(package) / "db" / "bin" / "mongod"
    found = str(bundled) if bundled.is_file() else shutil.which("mongod")
    if not found:
        raise RuntimeError("no mongod found; run `make setup`, which installs one")
    return found


def memory_folder() -> str | None:
    """A folder in memory with room for the tests' database, None if there is none."""
    there = os.path.isdir(MEMORY) and os.access(MEMORY, os.W_OK)
    return MEMORY if there and shutil.disk_usage(MEMORY).free >= ROOM else None


class Mongod:
    """``mongod`` on a free loopback port, in a folder of its own; ``stop()`` ends it by pid.

    ``quick`` has its files in memory where there is room: a dataset is a dozen of them, and a disk takes its time.
    """

    def __init__(self, quick: bool = False):
        self.folder = Path(tempfile.mkdtemp(prefix="constellation-db-", dir=memory_folder() if quick else None))
        self.port = free_port()
        self.uri = f"mongodb://127.0.0.1:{self.port}"
        command = [mongod_binary(), "--dbpath", str(self.folder), "--port", str(self.port)]
        command += ["--bind_ip", "127.0.0.1", "--nounixsocket", "--wiredTigerCacheSizeGB", "0.5"]
        self.log = open(self.folder / "mongod.log", "w")  # noqa: SIM115 (lives as long as the process)
        self.process = subprocess.Popen(command, stdout=self.log, stderr=subprocess.STDOUT)
        self._wait()

    def _wait(self, seconds: float = 60):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        tail = (self.folder / "mongod.log").read_text()[-2000:]
        self.stop()
        raise RuntimeError(f"mongod did not start within {seconds} s: {tail}")

    def stop(self):
        """Ends the process and deletes its folder."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def fiftyone_environment(uri: str, scratch: Path, plugin: Path) -> dict:
    """Environment variables that keep FiftyOne inside ``scratch``, with ``plugin`` installed by symlink."""
    plugins = scratch / "plugins"
    plugins.mkdir(parents=True, exist_ok=True)
    link = plugins / "constellation"
    if not link.exists():
        link.symlink_to(plugin)
    (scratch / "zoo").mkdir(exist_ok=True)
    (scratch / "datasets").mkdir(exist_ok=True)
    return {
        "FIFTYONE_DATABASE_URI": uri,
        "FIFTYONE_DATABASE_VALIDATION": "false",
        "FIFTYONE_DATABASE_NAME": "constellation",
        "FIFTYONE_PLUGINS_DIR": str(plugins),
        "FIFTYONE_MODEL_ZOO_DIR": str(scratch / "zoo"),
        "FIFTYONE_DEFAULT_DATASET_DIR": str(scratch / "datasets"),
        "FIFTYONE_CONFIG_PATH": str(scratch / "config.json"),
        "FIFTYONE_DO_NOT_TRACK": "true",
        "FIFTYONE_SHOW_PROGRESS_BARS": "false",
    }
