"""The base of every clusterer: checked parameters, labels, confidence, and places for new samples.

A clusterer is a scikit-learn estimator whose constructor carries its own form (see ``models/parameters.py``).
A new method is one file here with one subclass of :class:`Clusterer`: it says who it is in class attributes, and
implements ``_fit``.
"""

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from ..costs import Cost
from ..labels import NOISE
from ..parameters import RANDOM_STATE, parameters, validated
from ..progress import Progress, quiet
from ..vectors.centers import centroid_confidence, inertia, nearest_centers
from ..vectors.copies import agreed, first_copies
from ..vectors.neighbors import distance_limits, vote
from ..vectors.scaling import Scaling, scaling_of

_NARROW = 16  # few dimensions
# A clustering that leaves more of the samples out has hardly found what is in them
_MUCH_NOISE = 0.5


class Clusterer(ClusterMixin, BaseEstimator):
    """Base of all clustering methods.

    Copies of a vector get one label and one confidence, whatever the method; clusters that end without samples are
    dropped, from everything that is kept per cluster.

    Attributes:
        name: the value in the drop-down, equal to the file's name
        title: the method's usual name
        group: heading under which the method is offered
        when: one line that says when to choose it
        requires: packages that must be installed for the method to be offered
        density: whether the method looks for dense regions, which do not exist above some 50 dimensions, so that
            an automatic reduction picks UMAP first
        several_spaces: whether it takes the vectors of several encoders side by side, with their ``widths``
        order: position in the menu
        prototypes_by: which samples stand for a cluster, see :func:`models.analysis.exemplars.prototypes`
        placed_by: what places new samples: "neighbors", the vote of the nearest training samples, "centers", the
            nearest of ``cluster_centers_``, whose ``inertia_`` is kept too, "gaussian", or "head"; see
            ``models/placement.py``
        exact: whether float32 is not enough for scaled vectors of few dimensions
        remedy: the usual advice when fewer clusters are found than were asked for, see :meth:`advice`
        labels_: ``(n,)`` integers, -1 for noise
        confidence_: ``(n,)`` float32 in [0, 1], 0 for noise
        n_features_in_: dimension of the vectors seen in ``fit``
        scaling_: center and factor of vectors far from the origin or of an odd scale, through which all that is kept of
            the fit has seen them, None for others; see ``models/vectors/scaling.py``
    """

    name = ""
    title = ""
    group = "classical"
    when = ""
    requires: tuple[str, ...] = ()
    density = False
    several_spaces = False
    order = 100
    prototypes_by = "center"
    placed_by = "neighbors"
    exact = False
    remedy = "ask for fewer"
    _limited = False

    n_clusters: int
    labels_: np.ndarray
    confidence_: np.ndarray
    cluster_centers_: np.ndarray
    inertia_: float
    vectors_: np.ndarray
    metric_: str
    limits_: np.ndarray | None
    scaling_: Scaling | None

    @classmethod
    def estimate(cls, n: int, d: int, params: dict) -> Cost:
        """Expected cost of a fit.

        Args:
            n: number of samples
            d: dimension of the vectors
            params: a complete set of parameters

        Returns:
            a :class:`Cost`
        """
        raise NotImplementedError(f"{cls.__name__} does not estimate its cost; implement estimate(n, d, params)")

    @classmethod
    def check(cls, params: dict, n: int) -> None:
        """Refuse combinations of parameters that cannot work on ``n`` samples.

        Args:
            params: a complete set of parameters
            n: number of samples

        Raises:
            ValueError: if they cannot
        """
        k = params.get("n_clusters")
        if "n_clusters" in cls.relevant(params) and k is not None and k > n:
            raise ValueError(f"n_clusters={k} exceeds the {n} usable samples; choose at most {n}")

    @classmethod
    def relevant(cls, params: dict) -> list[str]:
        """The parameters that have an effect given the values of the others, in the order of a form.

        Args:
            params: parameter values chosen so far; missing ones count as their defaults

        Returns:
            a list of parameter names
        """
        return list(parameters(cls))

    @classmethod
    def offered(cls, params: dict) -> dict[str, list]:
        """The values that remain valid for some choices, given the values of the other parameters.

        Args:
            params: parameter values chosen so far; missing ones count as their defaults

        Returns:
            a dict of parameter name to its valid values; parameters with all their choices open are left out
        """
        return {}

    def fit(
        self, X: np.ndarray, y: Any = None, progress: Progress | None = None, copies: np.ndarray | None = None
    ) -> "Clusterer":
        """Cluster ``X``.

        Args:
            X: ``(n, d)`` vectors; float32 is kept
            y (None): ignored, here for scikit-learn's conventions
            progress (None): called with ``(fraction, message)``; whatever it raises stops the fit
            copies (None): ``(n,)`` the first copy of each sample, see :func:`models.vectors.copies.first_copies`, where
                ``X`` was reduced and copies may differ in it; by default the equal rows of ``X`` are copies

        Returns:
            this estimator

        Raises:
            ValueError: if a parameter or the vectors are not usable
        """
        X = validate_data(self, X, dtype=[np.float32, np.float64], order="C", ensure_min_samples=2)
        params = self._validated()
        self.check(params, len(X))
        copies = first_copies(X) if copies is None else copies
        self.scaling_ = None if self._about_origin(X) else scaling_of(X)
        X = self._scaled(X)
        found = self._fit(X, progress or quiet)
        self.labels_, confidence = self._settled(X, params, copies, *found)
        confidence = np.clip(np.nan_to_num(np.asarray(confidence, dtype=np.float32)), 0.0, 1.0)
        self.confidence_ = np.where(self.labels_ == NOISE, np.float32(0), confidence)
        if self.placed_by == "neighbors":
            self.limits_ = distance_limits(X, self.labels_, self.metric_) if self._limited else None
        return self

    def assign(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Place samples in the clusters found.

        Args:
            X: ``(m, d)`` vectors, prepared as those seen in ``fit``

        Returns:
            a tuple of ``(m,)`` labels and ``(m,)`` float32 confidences
        """
        copies, X = self._checked(X)
        return agreed(copies, *self._assign(X))

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Return the labels ``(m,)`` of samples ``(m, d)`` that may be new; -1 where the method calls them noise."""
        return self.assign(X)[0]

    def advice(self) -> str:
        """Return what to do about a fit that found fewer clusters than were asked for."""
        return self.remedy

    def noise_advice(self, d: int) -> str:
        """Return what to do about a fit of vectors of dimension ``d`` that left most samples out as noise."""
        return "choose a method that gives every sample a cluster, such as kmeans"

    def _fit(self, X: np.ndarray, progress: Progress) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the labels ``(n,)`` of ``X`` and their confidence, None for that of :meth:`_confidence`."""
        raise NotImplementedError(f"{type(self).__name__} cannot fit; implement _fit(X, progress)")

    def _about_origin(self, X: np.ndarray) -> bool:
        """Return whether directions from the origin count in ``X``, as of the cosine: nothing may be moved then."""
        return False

    def _checked(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the first copies ``(m,)`` of new vectors ``(m, d)``, and the vectors as those of the fit were seen."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float32, np.float64], order="C", reset=False)
        return first_copies(X), self._scaled(X)

    def _scaled(self, X: np.ndarray) -> np.ndarray:
        if self.scaling_ is None:
            return X
        return self.scaling_(X.astype(np.float64, copy=False) if self.exact and X.shape[1] <= _NARROW else X)

    def _factor(self) -> float:
        """Return the factor of lengths that are given in the vectors' own unit."""
        return 1.0 if self.scaling_ is None else self.scaling_.factor

    def _assign(self, X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.placed_by == "centers":
            return nearest_centers(X, self.cluster_centers_)
        return vote(X, self.vectors_, self.labels_, metric=self.metric_, limits=self.limits_)

    def _keep(self, X: np.ndarray, used: np.ndarray) -> None:
        """Drop all clusters but the sorted numbers ``used`` from what is kept of them."""
        if self.placed_by == "centers":
            self.cluster_centers_ = self.cluster_centers_[used]
            self.inertia_ = inertia(X, self.cluster_centers_, nearest_centers(X, self.cluster_centers_)[0])

    def _confidence(self, X: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return centroid_confidence(X, labels)

    def _remember(self, X: np.ndarray, noise: bool = False, metric: str = "euclidean") -> None:
        # Methods without a rule for new samples place them by the training samples nearest to them.
        self.vectors_, self.metric_, self._limited = X, metric, noise

    def _settled(
        self, X: np.ndarray, params: dict, copies: np.ndarray, labels: np.ndarray, confidence: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return labels and confidence, one for all copies, in clusters that have samples; warn of too few of these."""
        labels = np.asarray(labels, dtype=np.int64)
        wanted = self.n_clusters if "n_clusters" in self.relevant(params) else 0
        known = max(wanted, int(labels.max(initial=NOISE)) + 1)
        given = np.zeros(len(X)) if confidence is None else confidence
        labels, given = settled(copies, labels, given, known, lambda used, *now: self._among(X, used, *now))
        for problem in self._problems(labels, copies, X.shape[1], wanted):
            warnings.warn(f"{self.name} {problem}", ConvergenceWarning, stacklevel=3)
        return labels, self._confidence(X, labels)[copies] if confidence is None else given

    def _problems(self, labels: np.ndarray, copies: np.ndarray, d: int, wanted: int) -> Iterator[str]:
        """Say what is wrong with labels ``(n,)`` of vectors of dimension ``d``, each with what to do about it."""
        n, found, noise = len(labels), int(labels.max()) + 1, float((labels == NOISE).mean())
        distinct = int((copies == np.arange(n)).sum())
        if noise > _MUCH_NOISE:
            said = (
                f"left {noise:.0%} of {n:,} samples out as noise" if found else f"found no cluster: all {n:,} are noise"
            )
            same = "the vectors are identical, so choose other embeddings"
            yield f"{said}; {same if distinct == 1 else self.noise_advice(d)}"
        if found < wanted:
            few = f"ask for fewer: only {distinct:,} of {n:,} vectors are distinct"
            said = f"found {found} clusters, fewer than n_clusters={wanted}"
            yield f"{said}; {few if distinct < wanted else self.advice()}"

    def _among(
        self, X: np.ndarray, used: np.ndarray, labels: np.ndarray, confidence: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Leave only the clusters ``used``, with all that is kept per cluster; return labels and confidence."""
        self._keep(X, used)
        if self.placed_by == "neighbors":
            return np.where(labels == NOISE, NOISE, np.searchsorted(used, labels)), confidence
        return self._assign(X)

    def _validated(self) -> dict:
        given = {key: value for key, value in self.get_params(deep=False).items() if key != RANDOM_STATE}
        return validated(type(self), given)


def settled(
    copies: np.ndarray,
    labels: np.ndarray,
    confidence: np.ndarray,
    known: int,
    among: Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
) -> tuple[np.ndarray, np.ndarray]:
    """Give all copies of a vector one label and confidence, and leave no cluster without samples.

    Args:
        copies: ``(n,)`` as :func:`models.vectors.copies.first_copies` returns them
        labels: ``(n,)`` as a method found them, -1 for noise
        confidence: ``(n,)``
        known: how many clusters the method tells apart
        among: called with the sorted numbers of the clusters that have samples, labels and confidence where some have
            none; drops those and returns labels, numbered from 0, and confidence among the others

    Returns:
        a tuple of ``(n,)`` labels without a gap and ``(n,)`` confidences
    """
    labels, confidence = agreed(copies, labels, confidence)
    while len(used := np.flatnonzero(np.bincount(labels - NOISE)[1:])) < known:
        known = len(used)  # rounding may decide otherwise among fewer clusters, so they are counted again
        labels, confidence = agreed(copies, *among(used, labels, confidence))
    return labels, confidence
