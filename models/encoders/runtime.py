"""A network on a device, in the precision that is fastest there.

Measured on one core with avx512_bf16: a convolutional network gains most from channels_last with bfloat16 autocast
(16 to 68 images/s), a vision transformer from bfloat16 weights (8.9 to 18.7; autocast halves its speed).
"""

from typing import TYPE_CHECKING

import numpy as np

from ..devices import best_device, best_precision
from ..images.preprocessing import Preprocessing

if TYPE_CHECKING:
    import torch

# Above this many convolutions a network is convolutional; a vision transformer has one, its patch embedding
_FEW_CONVOLUTIONS = 4


class Runtime:
    """A network ready to run; ``runtime(pixels)`` maps uint8 ``(b, 3, h, w)`` to float32 ``(b, d)``.

    Args:
        network: a ``torch.nn.Module`` in eval mode
        preprocessing: its mean and standard deviation are applied here, on the device
        device: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:<n>``
        precision: ``auto``, ``float32``, ``bfloat16`` or ``float16``

    Raises:
        ValueError: if the device is not there
    """

    def __init__(self, network: "torch.nn.Module", preprocessing: Preprocessing, device: str, precision: str):
        import torch

        self.device = torch.device(best_device(device))
        self.precision = best_precision(precision, self.device.type)
        self.dtype = getattr(torch, self.precision)
        convolutions = sum(isinstance(module, torch.nn.Conv2d) for module in network.modules())
        self.autocast = self.dtype != torch.float32 and convolutions > _FEW_CONVOLUTIONS
        self.layout = torch.channels_last if convolutions > _FEW_CONVOLUTIONS else torch.contiguous_format
        self.input_dtype = torch.float32 if self.autocast else self.dtype
        self.network = network.to(device=self.device, dtype=self.input_dtype).to(memory_format=self.layout)
        # (x / 255 - mean) / std as one multiplication and one addition
        std = torch.tensor(preprocessing.std, device=self.device).view(3, 1, 1)
        self.scale = 1 / (255 * std)
        self.shift = -torch.tensor(preprocessing.mean, device=self.device).view(3, 1, 1) / std

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Embed pixels, uint8 ``(b, 3, h, w)``, as float32 ``(b, d)``."""
        import torch

        with torch.inference_mode(), torch.autocast(self.device.type, self.dtype, enabled=self.autocast):
            batch = torch.from_numpy(pixels).to(self.device).float() * self.scale + self.shift
            vectors = self.network(batch.to(dtype=self.input_dtype, memory_format=self.layout))
        return vectors.float().cpu().numpy()
