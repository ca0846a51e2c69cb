"""Two CPU processes (gloo) against one: the same loss and gradients with the negatives of both."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

pytestmark = pytest.mark.slow

pytest.importorskip("accelerate")
ROOT = Path(__file__).resolve().parents[3]
SCRIPT = """
import sys
sys.path.insert(0, {root!r})
import pathlib
import numpy as np
import torch
from torch import nn
torch.set_num_threads(1)
from models.training.pixels import Pixels
from models.training.simclr import SimCLR
from models.training.trainer import Training

class WithoutNorm(SimCLR):
    def build(self, architecture, pretrained=False):
        encoder = nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 49, 32))
        return nn.Sequential(__import__("collections").OrderedDict(encoder=encoder, projector=nn.Linear(32, 16)))

array = np.random.default_rng(0).integers(0, 256, (32, 3, 16, 16), dtype=np.uint8)
pixels = Pixels(array, [str(i) for i in range(32)], {{}}, "digest", (0.5,) * 3, (0.25,) * 3, False)
found = {{}}
for micro in (None, 3):
    params = {{"batch_size": 16, "precision": "float32", "device": "cpu", "micro_batch": micro, "blur": 0.5}}
    folder = pathlib.Path({folder!r}) / str(micro)
    training = Training(WithoutNorm(**params), pixels, folder / "e.safetensors", 2, about={{"name": "x"}})
    training.progress = lambda fraction, message: None
    torch.manual_seed(0)
    training._start()
    rows = training.engine.rows(16)
    images = training.images(np.arange(16)[rows])
    inputs, targets = training.recipe.inputs(images, torch.Generator().manual_seed(0), 16, rows)
    training._set_rate(0, 0)
    loss = training._step(training.normalized(inputs), targets, len(images), 1)
    found[str(micro)] = (float(loss), torch.cat([w.grad.flatten() for w in training.network.parameters()]))
    record = Training(WithoutNorm(**params), pixels, folder / "whole.safetensors", 2, about={{"name": "x"}}).run()
    found[f"curve {{micro}}"] = [entry["loss"] for entry in record["curve"]]
torch.save(found, pathlib.Path({folder!r}) / f"rank{{training.engine.rank}}.pt")
print(training.engine.processes, training.engine.rank)
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch(folder: Path, processes: int) -> dict:
    folder.mkdir()
    code = SCRIPT.format(root=str(ROOT), folder=str(folder))
    started, port = [], free_port()
    for rank in range(processes):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
        if processes > 1:
            addresses = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
            environment |= {**addresses, "RANK": str(rank), "LOCAL_RANK": str(rank)}
        command = [sys.executable, "-W", "ignore", "-c", code]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        started.append(subprocess.Popen(command, env=environment, **pipes))
    for rank, process in enumerate(started):
        said = process.communicate(timeout=300)[0]
        assert process.returncode == 0, said[-3000:]
        assert said.strip().splitlines()[-1] == f"{processes} {rank}"
    return torch.load(folder / "rank0.pt", weights_only=True)


def test_two_processes_equal_one_with_the_double_batch(tmp_path):
    one, two = launch(tmp_path / "one", 1), launch(tmp_path / "two", 2)
    for micro in ("None", "3"):
        assert abs(one[micro][0] - two[micro][0]) < 1e-4
        assert one[micro][1].abs().max() > 1e-3
        assert (one[micro][1] - two[micro][1]).abs().max() < 1e-4
        assert max(abs(a - b) for a, b in zip(one[f"curve {micro}"], two[f"curve {micro}"], strict=True)) < 1e-4
    assert {p.name for p in (tmp_path / "two" / "None").iterdir()} == {"e.safetensors", "whole.safetensors"}
