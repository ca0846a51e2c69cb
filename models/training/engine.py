"""One process, or several on one or many machines through Hugging Face Accelerate.

Why Accelerate: its ``accelerate launch`` (or ``torchrun``) starts the processes on one or several machines, it needs no
package that the plugin does not need already (torch, numpy, safetensors, huggingface_hub, psutil, PyYAML), and it wraps
the model only, where Lightning Fabric also wants the data loader and the checkpoints, which are ours. It is optional:
a single process never imports it. Start a script that calls ``train_encoder`` with::

    accelerate launch --num_processes 4 train.py

Each process computes its rows of every batch; projections are gathered, so the loss sees the negatives of all.
"""

import os
from contextlib import AbstractContextManager, nullcontext

import torch

from ..devices import best_device


def processes() -> int:
    """The number of processes that the launcher started."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def create_engine(device: str) -> "Engine":
    """The engine for this process.

    Args:
        device: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:<n>``

    Raises:
        ValueError: if there are several processes and Accelerate is not installed
    """
    return Distributed(device) if processes() > 1 else Engine(device)


class Engine:
    """A single process.

    Attributes:
        device: where to compute
        rank: number of this process
        processes: how many there are
    """

    rank, processes = 0, 1

    def __init__(self, device: str):
        self.device = torch.device(best_device(device))

    def rows(self, batch: int) -> slice:
        """This process's part of a batch."""
        return slice(self.rank, batch, self.processes)

    def wrap(self, network: torch.nn.Module) -> torch.nn.Module:
        """The network as it is called in training."""
        return network

    def gather(self, rows: torch.Tensor) -> torch.Tensor:
        """The rows of all processes, ``(b, ...)``; gradients flow into this process's own."""
        return rows

    def backward(self, loss: torch.Tensor) -> None:
        """Add the gradients of the whole batch's loss to the weights."""
        loss.backward()

    def without_sync(self, network: torch.nn.Module) -> AbstractContextManager:
        """Within, gradients stay in this process."""
        return nullcontext()

    def any(self, flag: bool) -> bool:
        """True if the flag is set in any process."""
        return flag

    def wait(self) -> None:
        """Return when all processes are here."""


class Distributed(Engine):
    """One of several processes."""

    def __init__(self, device: str):
        try:
            from accelerate import Accelerator
        except ImportError:
            raise ValueError(
                f"WORLD_SIZE={processes()} asks for several processes, which need accelerate; "
                "install it with `pip install accelerate`, or unset WORLD_SIZE"
            ) from None
        self._accelerator = Accelerator(cpu=device == "cpu" or None, mixed_precision="no")
        self.device = self._accelerator.device
        self.rank, self.processes = self._accelerator.process_index, self._accelerator.num_processes

    def wrap(self, network: torch.nn.Module) -> torch.nn.Module:
        """Synchronize gradients, and on GPUs batch normalization too (PyTorch cannot on CPUs)."""
        if self.device.type == "cuda":
            network = torch.nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return self._accelerator.prepare(network)

    def gather(self, rows: torch.Tensor) -> torch.Tensor:
        """Others' rows come as constants: their own process has the gradient, see :meth:`backward`."""
        everyone = list(self._accelerator.gather(rows.detach()[None].contiguous()))
        everyone[self.rank] = rows
        return torch.cat(everyone)

    def backward(self, loss: torch.Tensor) -> None:
        """Each process holds its rows' part of the gradient; the average over processes becomes their sum."""
        (loss * self.processes).backward()

    def without_sync(self, network: torch.nn.Module) -> AbstractContextManager:
        """See :class:`Engine`."""
        return self._accelerator.no_sync(network)

    def any(self, flag: bool) -> bool:
        """See :class:`Engine`."""
        ours = torch.tensor([float(flag)], device=self.device)
        return bool(self._accelerator.reduce(ours, "sum").item() > 0)

    def wait(self) -> None:
        """See :class:`Engine`."""
        self._accelerator.wait_for_everyone()
