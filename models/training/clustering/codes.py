"""Codes of an autoencoder, clustered while it trains: what DEC and IDEC share."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ...clusterers.deep.autoencoder import LEAST_CHECKS, Tolerance
from .. import recipe_class
from ..autoencoder import RATES, UNCHANGED, Denoising
from ..pixels import Pixels
from ..recipe import Precision, Recipe, Triple
from ..state import TrainingState
from . import guard
from .base import ClusteringRecipe
from .scoring import scores

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ...clusterers.kmeans import KMeans
    from ..augmentation import Augmentation
    from ..engine import Engine
    from .networks import CodeNetwork

_KINDS = ("autoencoder", "conv_autoencoder")


class CodeClustering(ClusteringRecipe):
    """Base of DEC and IDEC.

    Args:
        pretrain_epochs: epochs of the autoencoder, unless a trained one is given
        autoencoder: "autoencoder", fully connected, or "conv_autoencoder"
        code: length of the code
        denoising: share of each layer's inputs that is set to 0 while the autoencoder trains
        tol: share of the images; the clustering ends when fewer change their cluster in an epoch
        cluster_rate: learning rate while clustering, as a share of the autoencoder's
        weight_decay: of filters and matrices
        precision: number format
        shared: as :class:`models.training.clustering.base.ClusteringRecipe`'s

    Attributes:
        joint: whether the code must still reconstruct the images while clustering
        target: ``(n, k)`` tensor that assignments approach in the current epoch
    """

    pretext = "autoencoder"
    loss_name = "divergence"
    raw_codes = True
    usual_rates = RATES
    joint = False
    target: "torch.Tensor"

    def __init__(
        self,
        pretrain_epochs: int = 60,
        autoencoder: Annotated[
            Literal["autoencoder", "conv_autoencoder"],
            Field(description="Fully connected, the papers' for digits, or convolutional, where position varies"),
        ] = "autoencoder",
        code: Annotated[int, Field(ge=2, le=256, description="Length of the code")] = 10,
        denoising: Denoising = 0.0,
        *,
        tol: Tolerance = 1e-3,
        cluster_rate: float = 0.1,
        weight_decay: float = 0.0,
        precision: Precision = "float32",
        **shared: Any,
    ):
        super().__init__(
            pretrain_epochs=pretrain_epochs,
            cluster_rate=cluster_rate,
            weight_decay=weight_decay,
            precision=precision,
            **shared,
        )
        self.autoencoder = autoencoder
        self.code = code
        self.denoising = denoising
        self.tol = tol

    @property
    def divergence_weight(self) -> float:
        """Weight of the divergence in the loss."""
        return 1.0

    @classmethod
    def of_features(cls) -> tuple[str, ...]:
        """The parameters that matter only while features are made."""
        return "pretrain_epochs", "autoencoder", "code", "denoising", "image_size", "resize"

    @classmethod
    def check_start(cls, name: str, kind: str) -> None:
        """Refuse encoders without a decoder.

        Raises:
            ValueError: if it is refused
        """
        if kind not in _KINDS and not issubclass(recipe_class(kind), CodeClustering):
            raise ValueError(
                f"{cls.kind} clusters in the code of an autoencoder, but {name!r} is of kind {kind!r}; choose one of "
                f"kind {' or '.join(_KINDS)}, or none"
            )

    def _base(self) -> dict:
        """Kind and architecture of the autoencoder it starts from; the latter only if there is one."""
        if self.start is None:
            return {"kind": self.autoencoder}
        record = self.start.record
        if issubclass(recipe_class(record["kind"]), CodeClustering):
            return record["architecture"]["base"]
        return {"kind": record["kind"], "architecture": record["architecture"]}

    def _autoencoder(self) -> Recipe:
        """The recipe that makes features."""
        return self.matching(recipe_class(self._base()["kind"]))

    def propose_side(self, items: list[tuple]) -> int:
        """As the autoencoder's."""
        return self._autoencoder().propose_side(items)

    def seconds_per_image(self, side: int) -> float:
        """As the autoencoder's."""
        return self._autoencoder().seconds_per_image(side)

    def own_constants(self, pixels: Pixels) -> tuple[Triple, Triple]:
        """None: inputs stay in [0, 1], and so do reconstructions."""
        return UNCHANGED

    def architecture(self, pixels: Pixels) -> dict:
        """The autoencoder, and how many centers."""
        base = self._base()
        base = {"architecture": self._autoencoder().architecture(pixels), **base}
        return {"image_size": pixels.array.shape[-1], "base": base, "n_clusters": self.n_clusters}

    def build(self, architecture: dict, pretrained: bool = False) -> "CodeNetwork":
        """The autoencoder and centers; with the weights of what it starts from, if anything."""
        from ..checkpoint import load_weights
        from .networks import CodeNetwork

        base = architecture["base"]
        network = self.matching(recipe_class(base["kind"])).build(base["architecture"])
        if self.start:
            weights = {name.removeprefix("autoencoder."): t for name, t in self.start.weights.items()}
            weights = {name: t for name, t in weights.items() if name not in ("centers", "scale")}
            load_weights(network, weights, f"encoder {self.start.name!r}")
        return CodeNetwork(network, architecture["n_clusters"], base["architecture"]["code"])

    def augmentation(self) -> "Augmentation":
        """A small crop."""
        return self._autoencoder().augmentation()

    def enter(self, network: "CodeNetwork", stage: str) -> None:
        """Assignments beside the errors while clustering."""
        network.clustering = stage != self.pretext

    def draw(self, training: TrainingState, positions: "np.ndarray", generator: "torch.Generator") -> tuple:
        """The images in [0, 1], and the target of each while clustering."""
        images = training.images(positions).float() / 255
        self.stage = training.stage
        return images, None if self.stage == self.pretext else self.target[positions].to(images.device)

    def objective(self, outputs: "torch.Tensor", targets: Any, engine: "Engine") -> dict:
        """The mean squared error, the divergence from the target, or both."""
        from ...clusterers.deep.objectives import code_losses

        errors = outputs[:, 0].float().mean()
        if self.stage == self.pretext:
            return {"reconstruction": errors}
        return code_losses(targets, outputs[:, 1:].float(), self.divergence_weight, errors if self.joint else None)

    def begin(self, training: TrainingState) -> None:
        """k-means in the code, which is widened if need be."""
        import torch

        from ...clusterers.deep.warm_start import kmeans_of_codes, widening

        codes = training.all_features().numpy()
        found = kmeans_of_codes(codes, self.n_clusters, training.seed + guard.attempt(training))
        training.network.scale.fill_(widening(len(codes), found.inertia_))
        self.fall_back(training, found)
        training.state |= {"reference": torch.from_numpy(found.labels_), "before": torch.from_numpy(found.labels_)}
        if training.truth is not None:
            training.memory.setdefault("scores", {})["k-means"] = scores(training.truth, found.labels_)

    def ended(self, training: TrainingState) -> str | None:
        """When nearly all images keep their cluster from one epoch to the next."""
        before, training.state["before"] = training.state["before"], self.labels
        done = training.epoch - training.stages.index(self.kind)
        moved = float((before != self.labels).float().mean())
        if done < LEAST_CHECKS or moved >= self.tol:
            return None
        return f"{moved:.2%} of the images changed their cluster, fewer than tol={self.tol:g}"

    def before_epoch(self, training: TrainingState) -> None:
        """The target that assignments are to approach."""
        from ...clusterers.deep.losses import target_distribution

        self.target = target_distribution(self.assignments(training), self.boost(training))

    def fall_back(self, training: TrainingState, fitted: "KMeans") -> None:
        """The centers become those of k-means; too few are repeated, and the first of equal ones wins."""
        import torch

        network, centers = training.network, torch.as_tensor(fitted.cluster_centers_).float()
        with torch.no_grad():
            network.centers.copy_(centers[torch.arange(self.n_clusters) % len(centers)]).mul_(network.scale)
