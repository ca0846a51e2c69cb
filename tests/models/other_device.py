"""A device that computes on the CPU and, as Apple's, has no float64: what is moved to it is marked, and watched."""

from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode

# Another than torch.device("cpu"), which is where tensors that stay at home are.
OTHER = torch.device("cpu", 0)


class OnDevice(torch.Tensor):
    """A tensor on the device; so is what is computed of it, until it is moved home."""

    device = property(lambda self: OTHER)
    doubles: list = []

    def __deepcopy__(self, memo):
        return self.clone()

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        found = super().__torch_function__(func, types, args, kwargs or {})
        if func is torch.Tensor.cpu or (func is torch.Tensor.to and _target(args, kwargs or {}) == torch.device("cpu")):
            return found.as_subclass(torch.Tensor)
        return _noted(found, func)


class _Moves(TorchFunctionMode):
    """Marks what is made on the device or moved to it."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        if func is torch.Tensor.copy_ and isinstance(args[0], OnDevice | torch.nn.Parameter):
            _noted(args[1], func)
        if isinstance(found, torch.Tensor) and not isinstance(found, OnDevice) and _target(args, kwargs) == OTHER:
            return _noted(found.as_subclass(OnDevice), func)
        return found


@contextmanager
def without_float64():
    """Within, every float64 tensor on the device is noted; yields the list of the functions that made them."""
    OnDevice.doubles = []
    with _Moves():
        yield OnDevice.doubles


def _target(args, kwargs):
    """The device in a call's arguments, None if there is none."""
    given = [value for value in (*args[1:2], kwargs.get("device")) if isinstance(value, torch.device | str)]
    return torch.device(given[-1]) if given else None


def _noted(found, func):
    for tensor in found if isinstance(found, tuple | list) else [found]:
        if isinstance(tensor, torch.Tensor) and tensor.dtype == torch.float64:
            OnDevice.doubles.append(getattr(func, "__name__", str(func)))
    return found
