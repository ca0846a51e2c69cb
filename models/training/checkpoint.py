"""Checkpoints: one safetensors file whose header holds the record as JSON.

One file, because two can disagree after a crash. It is written beside the old one, forced to the disk and put in its
place in one step, so a full disk or a killed process leaves the old one. Nothing is ever unpickled: a file that is not
safetensors, or has no record of ours, is refused.
"""

import json
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

FORMAT = 1
_KEY = "constellation"
_PARTIAL = ".partial"
_LARGEST_HEADER = 100_000_000  # the limit of safetensors itself


def write_checkpoint(path: Path, record: dict, tensors: dict) -> None:
    """Replace the checkpoint at ``path``, or leave it as it is.

    Args:
        path: the file; its folder is created
        record: plain JSON
        tensors: tensors by name, on any device

    Raises:
        ValueError: if the file cannot be written
    """
    import torch
    from safetensors.torch import save

    contiguous = {
        name: tensor.detach().to("cpu").clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
    with replacing(path) as partial, open(partial, "wb") as file:
        file.write(save(contiguous, {_KEY: json.dumps({"format": FORMAT, **record})}))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file to write that takes the place of ``path`` at the end, in one step, or leaves it as it is.

    Args:
        path: the file; its folder is created

    Yields:
        the path to write to

    Raises:
        ValueError: if the file cannot be written
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}{_PARTIAL}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
        _force(path.parent)
    except OSError as error:
        kept = "what was there before is intact" if path.is_file() else "nothing was kept"
        raise ValueError(
            f"{path} cannot be written ({error.strerror or error}), {kept}; free space there or choose another folder "
            "(CONSTELLATION_MODEL_DIR moves the model store); a training then continues with resume=True"
        ) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Delete what killed processes left beside ``path``; only its one writer may ask for that."""
    for partial in path.parent.glob(f".*{_PARTIAL}"):
        with suppress(OSError):
            partial.unlink()


def read_record(path: Path) -> dict:
    """The record of a checkpoint, from the first bytes of the file; loads no torch.

    Raises:
        ValueError: if the file is missing, truncated, or no checkpoint of ours
    """
    try:
        with open(path, "rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _LARGEST_HEADER:
                raise ValueError("it does not start with a safetensors header")
            header = json.loads(file.read(length))
        end = max((entry["data_offsets"][1] for name, entry in header.items() if name != "__metadata__"), default=0)
        actual = os.path.getsize(path)
        if actual != 8 + length + end:
            raise ValueError(f"it has {actual:,} bytes of {8 + length + end:,}")
        record = dict(json.loads(header["__metadata__"][_KEY]))
    except FileNotFoundError:
        raise ValueError(f"there is no checkpoint {str(path)!r}; give the path of an existing file") from None
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"{str(path)!r} is not an encoder trained here; give a file made by export_encoder") from None
    except (OSError, ValueError, struct.error) as error:
        reason = "it is no safetensors file" if isinstance(error, (json.JSONDecodeError, struct.error)) else error
        raise ValueError(f"{str(path)!r} is truncated or damaged ({reason}); use another copy or train again") from None
    if record.get("format") != FORMAT:
        raise ValueError(
            f"{str(path)!r} has format {record.get('format')}, this version reads {FORMAT}; update the plugin"
        )
    return record


def read_tensors(path: Path, prefix: str) -> dict:
    """The tensors whose names start with ``prefix``, without it, on the CPU.

    Raises:
        ValueError: if the file is damaged
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            names = [name for name in file.keys() if name.startswith(prefix)]  # noqa: SIM118 (not a dict)
            return {name.removeprefix(prefix): file.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise ValueError(f"{str(path)!r} is truncated or damaged ({error}); use another copy or train again") from None


def load_weights(network: "torch.nn.Module", weights: dict, what: str) -> None:
    """Fill a network, every weight and no other.

    Raises:
        ValueError: if names or shapes differ
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:160]
        raise ValueError(f"{what} holds another architecture ({reason}); use the plugin that wrote it") from None


def _force(folder: Path) -> None:
    """Make the new name durable too; Windows has no such call on folders."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
