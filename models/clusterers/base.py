"""What every clusterer shares: checked parameters, labels, confidence, and places for new samples.

A clusterer is a scikit-learn estimator whose constructor carries its own form (see ``models/parameters.py``).
A new method is one file here with one subclass of :class:`Clusterer`: it says who it is in class attributes, and
implements ``_fit``.
"""

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from ..costs import Cost
from ..labels import NOISE
from ..parameters import SEED, parameters, validated
from ..progress import quiet
from ..vectors.centers import nearest_centers
from ..vectors.neighbors import distance_limits, vote


class Clusterer(ClusterMixin, BaseEstimator):
    """Base of all clustering methods.

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
        prototypes_by: which samples stand for a cluster, see :func:`models.representatives.prototypes`
        placed_by: what places new samples: "neighbors", the vote of the nearest training samples, "centers", the
            nearest of ``cluster_centers_``, or "gaussian"; see ``models/placement.py``
        labels_: ``(n,)`` integers, -1 for noise
        confidence_: ``(n,)`` float32 in [0, 1], 0 for noise
        n_features_in_: dimension of the vectors seen in ``fit``
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
    def check(cls, params: dict, n: int):
        """Refuses combinations of parameters that cannot work on ``n`` samples.

        Args:
            params: a complete set of parameters
            n: number of samples

        Raises:
            ValueError: in one sentence with the remedy
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

    def fit(self, X, y=None, progress=None):
        """Clusters ``X``.

        Args:
            X: ``(n, d)`` vectors; float32 is kept
            y (None): ignored, here for scikit-learn's conventions
            progress (None): called with ``(fraction, message)``; whatever it raises stops the fit

        Returns:
            this estimator

        Raises:
            ValueError: if a parameter or the vectors are not usable
        """
        X = validate_data(self, X, dtype=[np.float32, np.float64], order="C", ensure_min_samples=2)
        params = self._validated()
        self.check(params, len(X))
        labels, confidence = self._fit(X, progress or quiet)
        self.labels_ = np.asarray(labels, dtype=np.int64)
        confidence = np.clip(np.nan_to_num(np.asarray(confidence, dtype=np.float32)), 0.0, 1.0)
        self.confidence_ = np.where(self.labels_ == NOISE, np.float32(0), confidence)
        return self

    def assign(self, X):
        """Places samples in the clusters found.

        Args:
            X: ``(m, d)`` vectors, prepared as those seen in ``fit``

        Returns:
            a tuple of ``(m,)`` labels and ``(m,)`` float32 confidences
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[np.float32, np.float64], order="C", reset=False)
        return self._assign(X)

    def predict(self, X):
        """Labels ``(m,)`` of samples ``(m, d)`` that may be new; -1 where the method calls them noise."""
        return self.assign(X)[0]

    def _fit(self, X, progress):
        raise NotImplementedError(f"{type(self).__name__} cannot fit; implement _fit(X, progress)")

    def _assign(self, X):
        if self.placed_by == "centers":
            return nearest_centers(X, self.cluster_centers_)
        return vote(X, self.vectors_, self.labels_, metric=self.metric_, limits=self.limits_)

    def _remember(self, X, labels, noise: bool = False, metric: str = "euclidean"):
        # Methods without a rule for new samples place them by the training samples nearest to them.
        self.vectors_ = X
        self.metric_ = metric
        self.limits_ = distance_limits(X, np.asarray(labels), metric) if noise else None

    def _validated(self) -> dict:
        given = {key: value for key, value in self.get_params(deep=False).items() if key != SEED}
        return validated(type(self), given)
