"""Fewer dimensions before clustering, and two for the map.

Distances concentrate in high dimensions, so methods that look for dense regions find mostly noise there: on 1280-d
features of CIFAR-10 HDBSCAN calls over half of the samples noise. UMAP (McInnes et al. 2018) keeps who is whose
neighbor and draws groups together; PCA keeps the directions of most variance, is cheap and linear.
"""

import warnings
from typing import Annotated, Any, Protocol

import numpy as np
from pydantic import Field
from sklearn.base import BaseEstimator, TransformerMixin

from ..costs import Cost
from ..parameters import RANDOM_STATE, validated
from ..progress import Progress, quiet
from .copies import first_copies
from .neighbors import Neighbors, nearest_neighbors

# Above this, "auto" reduces for density methods.
DENSE_DIMENSIONS = 50
# On CIFAR-10 features 200 epochs give the clusters of umap-learn's 500 (below 10,000 samples) at 0.4 of the time.
_EPOCHS = 200
_COMPILING = 12.0  # seconds
_compiled: set[str] = set()  # in this process
# Fewer different samples than this have no neighborhood graph worth drawing; the linear projection is shown instead.
_FEWEST = 16
_TOO_FEW = "UMAP needs {2} different vectors and got {0} among {1}, so the first principal components were used instead"


class _Method(Protocol):
    """A clustering method, as far as its reduction depends on it."""

    density: bool


class Reduction(TransformerMixin, BaseEstimator):
    """Base class of the reductions: ``fit_transform(X, knn=None, progress=None)``.

    Attributes:
        name: the value in the drop-down
        title: the method's usual name
        when: one line that says when to choose it
        neighbors: how many neighbors of each sample ``fit_transform`` can use as ``knn``, 0 if none
    """

    name = ""
    title = ""
    when = ""
    neighbors = 0

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """Return the expected cost on ``n`` samples of dimension ``d``, as for clusterers."""
        return Cost(0.0, 0)

    def _validated(self) -> dict:
        given = {key: value for key, value in self.get_params(deep=False).items() if key != RANDOM_STATE}
        return validated(type(self), given)


class NoReduction(Reduction):
    """The vectors as they are."""

    name = "none"
    title = "none"
    when = "k-means and relatives on embeddings; new samples are placed exactly"

    def fit_transform(
        self, X: np.ndarray, y: Any = None, knn: Neighbors | None = None, progress: Progress | None = None
    ) -> np.ndarray:
        """Return ``X`` ``(n, d)`` itself."""
        return X

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return ``X`` ``(m, d)`` itself."""
        return X


class PCAReduction(Reduction):
    """Principal components.

    Attributes:
        mean_: ``(d,)``
        components_: ``(n_components, d)``, at most as many as samples or dimensions
    """

    name = "pca"
    title = "PCA"
    when = "Quick and linear: takes out noise directions, and new samples are placed exactly"

    def __init__(
        self,
        n_components: Annotated[int, Field(ge=1, description="Dimensions to keep")] = 50,
        random_state: int | None = 51,
    ):
        self.n_components = n_components
        self.random_state = random_state

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """Return the expected cost, as for clusterers."""
        width = min(params["n_components"] + 10, d)
        return Cost(0.05 + 12 * 4e-11 * n * d * width, 4 * n * (d + 3 * width))

    def fit_transform(
        self, X: np.ndarray, y: Any = None, knn: Neighbors | None = None, progress: Progress | None = None
    ) -> np.ndarray:
        """Return the coordinates ``(n, min(n_components, n, d))`` of ``X`` ``(n, d)``, float32."""
        from sklearn.decomposition import PCA

        params = self._validated()
        X = np.asarray(X, dtype=np.float32)
        (progress or quiet)(0.0, "PCA")
        width = min(params["n_components"], *X.shape)
        # Exact where that is cheap; the randomized solver needs room beyond the components asked for.
        solver = "covariance_eigh" if X.shape[1] <= 2000 and len(X) > X.shape[1] else "auto"
        fitted = PCA(width, svd_solver=solver, random_state=self.random_state).fit(X)
        self.mean_ = fitted.mean_.astype(np.float32)
        self.components_ = np.ascontiguousarray(fitted.components_, dtype=np.float32)
        return self.transform(X)

    def transform(self, X: np.ndarray) -> np.ndarray:
        """Return the coordinates ``(m, n_components)`` of ``X`` ``(m, d)``, float32."""
        return project(X, self.mean_, self.components_)


class UMAPReduction(Reduction):
    """Uniform manifold approximation and projection.

    It has no transform: new samples are placed by their nearest neighbors among the vectors it was fitted on.

    Attributes:
        vectors_: ``(n, d)`` what it was fitted on, not copied
    """

    name = "umap"
    title = "UMAP"
    when = "HDBSCAN, and k-means when quality counts more than seconds: draws neighbors together"
    neighbors = 15

    def __init__(
        self,
        n_components: Annotated[int, Field(ge=2, le=100, description="Dimensions of the result")] = 10,
        n_neighbors: Annotated[
            int, Field(ge=2, le=200, description="Neighbors per sample; more shows coarser structure")
        ] = 15,
        min_dist: Annotated[
            float, Field(ge=0, le=0.99, description="Least distance between samples; 0 packs clusters tightly")
        ] = 0.0,
        random_state: int | None = 51,
    ):
        self.n_components = n_components
        self.n_neighbors = n_neighbors
        self.min_dist = min_dist
        self.random_state = random_state

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """Return the expected cost, as for clusterers."""
        search = 2.5e-11 * n * n * d if n <= 40_000 else 35 + 1.3e-4 * n
        layout = 1e-8 * n * _EPOCHS * params["n_neighbors"] * (1 + params["n_components"] / 10)
        return Cost(0.3 + search + layout, n * params["n_neighbors"] * 100 + 4 * 2048 * n)

    @classmethod
    def startup(cls, n: int) -> float:
        """Return the seconds of compiling, which the first fit in a process to more than a few samples does."""
        return 0.0 if _compiled or n < _FEWEST else _COMPILING

    def fit_transform(
        self, X: np.ndarray, y: Any = None, knn: Neighbors | None = None, progress: Progress | None = None
    ) -> np.ndarray:
        """Embed ``X``.

        Args:
            X: ``(n, d)`` vectors
            y (None): ignored, here for scikit-learn's conventions
            knn (None): ``(indices, distances)`` of :func:`models.vectors.neighbors.nearest_neighbors` with the cosine
                metric; searched for if missing or too short
            progress (None): called with ``(fraction, message)``; whatever it raises stops the fit

        Returns:
            ``(n, n_components)`` float32; the first principal components below 16 different samples
        """
        params = self._validated()
        progress = progress or quiet
        X = np.ascontiguousarray(X, dtype=np.float32)
        self.vectors_ = X
        width = params["n_components"]
        distinct, least = len(np.unique(first_copies(X))), max(_FEWEST, width + 3)
        if distinct < least:
            if width > 2:  # on a map it makes no difference
                warnings.warn(_TOO_FEW.format(distinct, len(X), least), UserWarning, stacklevel=2)
            return _linear(X, width)
        k = min(params["n_neighbors"], len(X) - 1)
        if knn is None or knn[0].shape[1] < k - 1:
            progress(0.0, "nearest neighbors")
            knn = nearest_neighbors(X, k - 1, "cosine", self.random_state or 0)
        progress(0.3, "UMAP")
        embedded = _layout(X, knn, k, params, self.random_state)
        progress(1.0, "UMAP")
        return embedded


REDUCTIONS: dict[str, type[Reduction]] = {cls.name: cls for cls in (NoReduction, PCAReduction, UMAPReduction)}


def get_reduction(name: str) -> type[Reduction]:
    """Return the class of a reduction.

    Raises:
        ValueError: if there is no such reduction
    """
    if name not in REDUCTIONS:
        raise ValueError(f"there is no reduction {name!r}; choose one of auto, {', '.join(REDUCTIONS)}")
    return REDUCTIONS[name]


def resolve(name: str, clusterer: type[_Method], d: int) -> str:
    """Return the reduction that ``name`` means for a clusterer.

    Args:
        name: "auto" or a name in ``REDUCTIONS``
        clusterer: a clusterer class
        d: dimension of the vectors

    Returns:
        a name in ``REDUCTIONS``: "auto" is "umap" for density methods above 50 dimensions, otherwise "none"

    Raises:
        ValueError: if there is no such reduction
    """
    if name == "auto":
        return "umap" if clusterer.density and d > DENSE_DIMENSIONS else "none"
    return get_reduction(name).name


def project(X: np.ndarray, mean: np.ndarray, components: np.ndarray) -> np.ndarray:
    """Project ``X`` ``(m, d)`` about ``mean`` ``(d,)`` on ``components`` to ``(m, n_components)``, float32."""
    return np.asarray(X, dtype=np.float32) @ components.T - mean @ components.T


def project_2d(
    X: np.ndarray, knn: Neighbors | None = None, random_state: int = 51, progress: Progress | None = None
) -> np.ndarray:
    """Draw the map of a dataset with UMAP in two dimensions (15 neighbors, min_dist 0.1, cosine).

    Args:
        X: ``(n, d)`` vectors
        knn (None): as for :meth:`UMAPReduction.fit_transform`
        random_state (51): seed
        progress (None): called with ``(fraction, message)``; whatever it raises stops the work

    Returns:
        ``(n, 2)`` float32; principal components below 16 different samples
    """
    umap = UMAPReduction(n_components=2, n_neighbors=15, min_dist=0.1, random_state=random_state)
    return umap.fit_transform(X, knn=knn, progress=progress)


def _linear(X: np.ndarray, width: int) -> np.ndarray:
    coordinates = np.zeros((len(X), width), dtype=np.float32)
    if len(X) > 1 and np.ptp(X, axis=0).max() > 0:
        found = PCAReduction(width).fit_transform(X)
        coordinates[:, : found.shape[1]] = found[first_copies(X)]
    return coordinates


def _layout(X: np.ndarray, knn: Neighbors, k: int, params: dict, seed: int | None) -> np.ndarray:
    from umap import UMAP

    own = np.arange(len(X))[:, None]
    # UMAP counts the sample itself as its first neighbor.
    indices = np.hstack([own, knn[0][:, : k - 1]])
    distances = np.hstack([np.zeros_like(own, dtype=np.float32), knn[1][:, : k - 1]])
    model = UMAP(
        n_components=params["n_components"],
        n_neighbors=k,
        min_dist=params["min_dist"],
        n_epochs=_EPOCHS,
        metric="cosine",
        init=_start(X, params["n_components"], seed),
        random_state=seed,
        n_jobs=1,
        precomputed_knn=(indices, distances, None),
    )
    with warnings.catch_warnings():
        # It warns that it cannot transform new samples, which are placed by their neighbors here.
        warnings.filterwarnings("ignore", module="umap")
        _compiled.add("umap")
        return model.fit_transform(X).astype(np.float32)


def _start(X: np.ndarray, width: int, seed: int | None) -> np.ndarray:
    """Return principal components, scaled as UMAP's own: unlike its spectral start, they exist for any graph."""
    start = _linear(X, width)
    start *= 10.0 / np.abs(start).max()
    jitter = np.random.default_rng(seed).normal(scale=1e-4, size=start.shape)
    return start + jitter.astype(np.float32)
