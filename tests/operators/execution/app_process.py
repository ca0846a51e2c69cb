"""An App's server as far as operators can tell: a process that imports it and runs operators when told to."""

import asyncio
import json
import os
import subprocess
import sys


class AppProcess:
    """A server; ``run`` has it execute an operator as the App asks for it. Use as a context manager."""

    def __init__(self, **environment: str):
        self.environment = environment

    def __enter__(self):
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, **self.environment},
        )
        return self

    def __exit__(self, *error):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def run(self, dataset, operator: str, **params) -> list[str]:
        """The names of the messages that the App receives."""
        told = {"dataset_name": dataset.name, "operator": operator, "params": params, "filters": {}}
        self.process.stdin.write(json.dumps(told) + "\n")
        self.process.stdin.flush()
        while not (line := self.process.stdout.readline()).startswith("messages "):
            assert line, "the server ended"
        return json.loads(line.removeprefix("messages "))


def serve():
    """Executes what comes in, a line each."""
    import fiftyone.server.app  # noqa: F401 (by which the plugin knows a server)
    from fiftyone.operators.executor import execute_or_delegate_operator

    async def run(request: dict) -> list[str]:
        uri = f"@constellation/clusters/{request.pop('operator')}"
        result = await execute_or_delegate_operator(uri, request)
        return [message.body.operator_uri for message in result.result]

    for line in sys.stdin:
        print("messages", json.dumps(asyncio.run(run(json.loads(line)))), flush=True)


if __name__ == "__main__":
    serve()
