"""What all ways of clustering by training on images share: their stages, where they start, and no silent collapse.

A clustering recipe trains in stages: one that makes features, unless it starts from a trained encoder; the method's
own, which has the method's name; and for some a last one that refines. Before the method's own stage the network is
kept. If clusters swallow others there, as in :func:`models.clusterers._heads.collapse`, that network comes back and the
stage is repeated once from k-means with twice the balance and other random numbers; then k-means on the encoder's
features takes the place of the heads. A refinement that loses clusters, or parts neighbours, is undone.
``memory["remarks"]`` says so.
"""

import math
from dataclasses import replace
from typing import Annotated, NamedTuple

from pydantic import Field

from ...parameters import parameters
from ..recipe import Recipe

NClusters = Annotated[int, Field(ge=2, description="How many clusters")]
Epochs = Annotated[int, Field(ge=1, le=100_000, description="Epochs of the method itself")]
RefinableEpochs = Annotated[
    int,
    Field(ge=0, le=100_000, description="Epochs of the method itself; 0 refines the clusters of a trained encoder"),
]
PretrainEpochs = Annotated[
    int, Field(ge=0, le=100_000, description="Epochs that make features first; none from a trained encoder")
]
ClusterRate = Annotated[
    float, Field(gt=0, le=10, description="Peak learning rate while clustering, as a share of that of making features")
]
_KEPT = "kept."
_SPOILED = 0.01  # of the neighbours; a refinement should bring them together


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

    Attributes:
        pretext: the name of the stage that makes features
        refinement: the name of the last stage, or an empty text
        needs_features: whether the method's own stage makes nothing of random weights
        harder: what a repetition after a collapse has besides other random numbers
        start: a :class:`Start`, or None to start from random weights
    """

    pretext = "simclr"
    refinement = ""
    needs_features = True
    harder = "with twice the balance"
    start: Start | None = None

    @classmethod
    def check_start(cls, name: str, kind: str):
        """Refuses a trained encoder that this method cannot start from.

        Args:
            name: of the encoder
            kind: what trained it

        Raises:
            ValueError: in one sentence
        """

    def take(self, given: dict):
        """Makes an attribute of every parameter, from the constructor's ``locals()``."""
        for name in parameters(type(self)):
            setattr(self, name, given[name])

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
        return "pretrain_epochs", "temperature", "backbone", "timm_model", "pretrained", "image_size", "resize"

    def check(self, n: int, processes: int = 1):
        """As of any recipe.

        Raises:
            ValueError: in one sentence; also for more clusters than a batch has images, without features, and in
                several processes
        """
        if processes > 1:
            raise ValueError(
                f"{self.kind} trains on images in one process, not {processes}; train an encoder with train_encoder in "
                f"several, and give it as encoder='trained:<name>'"
            )
        if self.epochs == 0:
            self._check_inheritance()
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
        return [self.pretext] * features + [self.kind] * epochs + [self.refinement] * self._refining()

    def _refining(self) -> int:
        return 0

    def _check_inheritance(self):
        """Refuses to refine clusters that are not there."""
        if not self._refining():
            raise ValueError(f"epochs=0 leaves {self.kind} nothing to train; use at least 1, or epochs that refine")
        kinds = {"scan", "cc", "pica", "spice"}
        if self.start is None or self.start.record["kind"] not in kinds:
            raise ValueError(
                f"epochs=0 has no clusters to refine; start from the encoder='trained:<name>' of a "
                f"{', '.join(sorted(kinds))} on images, or use at least 1"
            )
        found = self.start.record["params"]["n_clusters"]
        if found != self.n_clusters:
            raise ValueError(
                f"n_clusters={self.n_clusters}, but {self.start.name!r} has {found} clusters to refine with epochs=0; "
                f"use n_clusters={found}, or epochs of at least 1"
            )

    def preprocessing(self, side: int, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)):
        """That of the encoder it starts from, if any."""
        resize = self.start.record["preprocessing"]["resize_mode"] if self.start else self.resize
        return replace(super().preprocessing(side, mean, std), resize_mode=resize)

    def constants(self, pixels) -> tuple[tuple, tuple]:
        """Those of the encoder it starts from, if any."""
        if self.start:
            return tuple(tuple(self.start.record["preprocessing"][key]) for key in ("mean", "std"))
        return self.own_constants(pixels)

    def own_constants(self, pixels) -> tuple[tuple, tuple]:
        """Per-channel mean and standard deviation where it starts from random weights."""
        return super().constants(pixels)

    def trivial(self, pixels, engine) -> float:
        """The loss of assigning every image to every cluster alike, without the balance, which that satisfies."""
        return math.log(self.n_clusters)

    def verdict(self, loss: float, trivial: float, spread: float) -> str | None:
        """Nothing: a clustering in vain is repeated or replaced, see :meth:`review`."""
        return None

    def prepare(self, training):
        """Keeps the network at the start of a clustering stage, and starts it."""
        if training.stage == self.pretext:
            return
        if training.epoch == training.stages.index(training.stage):
            training.renew()
            self._keep(training)
            if training.stage == self.kind:
                self.begin(training)
            else:
                if self.kind not in training.stages:
                    self.inherit(training)
                self.refine(training)
        self.before_epoch(training)

    def begin(self, training):
        """Starts the method's own stage."""

    def inherit(self, training):
        """Takes the clusters of the encoder it starts from for those of the method's own stage."""

    def refine(self, training):
        """Starts the refinement."""

    def before_epoch(self, training):
        """Called before every epoch that clusters."""

    def assignments(self, training):
        """Soft assignments ``(n, k)`` of all images, on the CPU."""
        network = training.network
        return training.all_features(lambda images: network.assign(network.encoder(images)))

    def choose_head(self, training):
        """Marks the best of several heads, by losses alone."""

    def signs(self, training) -> dict:
        """The health of the clusters, and their scores if there are classes."""
        from ...clusterers.deep.steps import health

        if training.stage == self.pretext:
            return {}
        self.choose_head(training)
        P = self.assignments(training)
        self.labels = P.argmax(1)
        mined = training.state.get("neighbors")
        found = health(P, self.labels.new_zeros((len(P), 1)) if mined is None else mined)
        found = {key: round(value, 4) for key, value in found.items() if key != "agreement" or mined is not None}
        if training.truth is None:
            return {"health": found}
        return {"health": found, "scores": scores(training.truth, self.labels.numpy())}

    def review(self, training):
        """After the last epoch of a clustering stage: keeps it, repeats it, or undoes it."""
        from ...clusterers.deep.warm_start import collapse

        stage = training.stages[training.epoch - 1]
        if stage == self.pretext or training.stages[training.epoch :][:1] == [stage]:
            return
        problem = collapse(self.labels.numpy(), self.reference(training), self.n_clusters)
        problem = problem or self._worse(training, stage)
        if problem and stage != self.kind:
            self._restore(training)
            remark(training, f"{stage} was in vain: {problem}; the clusters are those before it")
        elif problem and training.memory.get("attempt", 0) == 0:
            self._repeat(training)
            training.memory.setdefault("collapsed", []).append(problem)
            remark(training, f"{self.kind} collapsed: {problem}; it was trained again {self.harder}")
            return
        elif problem:
            self._replace(training)
            training.memory.setdefault("collapsed", []).append(problem)
            remark(training, f"{self.kind} collapsed: {problem}; these clusters are those of k-means instead")
        if training.truth is not None:
            found = self.assignments(training).argmax(1) if problem else self.labels
            training.memory.setdefault("scores", {})[stage] = scores(training.truth, found.numpy())
        if training.epoch == len(training.stages):
            training.state = {}

    def reference(self, training):
        """Labels ``(n,)`` of k-means on the features that the method started from, or on its own if on none."""
        found = training.state.get("reference")
        return self.kmeans(training).labels_ if found is None else found.numpy()

    def kmeans(self, training):
        """k-means fitted to the features of all images."""
        from ...clusterers.deep.warm_start import kmeans

        return kmeans(self.vectors(training).numpy(), self.n_clusters, training.seed)

    def vectors(self, training):
        """Features ``(n, d)`` of all images as the encoder gives them to others, on the CPU."""
        return training.all_features()

    def fall_back(self, training, fitted):
        """Makes the network give the clusters of ``fitted``, k-means on its features."""
        raise NotImplementedError

    def boost(self, training) -> float:
        """What multiplies the balance: more of it after a collapse."""
        return 2.0 ** training.memory.get("attempt", 0)

    @property
    def has_features(self) -> bool:
        """Whether the method's own stage finds features that mean something."""
        return self.start is not None or self.pretrain_epochs > 0

    def _worse(self, training, stage: str) -> str | None:
        """What a refinement spoiled, judged without labels: neighbours that were in one cluster before it."""
        if stage == self.kind:
            return None
        ends = {entry["stage"]: entry["health"].get("agreement") for entry in training.curve if "health" in entry}
        before, after = ends.get(self.kind, training.memory.get("inherited")), ends[stage]
        if before is None or after > before - _SPOILED:
            return None
        return f"{after:.0%} of the neighbours are in one cluster, {before:.0%} before"

    def _repeat(self, training):
        self._restore(training)
        training.memory["attempt"] = 1
        training.epoch = training.stages.index(self.kind)
        training.curve = training.curve[: training.epoch]

    def _replace(self, training):
        if self.has_features:
            self._restore(training)
        self.fall_back(training, self.kmeans(training))
        training.memory["fallback"] = True
        training.epoch = len(training.stages)

    def _keep(self, training):
        tensors = {f"{_KEPT}{name}": t.detach().cpu().clone() for name, t in training.network.state_dict().items()}
        training.state |= tensors

    def _restore(self, training):
        kept = {name.removeprefix(_KEPT): t for name, t in training.state.items() if name.startswith(_KEPT)}
        training.network.load_state_dict(kept)


def remark(training, sentence: str):
    """Adds to what the run will say of its training."""
    training.memory.setdefault("remarks", []).append(sentence)


def scores(truth, labels) -> dict:
    """``acc``, ``nmi`` and ``ari`` of labels ``(n,)`` against the known classes, only ever reported."""
    from ...analysis.metrics import score_labels

    found = score_labels(truth, labels)
    return {key: round(found[key], 4) for key in ("acc", "nmi", "ari")}
