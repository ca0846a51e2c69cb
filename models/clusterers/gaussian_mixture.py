"""Gaussian mixture by expectation maximization (Dempster et al. 1977): soft clusters of different size and spread.

Choose it for clusters of unequal spread, or when the confidence should be a probability. In high dimensions the
probabilities saturate near 0 and 1; reduce first if they are to say anything. The work is scikit-learn's.

Of vectors that are scaled, see ``models/vectors/scaling.py``, ``reg_covar`` is added to the variances after that.
"""

import warnings
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ..costs import Cost
from ..progress import Progress
from .base import Clusterer


class GaussianMixture(Clusterer):
    """A mixture of Gaussians.

    Attributes:
        cluster_centers_: ``(n_clusters, d)``, the means
        weights_: ``(n_clusters,)``
        precisions_cholesky_: as scikit-learn's, but ``(1, d, d)`` for tied covariances
        converged_: whether ``max_iter`` was enough
        n_iter_: passes over all samples
    """

    name = "gaussian_mixture"
    title = "Gaussian mixture"
    when = "Clusters of different size and spread; confidence is a probability"
    order = 40
    exact = True
    placed_by = "gaussian"

    def __init__(
        self,
        n_clusters: Annotated[int, Field(ge=2, description="How many clusters")] = 10,
        covariance_type: Annotated[
            Literal["diag", "spherical", "tied", "full"],
            Field(description="Shape of a cluster: one spread per dimension, one in all, one shared, or any"),
        ] = "diag",
        n_init: Annotated[int, Field(ge=1, le=100, description="Starts tried; the most likely is kept")] = 1,
        init_params: Annotated[
            Literal["kmeans", "k-means++", "random", "random_from_data"], Field(description="Where the means start")
        ] = "kmeans",
        max_iter: Annotated[int, Field(ge=1, description="Most passes over all samples")] = 100,
        tol: Annotated[float, Field(ge=0, description="Stop when the log-likelihood gains less than this")] = 1e-3,
        reg_covar: Annotated[
            float, Field(ge=0, description="Added to the variances, which keeps them positive")
        ] = 1e-6,
        random_state: int | None = 51,
    ):
        self.n_clusters = n_clusters
        self.covariance_type = covariance_type
        self.n_init = n_init
        self.init_params = init_params
        self.max_iter = max_iter
        self.tol = tol
        self.reg_covar = reg_covar
        self.random_state = random_state

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """Some 20 passes, whose cost has another factor d with tied and full covariances."""
        k, full = params["n_clusters"], params["covariance_type"] == "full"
        pairs = d if full or params["covariance_type"] == "tied" else 40
        seconds = 0.2 + 20 * params["n_init"] * n * k * d * pairs * 4e-11
        return Cost(seconds, 8 * (3 * n * k + 2 * n * d + 3 * d * d * (k if full else 1) * (pairs != 40)))

    def _fit(self, X: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.mixture import GaussianMixture as SklearnGaussianMixture

        progress(0.0, "Gaussian mixture")
        model = SklearnGaussianMixture(
            n_components=self.n_clusters,
            covariance_type=self.covariance_type,
            n_init=self.n_init,
            init_params=self.init_params,
            max_iter=self.max_iter,
            tol=self.tol,
            reg_covar=self.reg_covar,
            random_state=self.random_state,
        )
        try:
            self._fitted(model, X)
        except ValueError as error:
            if "covariance" not in str(error):
                raise
            raise ValueError(
                f"a component has no spread left with reg_covar={self.reg_covar:g}; raise it, or lower "
                f"n_clusters={self.n_clusters}"
            ) from error
        cholesky = model.precisions_cholesky_
        cholesky = cholesky[None] if self.covariance_type == "tied" else cholesky
        self.weights_, self.cluster_centers_, self.precisions_cholesky_ = model.weights_, model.means_, cholesky
        self.converged_, self.n_iter_ = bool(model.converged_), int(model.n_iter_)
        return self._assign(X)

    def _fitted(self, model: Any, X: np.ndarray) -> None:
        with warnings.catch_warnings():
            # of distinct vectors, which are counted after the fit
            warnings.filterwarnings("ignore", "Number of distinct clusters")
            try:
                model.fit(X)
            except ValueError as error:
                if "covariance" not in str(error) or X.dtype == np.float64:
                    raise
                model.fit(X.astype(np.float64))  # of copies of a vector float32 leaves negative variances

    def _keep(self, X: np.ndarray, used: np.ndarray) -> None:
        self.weights_ = self.weights_[used] / self.weights_[used].sum()
        self.cluster_centers_ = self.cluster_centers_[used]
        if self.covariance_type != "tied":
            self.precisions_cholesky_ = self.precisions_cholesky_[used]

    def _assign(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return posterior(X, self.weights_, self.cluster_centers_, self.precisions_cholesky_)


def log_density(X: np.ndarray, weights: np.ndarray, means: np.ndarray, cholesky: np.ndarray) -> np.ndarray:
    """Return the log of the weighted density of each component at each sample, up to a constant of the dimension.

    Args:
        X: ``(n, d)`` vectors
        weights: ``(k,)``
        means: ``(k, d)``
        cholesky: Cholesky factors of the precisions: ``(k,)`` spherical, ``(k, d)`` diag, ``(k, d, d)`` full,
            ``(1, d, d)`` tied

    Returns:
        ``(n, k)`` float64
    """
    X, means = np.asarray(X, dtype=np.float64), np.asarray(means, dtype=np.float64)
    cholesky = np.asarray(cholesky, dtype=np.float64)
    logs = np.log(np.asarray(weights, dtype=np.float64))
    if cholesky.ndim == 3:
        factors = np.broadcast_to(cholesky, (len(means), *cholesky.shape[1:]))
        squares = [((X - mean) @ factor) ** 2 for mean, factor in zip(means, factors, strict=True)]
        volume = np.log(np.diagonal(factors, axis1=1, axis2=2)).sum(axis=1)
        return logs + volume - 0.5 * np.stack([square.sum(axis=1) for square in squares], axis=1)
    factors = np.broadcast_to(cholesky.reshape(len(means), -1), means.shape)
    precisions = factors**2
    squares = X**2 @ precisions.T - 2 * X @ (means * precisions).T + (means**2 * precisions).sum(axis=1)
    return logs + np.log(factors).sum(axis=1) - 0.5 * squares


def posterior(
    X: np.ndarray, weights: np.ndarray, means: np.ndarray, cholesky: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return labels ``(n,)`` and float32 probabilities ``(n,)`` of the most likely component; arguments as above."""
    logs = log_density(X, weights, means, cholesky)
    labels = logs.argmax(axis=1)
    best = logs[np.arange(len(logs)), labels]
    return labels, (1.0 / np.exp(logs - best[:, None]).sum(axis=1)).astype(np.float32)
