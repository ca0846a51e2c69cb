"""A real ``fiftyone delegated launch`` beside the App, and what it says while it works."""

import subprocess
import sys
import time
from pathlib import Path

from fiftyone.operators.delegated import DelegatedOperationService


class Worker:
    """A delegated worker; use as a context manager, which ends it.

    Args:
        log: where its output goes
    """

    def __init__(self, log: Path):
        self.log = log

    def __enter__(self):
        command = [str(Path(sys.executable).with_name("fiftyone")), "delegated", "launch"]
        self.file = open(self.log, "w")
        self.process = subprocess.Popen(command, stdout=self.file, stderr=subprocess.STDOUT)
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait(30)
        self.file.close()

    def finish(self, dataset, seconds: float) -> tuple[object, list[str]]:
        """Waits for the only job of a dataset; returns it and the progress it showed on the way."""
        service, deadline, labels = DelegatedOperationService(), time.monotonic() + seconds, []
        while time.monotonic() < deadline:
            (operation,) = service.list_operations(dataset_name=dataset.name)
            label = operation.status.label if operation.status else None
            if label and label not in labels:
                labels.append(label)
            if operation.run_state in ("completed", "failed"):
                return operation, labels
            time.sleep(0.1)
        raise AssertionError(f"still {operation.run_state} after {seconds} s, {self.log.read_text()[-2000:]}")
