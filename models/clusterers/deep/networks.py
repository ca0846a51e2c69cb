"""Networks of cluster heads: small torch modules while they learn, plain arrays afterwards.

A fitted head is a JSON-able description and float32 arrays, so that it is kept in a run, pickled and applied without
torch. The scaling of the input and batch normalization are linear, and are folded into the first layers.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import nn

# Weight ``(before, after)`` and bias ``(after,)`` of each, from input to output, with a ReLU between them.
Layers: TypeAlias = list[tuple[np.ndarray, np.ndarray]]

_BLOCK = 8192
# Wide vectors lose little below this many principal components, and a head trains several times as fast.
WIDEST = 128


class Space:
    """The vectors as heads see them: about their mean, 128 principal components if wider, mean square 1.

    Args:
        X: ``(n, d)`` vectors to fit it on
        seed: of the randomized decomposition, where that is used
        widths (None): dimensions of the embedding spaces that lie side by side in ``X``; each is prepared by itself
        widest (128): dimensions beyond which a space is reduced to as many principal components

    Attributes:
        mean: ``(d,)``
        matrix: ``(d, q)``
        sizes: dimensions of the spaces once prepared; they add up to q
    """

    def __init__(self, X: np.ndarray, seed: int, widths: list[int] | None = None, widest: float = WIDEST) -> None:
        from scipy.linalg import block_diag

        spaces = [X] if widths is None else np.split(X, np.cumsum(widths)[:-1], axis=1)
        means, matrices = zip(*(_prepared(space, seed, widest) for space in spaces), strict=True)
        self.mean, self.matrix = np.concatenate(means), block_diag(*matrices).astype(matrices[0].dtype)
        self.sizes = [matrix.shape[1] for matrix in matrices]

    def __call__(self, X: np.ndarray) -> np.ndarray:
        """Return ``(n, q)`` float32 for ``X`` ``(n, d)``."""
        return ((X - self.mean) @ self.matrix).astype(np.float32)

    def fold(self, layers: Layers) -> Layers:
        """Return ``layers`` for ``(n, q)`` vectors as layers for ``(n, d)`` vectors."""
        (weight, bias), *rest = layers
        first = self.matrix.astype(np.float64) @ weight
        return [(first, bias - self.mean.astype(np.float64) @ first), *rest]


def _prepared(X: np.ndarray, seed: int, widest: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the mean ``(d,)`` and the matrix ``(d, q)`` of one space."""
    from ...vectors.reduction import PCAReduction

    if X.shape[1] > widest and len(X) > 2:
        fitted = PCAReduction(int(widest), random_state=seed)
        Z = fitted.fit_transform(X)
        mean, matrix = fitted.mean_, fitted.components_.T
    else:
        mean, matrix = X.mean(axis=0, dtype=np.float64).astype(X.dtype), np.eye(X.shape[1], dtype=np.float32)
        Z = X - mean
    scale = float(np.sqrt(np.mean(np.square(Z, dtype=np.float64))))
    return mean, matrix / (scale if scale > 0 else 1.0)


def perceptron(sizes: list[int], batch_norm: bool = True) -> "nn.Sequential":
    """Make a multilayer perceptron: linear layers with ReLU, and batch normalization, between them.

    Args:
        sizes: the dimensions, from input to output
        batch_norm (True): whether to normalize before each ReLU

    Returns:
        a ``torch.nn.Sequential``
    """
    from torch import nn

    modules: list[nn.Module] = []
    for before, after in pairwise(sizes[:-1]):
        modules += [nn.Linear(before, after), *([nn.BatchNorm1d(after)] if batch_norm else []), nn.ReLU()]
    return nn.Sequential(*modules, nn.Linear(sizes[-2], sizes[-1]))


def update_bn(network: "nn.Module", X: "torch.Tensor") -> None:
    """Set the batch normalizations of ``network`` to the statistics of all of ``X`` ``(n, q)``."""
    import torch

    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm1d)]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        # With momentum 1 the running statistics become those of the one batch.
        norm.momentum = 1.0
    network.train()
    with torch.no_grad():
        network(X)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def to_layers(network: "Iterable[nn.Module]") -> Layers:
    """Return the layers of a perceptron as arrays, float64, with normalization folded in."""
    from torch import nn

    layers: Layers = []
    for module in network:
        if isinstance(module, nn.Linear):
            layers.append((_plain(module.weight).T, _plain(module.bias)))
        elif isinstance(module, nn.BatchNorm1d):
            weight, bias = layers.pop()
            gain = _plain(module.weight) / np.sqrt(_plain(module.get_buffer("running_var")) + module.eps)
            layers.append(
                (weight * gain, (bias - _plain(module.get_buffer("running_mean"))) * gain + _plain(module.bias))
            )
    return layers


def to_arrays(
    layers: Layers, unit: bool = False, centers: np.ndarray | None = None, votes: int = 1
) -> tuple[dict, dict[str, np.ndarray]]:
    """Return a head as plain data.

    Args:
        layers: ``(weight, bias)`` pairs, with a ReLU between them
        unit (False): whether the last layer takes its input at length 1
        centers (None): ``(k, c)`` centers of codes, for Student's t in place of a softmax
        votes (1): how many assignments the last layer makes side by side, whose mean is the result

    Returns:
        a JSON-able description and float32 arrays by name, as :func:`probabilities` takes them
    """
    spec: dict = {"layers": len(layers), "unit": unit, "output": "softmax" if centers is None else "student_t"}
    spec |= {"votes": votes} if votes > 1 else {}
    arrays: dict[str, np.ndarray] = {}
    for number, (weight, bias) in enumerate(layers):
        arrays |= {f"weight_{number}": weight, f"bias_{number}": bias}
    if centers is not None:
        arrays["codes"] = centers
    return spec, {name: np.ascontiguousarray(array, dtype=np.float32) for name, array in arrays.items()}


def without_unused(spec: dict, arrays: dict, used: np.ndarray | Sequence[int]) -> dict:
    """Return the ``arrays`` of a head that keeps only the clusters ``used``, which win the same samples as before."""
    if spec["output"] == "student_t":
        return arrays | {"codes": arrays["codes"][used]}
    last = spec["layers"] - 1
    weight, bias = f"weight_{last}", f"bias_{last}"
    votes = spec.get("votes", 1)
    columns = (np.asarray(used) + len(arrays[bias]) // votes * np.arange(votes)[:, None]).ravel()
    return arrays | {weight: np.ascontiguousarray(arrays[weight][:, columns]), bias: arrays[bias][columns]}


def probabilities(X: np.ndarray, spec: dict, arrays: dict) -> np.ndarray:
    """Return soft assignments.

    Args:
        X: ``(n, d)`` vectors
        spec: the description from :func:`to_arrays`
        arrays: its arrays

    Returns:
        ``(n, k)`` float64, rows sum to 1
    """
    # In float64 a row's result does not depend on the rows beside it, beyond what anyone would see.
    arrays = {name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()}
    blocks = [_applied(X[start : start + _BLOCK], spec, arrays) for start in range(0, len(X), _BLOCK)]
    return np.concatenate(blocks)


def most_likely(X: np.ndarray, spec: dict, arrays: dict) -> tuple[np.ndarray, np.ndarray]:
    """Return labels ``(n,)`` and float32 probabilities ``(n,)`` of the most likely cluster; arguments as above."""
    found = probabilities(X, spec, arrays)
    labels = found.argmax(axis=1)
    return labels, found[np.arange(len(found)), labels].astype(np.float32)


def _applied(X: np.ndarray, spec: dict, arrays: dict[str, np.ndarray]) -> np.ndarray:
    values = np.asarray(X, dtype=np.float64)
    for number in range(spec["layers"]):
        if number:
            values = np.maximum(values, 0)
        if spec["unit"] and number == spec["layers"] - 1:
            values = values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), 1e-12)
        values = values @ arrays[f"weight_{number}"] + arrays[f"bias_{number}"]
    if spec["output"] == "student_t":
        centers = arrays["codes"]
        squares = (values**2).sum(axis=1)[:, None] - 2 * values @ centers.T + (centers**2).sum(axis=1)
        kernel = 1 / (1 + np.maximum(squares, 0))
        return kernel / kernel.sum(axis=1, keepdims=True)
    values = values.reshape(len(values), spec.get("votes", 1), -1)
    values = np.exp(values - values.max(axis=2, keepdims=True))
    return (values / values.sum(axis=2, keepdims=True)).mean(axis=1)


def _plain(tensor: "torch.Tensor") -> np.ndarray:
    return tensor.detach().cpu().numpy().astype(np.float64)
