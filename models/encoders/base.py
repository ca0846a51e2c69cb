"""Base class of encoders: FiftyOne models whose parameters, weights and preprocessing are on record.

An encoder is one file in this folder with one subclass of :class:`Encoder` that has a ``name``. Constructing it loads
nothing, so that a form can be drawn from its signature; :meth:`Encoder.load` builds the network.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import fiftyone.core.models as fom
import numpy as np
from pydantic import Field

from ..devices import Device
from ..images.preprocessing import Preprocessing
from ..parameters import parameters
from ..vectors.normalize import l2_normalize

if TYPE_CHECKING:
    import torch
    from PIL import Image

Normalize = Annotated[
    bool,
    Field(description="Scale every vector to length 1, so that Euclidean and cosine distance rank alike"),
]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16", "float16"],
    Field(
        description="auto computes in 16 bits where that is faster, about 0.999 cosine to float32; "
        "float32 is the reference, and decodes every image at full size"
    ),
]
# Recorded for information; two encoders that differ only in these make interchangeable vectors
_IMMATERIAL = ("precision", "libraries", "weights")


class Encoder(fom.Model, fom.EmbeddingsMixin, fom.TorchModelMixin):
    """Images to vectors; works with ``dataset.compute_embeddings()``, ``compute_patch_embeddings()`` and the Brain.

    Subclasses set :attr:`name` and implement :meth:`build` and :attr:`weights`.

    Args:
        normalize: whether to scale vectors to length 1
        device: ``auto``, ``cpu``, ``mps``, ``cuda`` or ``cuda:<n>``
        precision: ``auto``, ``float32``, ``bfloat16`` or ``float16``
    """

    name: str | None = None
    title: str = ""  # in the form's drop-down
    when: str = ""  # one line: when to choose it
    seconds_per_image: float = 0.1  # on one CPU core, to the order of magnitude, for estimates
    argument: str | None = None  # the parameter that "name:argument" fills
    libraries: tuple[str, ...] = ("torch",)

    def __init__(self, normalize: Normalize = True, device: Device = "auto", precision: Precision = "auto"):
        self.normalize = normalize
        self.device = device
        self.precision = precision
        self._network: Any = None  # a Runtime, or a model that brings its own
        self._preprocess = True

    @classmethod
    def from_argument(cls, text: str) -> dict:
        """Return the parameters that ``text`` stands for in ``"<name>:<text>"``."""
        if cls.argument is None:
            raise ValueError(f"{cls.name} takes no argument but got {text!r}; use {cls.name!r}")
        return {cls.argument: text}

    @property
    def weights(self) -> str:
        """The name of the weights: a tag, a path or a package version."""
        raise NotImplementedError(f"{type(self).__name__} lacks weights; implement weights")

    def is_cached(self) -> bool | None:
        """Return whether the weights are on this disk, judged by looking at files only; None if that cannot be told."""
        raise NotImplementedError(f"{type(self).__name__} lacks is_cached; implement is_cached()")

    def build(self) -> tuple["torch.nn.Module", Preprocessing]:
        """Build the float32 network on the CPU, whose ``forward`` maps images to vectors, and its preprocessing."""
        raise NotImplementedError(f"{type(self).__name__} lacks build; implement build()")

    def load(self) -> "Encoder":
        """Build the network on the chosen device, once.

        Raises:
            ValueError: if the weights or the device cannot be had
        """
        if self._network is None:
            from .runtime import Runtime

            network, self._preprocessing = self.build()
            self._digest = digest(network.state_dict())
            self._network = Runtime(network.eval(), self._preprocessing, self.device, self.precision)
            blank = np.zeros((1, 3, *self._preprocessing.size), dtype=np.uint8)
            self._dimension = int(self._network(blank).shape[1])
        return self

    @property
    def settings(self) -> dict:
        """The constructor parameters that change the vectors, plain JSON; loads nothing."""
        names = [name for name in parameters(type(self)) if name not in ("device", "precision")]
        return {name: getattr(self, name) for name in names}

    @property
    def rendering(self) -> dict | None:
        """Rule by which its images become RGB: none, but for encoders trained here; None if image by image."""
        return {}

    @property
    def dimension(self) -> int:
        """The length of a vector; loads the network."""
        return self.load()._dimension

    @property
    def identity(self) -> dict:
        """Plain JSON that tells which vectors may be compared with which; loads the network."""
        from importlib.metadata import version

        self.load()
        return {
            "name": self.name,
            "weights": self.weights,
            "digest": self._digest,
            "preprocessing": self._preprocessing.as_dict(),
            "dimension": self._dimension,
            "normalize": self.normalize,
            "precision": self._network.precision,
            "libraries": {library: version(library) for library in self.libraries},
        }

    @property
    def resolution(self) -> int | None:
        """Pixels that the shorter side of an image should keep; None where every pixel must be decoded."""
        return None if self.precision == "float32" else self.load()._preprocessing.resolution

    def prepare(self, image: "Image.Image") -> Any:
        """Turn one RGB PIL image into the network's input; safe to call from several threads."""
        return self.load()._preprocessing(image)

    def encode(self, prepared: list) -> np.ndarray:
        """Embed several images, each as :meth:`prepare` returned it, as float32 ``(b, d)``."""
        return self._finish(self.load()._network(np.stack(prepared)))

    def _finish(self, vectors: np.ndarray) -> np.ndarray:
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        return l2_normalize(vectors) if self.normalize else vectors

    # FiftyOne's protocol for models

    @property
    def media_type(self) -> str:
        """FiftyOne's media type."""
        return "image"

    @property
    def has_embeddings(self) -> bool:
        """Always true."""
        return True

    @property
    def ragged_batches(self) -> bool:
        """Always false: every prepared image has the same size."""
        return False

    @property
    def transforms(self) -> "Callable[[Image.Image | np.ndarray], torch.Tensor]":
        """A function from a PIL image or array to a tensor, for FiftyOne's data loader."""
        import torch

        return lambda image: torch.as_tensor(self.prepare(as_pil(image)))

    @property
    def preprocess(self) -> bool:
        """True where :meth:`embed_all` receives images rather than tensors."""
        return self._preprocess

    @preprocess.setter
    def preprocess(self, value: bool) -> None:
        self._preprocess = value

    def embed(self, arg: "Image.Image | np.ndarray | torch.Tensor") -> np.ndarray:
        """Embed one image (or tensor, if :attr:`preprocess` is false) as float32 ``(d,)``."""
        return self.embed_all([arg])[0]

    def embed_all(self, args: "Sequence[Image.Image | np.ndarray | torch.Tensor] | torch.Tensor") -> np.ndarray:
        """Embed several images (or a stacked tensor, if :attr:`preprocess` is false) as float32 ``(b, d)``."""
        return self.encode([self.prepare(as_pil(arg)) if self._preprocess else np.asarray(arg) for arg in args])


def as_pil(image: "Image.Image | np.ndarray | torch.Tensor") -> "Image.Image":
    """Return a PIL image, or an array or tensor ``(height, width[, channels])`` as an RGB PIL image."""
    from PIL import Image

    from ..images.reading import to_rgb

    return to_rgb(image if isinstance(image, Image.Image) else Image.fromarray(np.asarray(image)))


def digest(state: dict) -> str:
    """Return the SHA-256 of all tensors, whatever their names and order, which change between library versions."""
    import torch

    tensors = []
    for tensor in state.values():
        tensor = tensor.detach().cpu().contiguous()
        one = hashlib.sha256(f"{tuple(tensor.shape)} {tensor.dtype}".encode())
        one.update(tensor.reshape(-1).view(torch.uint8).numpy())
        tensors.append(one.digest())
    return hashlib.sha256(b"".join(sorted(tensors))).hexdigest()


def same_encoder(a: dict | None, b: dict | None) -> bool:
    """Return whether vectors of two recorded identities may share a field: the digest decides, file names do not."""
    if not a or not b:
        return False
    return all(a.get(key) == b.get(key) for key in (set(a) | set(b)) - set(_IMMATERIAL))
