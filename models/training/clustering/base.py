"""Common base of all ways of clustering by training on images: their parameters, their stages, and where they start.

A clustering recipe trains in stages: one that makes features, unless it starts from a trained encoder; the method's
own, which has the method's name; and for some a last one that refines. A stage of clustering ends under
:mod:`models.training.clustering.guard`.
"""

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field

from ...images.preprocessing import Preprocessing
from ...parameters import parameters
from ..pixels import Pixels
from ..recipe import Recipe, Triple
from ..state import TrainingState
from . import ending, guard
from .scoring import scores

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ...clusterers.kmeans import KMeans
    from ..engine import Engine


class Start(NamedTuple):
    """The trained encoder that a clustering starts from.

    Args:
        name: in the model store
        record: of its checkpoint
        weights: the tensors of its network
    """

    name: str
    record: dict
    weights: dict


class ClusteringRecipe(Recipe):
    """Base of all ways of clustering by training on images.

    Args:
        n_clusters: how many clusters
        epochs: epochs of the clustering
        pretrain_epochs: epochs that make features, unless a trained encoder is given
        cluster_rate: learning rate while clustering, as a share of that of making features
        shared: as those of the recipe that makes features

    Attributes:
        pretext: the name of the stage that makes features
        refinement: the name of the last stage, or an empty text
        needs_features: whether the method's own stage makes nothing of random weights
        harder: what a repetition after a collapse has besides other random numbers
        start: a :class:`Start`, or None to start from random weights
        stage: that of the batch drawn last
        labels: ``(n,)`` tensor of all images' clusters after the epoch done last
    """

    clusters = True
    pretext = "simclr"
    refinement = ""
    needs_features = True
    retry_note = "with twice the balance"
    start: Start | None = None
    stage: str
    labels: "torch.Tensor"

    def __init__(
        self,
        n_clusters: Annotated[int, Field(ge=2, description="How many clusters")] = 10,
        epochs: Annotated[int, Field(ge=1, le=100_000, description="Epochs of the method itself")] = 30,
        pretrain_epochs: Annotated[
            int, Field(ge=0, le=100_000, description="Epochs that make features first; none from a trained encoder")
        ] = 100,
        *,
        cluster_rate: Annotated[
            float,
            Field(
                gt=0, le=10, description="Peak learning rate while clustering, as a share of that of making features"
            ),
        ] = 0.25,
        **shared: Any,
    ):
        super().__init__(**shared)
        self.n_clusters = n_clusters
        self.epochs = epochs
        self.pretrain_epochs = pretrain_epochs
        self.cluster_rate = cluster_rate

    @classmethod
    def check_start(cls, name: str, kind: str) -> None:
        """Refuse a trained encoder that this method cannot start from.

        Args:
            name: of the encoder
            kind: what trained it

        Raises:
            ValueError: if it is refused
        """

    @classmethod
    def relevant(cls, params: dict) -> list[str]:
        """The parameters that have an effect, in the order of a form.

        Args:
            params: parameter values chosen so far, and ``started``, whether a trained encoder makes the features
        """
        return [name for name in parameters(cls) if not (params.get("started") and name in cls.of_features())]

    @classmethod
    def of_features(cls) -> tuple[str, ...]:
        """The parameters that matter only while features are made."""
        raise NotImplementedError(f"{cls.__name__} lacks of_features; implement of_features()")

    def check(self, n: int, processes: int = 1) -> None:
        """As of any recipe.

        Raises:
            ValueError: if one is refused; also for more clusters than a batch has images, without features, and in
                several processes
        """
        if processes > 1:
            raise ValueError(
                f"{self.kind} trains on images in one process, not {processes}; train an encoder with train_encoder in "
                f"several, and give it as encoder='trained:<name>'"
            )
        if self.needs_features and not self.has_features:
            raise ValueError(
                f"pretrain_epochs=0 leaves {self.kind} without features to cluster; use at least 1, or start from "
                "encoder='trained:<name>'"
            )
        if self.n_clusters > n:
            raise ValueError(f"n_clusters={self.n_clusters} exceeds the {n} readable images; choose at most {n}")
        if self.batch_size < 2 * self.n_clusters:
            raise ValueError(
                f"batch_size={self.batch_size} is below {2 * self.n_clusters}, two images per cluster, without which "
                "sizes cannot be judged; raise it, or lower n_clusters"
            )
        super().check(n, processes)

    def stages(self, epochs: int) -> list[str]:
        """Features unless they are there, then the method, then what refines it."""
        features = 0 if self.start else self.pretrain_epochs
        return [self.pretext] * features + [self.kind] * epochs + [self.refinement] * self.refinement_epochs

    @property
    def refinement_epochs(self) -> int:
        """Epochs of the last stage."""
        return 0

    def peak_rate(self, stage: str) -> float:
        """A share of the usual while clustering, which moves what was learned before."""
        return super().peak_rate(stage) * (1 if stage == self.pretext else self.cluster_rate)

    def preprocessing(self, side: int, mean: Triple = (0.0, 0.0, 0.0), std: Triple = (1.0, 1.0, 1.0)) -> Preprocessing:
        """That of the encoder it starts from, if any."""
        resize = self.start.record["preprocessing"]["resize_mode"] if self.start else self.resize
        return replace(super().preprocessing(side, mean, std), resize_mode=resize)

    def constants(self, pixels: Pixels) -> tuple[Triple, Triple]:
        """Those of the encoder it starts from, if any."""
        if self.start:
            known = self.start.record["preprocessing"]
            return tuple(known["mean"]), tuple(known["std"])
        return self.own_constants(pixels)

    def own_constants(self, pixels: Pixels) -> tuple[Triple, Triple]:
        """Per-channel mean and standard deviation where it starts from random weights."""
        return super().constants(pixels)

    def trivial(self, pixels: Pixels, engine: "Engine") -> float:
        """The loss of assigning every image to every cluster alike, without the balance, which that satisfies."""
        return math.log(self.n_clusters)

    def verdict(self, loss: float, trivial: float, spread: float) -> str | None:
        """Nothing: a clustering in vain is repeated or replaced, see :meth:`review`."""
        return None

    def prepare(self, training: TrainingState) -> None:
        """Keep the network at the start of a clustering stage, and start it."""
        if training.stage == self.pretext:
            return
        if training.epoch == training.stages.index(training.stage):
            training.renew()
            guard.begin(training)
            if training.stage == self.kind:
                self.begin(training)
            else:
                if self.kind not in training.stages:
                    self.inherit(training)
                self.refine(training)
        self.before_epoch(training)

    def begin(self, training: TrainingState) -> None:
        """Start the method's own stage."""

    def inherit(self, training: TrainingState) -> None:
        """Take the clusters of the encoder it starts from for those of the method's own stage."""

    def refine(self, training: TrainingState) -> None:
        """Start the refinement."""

    def before_epoch(self, training: TrainingState) -> None:
        """Called before every epoch that clusters."""

    def assignments(self, training: TrainingState) -> "torch.Tensor":
        """Soft assignments ``(n, k)`` of all images, on the CPU."""
        network = training.network
        return training.all_features(lambda images: network.assign(network.encoder(images)))

    def evaluate(self, training: TrainingState) -> "torch.Tensor":
        """Soft assignments ``(n, k)`` of all images after an epoch, by the best of several heads, marked as such."""
        return self.assignments(training)

    def comparable_loss(self, training: TrainingState) -> float | None:
        """The loss over all images after the epoch done last, whose lowest chooses the epoch; None keeps the last."""
        return None

    def ended(self, training: TrainingState) -> str | None:
        """Say why a stage need not go on after the epoch done last, in words; None if it should."""
        return None

    def diagnostics(self, training: TrainingState) -> dict:
        """The health of the clusters, and their scores if there are classes."""
        from ...clusterers.deep.steps import health

        if training.stage == self.pretext:
            return {}
        P = self.evaluate(training)
        self.labels = P.argmax(1)
        mined = training.state.get("neighbors")
        found = health(P, self.labels.new_zeros((len(P), 1)) if mined is None else mined)
        found |= self.more_health(training, P)
        found = {key: round(value, 4) for key, value in found.items() if key != "agreement" or mined is not None}
        if training.truth is None:
            return {"health": found}
        return {"health": found, "scores": scores(training.truth, self.labels.numpy())}

    def more_health(self, training: TrainingState, P: "torch.Tensor") -> dict[str, float]:
        """Shares that a method watches besides, of the assignments ``P`` ``(n, k)`` after an epoch."""
        return {}

    def review(self, training: TrainingState) -> None:
        """After every epoch of a clustering stage, see :func:`models.training.clustering.ending.review`."""
        ending.review(self, training)

    def conclude(self, training: TrainingState, stage: str) -> None:
        """After the last epoch of a clustering stage, see :func:`models.training.clustering.ending.conclude`."""
        ending.conclude(self, training, stage)

    def reference(self, training: TrainingState) -> "np.ndarray":
        """Labels ``(n,)`` of k-means on the features that the method started from, or on its own if on none."""
        found = training.state.get("reference")
        return self.kmeans(training).labels_ if found is None else found.numpy()

    def kmeans(self, training: TrainingState) -> "KMeans":
        """k-means fitted to the features of all images."""
        from ...clusterers.deep.warm_start import kmeans

        return kmeans(self.vectors(training).numpy(), self.n_clusters, training.seed)

    def vectors(self, training: TrainingState) -> "torch.Tensor":
        """Features ``(n, d)`` of all images as the encoder gives them to others, on the CPU."""
        return training.all_features()

    def fall_back(self, training: TrainingState, fitted: "KMeans") -> None:
        """Make the network give the clusters of ``fitted``, k-means on its features."""
        raise NotImplementedError(f"{type(self).__name__} lacks fall_back; implement fall_back(training, fitted)")

    def steps_done(self, training: TrainingState, step: int) -> int:
        """Count the steps of a stage before step number ``step`` of the current epoch."""
        epochs = training.epoch - training.stages.index(training.stage)
        return epochs * (len(training.pixels) // self.batch_size) + step

    def boost(self, training: TrainingState) -> float:
        """The factor of the balance: larger after a collapse."""
        return 2.0 ** guard.attempt(training)

    @property
    def has_features(self) -> bool:
        """True if the method's own stage finds features that mean something."""
        return self.start is not None or self.pretrain_epochs > 0
