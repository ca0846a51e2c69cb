"""Matrix products by the library and in the number format that take the least time on this machine.

Which one that is depends on the processor: numpy's OpenBLAS or torch's MKL may be twice as fast as the other in
float32, and processors with instructions for bfloat16 multiply in it faster still. It is measured once, the first time
that large work asks, and kept in a file, so that every process on this machine computes alike and the same seed gives
the same clusters. Small work never asks: numpy does it in less time than torch takes to load.
"""

import json
import os
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

Format = Literal["numpy", "torch", "bfloat16"]

ENVIRONMENT = "CONSTELLATION_PRODUCTS"
_FORMATS: tuple[Format, ...] = ("numpy", "torch", "bfloat16")
# Operations, one multiplication or addition each, that numpy does in the time that torch takes to load, or a few times
_WORTH = 2e12
# Another one than numpy's must be so many times as fast, or noise would decide
_CLEARLY = 1.25
_TRIAL = (2048, 512, 256)


class Fastest(NamedTuple):
    """The fastest ways to multiply on this machine.

    Args:
        exact: "numpy" or "torch", for float32
        rough: that one or "bfloat16", where eight bits of each factor are enough; sums are float32 in any case
    """

    exact: Format
    rough: Format


class Product:
    """Vectors that are multiplied with others, block by block.

    Attributes:
        format: "numpy", "torch" or "bfloat16"
    """

    def __init__(self, X: np.ndarray, columns: float, rough: bool = False, format: Format | None = None):
        """Prepare vectors.

        Args:
            X: ``(n, d)`` vectors
            columns: how many others all of them will be multiplied with, about
            rough (False): whether eight bits of each factor are enough
            format (None): "numpy", "torch" or "bfloat16"; by default the fastest
        """
        self._X: Any = X
        self.format = format or format_for(X, columns, rough)
        if self.format != "numpy":
            self._X = self._cast(X)

    def __call__(self, rows: slice | np.ndarray, others: np.ndarray) -> np.ndarray:
        """Return the scalar products ``(m, k)`` of some rows, a slice or numbers, with others ``(k, d)``."""
        if self.format == "numpy":
            return self._X[rows] @ others.T
        import torch

        some = self._X[rows if isinstance(rows, slice) else torch.from_numpy(rows)]
        return (some @ self._cast(others).T).float().numpy()

    def _cast(self, X: np.ndarray) -> Any:
        import torch

        found = torch.from_numpy(np.ascontiguousarray(X, np.float32))
        return found.bfloat16() if self.format == "bfloat16" else found


def format_for(X: np.ndarray, columns: float, rough: bool = False) -> Format:
    """Return the format for products of ``X`` ``(n, d)`` with about so many others, as :class:`Product` takes it."""
    return "numpy" if X.dtype != np.float32 else fastest_for(2.0 * X.size * columns, rough)


def fastest_for(operations: float, rough: bool = False) -> Format:
    """Return the format for work of so many operations, as :class:`Product` takes it.

    Raises:
        ValueError: if the environment asks for a format that does not exist
    """
    if wanted := os.environ.get(ENVIRONMENT):
        for known in _FORMATS:
            if known == wanted:
                return known if rough or known != "bfloat16" else "torch"
        raise ValueError(f"{ENVIRONMENT}={wanted!r} is not known; use one of {', '.join(_FORMATS)}")
    if operations < _WORTH:
        return "numpy"
    return fastest().rough if rough else fastest().exact


@cache
def fastest() -> Fastest:
    """Return the fastest formats of this machine, measured if no process has done so before."""
    key, kept = _machine(), _kept()
    if found := _valid(kept.get(key)):
        return found
    found = measure()
    _keep({**kept, key: found})
    # whoever came first has decided for all
    return _valid(_kept().get(key)) or found


def measure() -> Fastest:
    """Time a product in each format that the processor has instructions for."""
    from ..devices import best_precision

    m, d, k = _TRIAL
    X = np.random.default_rng(0).normal(size=(m, d)).astype(np.float32)
    with_bfloat16 = best_precision("auto", "cpu") == "bfloat16"
    seconds = {name: _seconds(X, X[:k], name) for name in _FORMATS if name != "bfloat16" or with_bfloat16}
    exact: Format = "torch" if seconds["numpy"] > _CLEARLY * seconds["torch"] else "numpy"
    halved = with_bfloat16 and seconds[exact] > _CLEARLY * seconds["bfloat16"]
    return Fastest(exact, "bfloat16" if halved else exact)


def _seconds(X: np.ndarray, others: np.ndarray, format: Format) -> float:
    """Return the least of several times that one product takes."""
    product, found = Product(X, 1, format=format), []
    for _ in range(7):
        start = time.perf_counter()
        product(slice(None), others)
        found.append(time.perf_counter() - start)
    return min(found)


def _file() -> Path:
    import fiftyone as fo

    return Path(fo.config.model_zoo_dir) / "constellation" / "products.json"


def _machine() -> str:
    """Return what the choice depends on: processor, kernels and versions."""
    import platform
    from importlib.metadata import version

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        about = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        flags = about.get("flags", about.get("Features", "")).split()
        marks = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "bf16") if flag in flags]
        processor = " ".join([about.get("model name", platform.machine()), *marks])
    except OSError:
        processor = f"{platform.machine()} {platform.processor()}"
    kernels = os.environ.get("OPENBLAS_CORETYPE", "")
    return " | ".join([processor, kernels, f"numpy {version('numpy')}", f"torch {version('torch')}"])


def _kept() -> dict:
    try:
        found = json.loads(_file().read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _valid(stored: Any) -> Fastest | None:
    if isinstance(stored, list | tuple) and len(stored) == 2 and all(one in _FORMATS for one in stored):
        return Fastest(*stored)
    return None


def _keep(table: dict) -> None:
    """Write the file in one step; a disk that cannot be written to costs a measurement per process."""
    file = _file()
    temporary = file.with_suffix(f".{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(table, indent=1))
        os.replace(temporary, file)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
