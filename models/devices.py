"""Devices and precisions that a network can run on."""

from typing import Annotated

from pydantic import Field

Device = Annotated[
    str,
    Field(
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="Where to compute: auto takes a GPU if there is one; or cpu, mps, cuda, cuda:1",
    ),
]


def best_device(wanted: str) -> str:
    """Return the device to use: ``auto`` is cuda, else mps, else cpu.

    Raises:
        ValueError: if a device is asked for that this machine does not have
    """
    import torch

    cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    if wanted == "auto":
        return "cuda" if cuda else "mps" if mps else "cpu"
    kind, _, index = wanted.partition(":")
    if kind == "cuda" and not (cuda and int(index or 0) < torch.cuda.device_count()):
        count = torch.cuda.device_count() if cuda else 0
        raise ValueError(f"device={wanted!r} is not there, this machine has {count} CUDA devices; use 'auto' or 'cpu'")
    if kind == "mps" and not mps:
        raise ValueError("device='mps' is not there on this machine; use 'auto' or 'cpu'")
    return wanted


def best_precision(wanted: str, device: str) -> str:
    """Return the number format to compute in: ``auto`` takes 16 bits where the hardware computes in them."""
    import torch

    if wanted != "auto":
        return wanted
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    if device == "mps":
        return "float16"
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return "bfloat16" if any(getattr(torch.cpu, check, bool)() for check in checks) else "float32"
