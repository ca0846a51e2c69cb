"""Codes of an autoencoder, clustered while it trains: what DEC and IDEC share."""

from typing import Annotated, Literal

from pydantic import Field

from ..autoencoder import RATES
from .base import ClusteringRecipe, scores

Autoencoding = Annotated[
    Literal["autoencoder", "conv_autoencoder"],
    Field(description="Fully connected, the papers' for digits, or convolutional, where position varies"),
]
Code = Annotated[int, Field(ge=2, le=256, description="Length of the code")]
_KINDS = ("autoencoder", "conv_autoencoder")
_CLUSTERED = ("dec", "idec")


class CodeClustering(ClusteringRecipe):
    """Base of DEC and IDEC.

    Attributes:
        joint: whether the code must still reconstruct the images while clustering
        divergence_weight: weight of the divergence in the loss
    """

    pretext = "autoencoder"
    loss_name = "divergence"
    raw_codes = True
    usual_rates = RATES
    joint = False
    divergence_weight = 1.0

    @classmethod
    def of_features(cls):
        """The parameters that matter only while features are made."""
        return "pretrain_epochs", "autoencoder", "code", "denoising", "image_size", "resize"

    @classmethod
    def check_start(cls, name: str, kind: str):
        """Refuses encoders without a decoder.

        Raises:
            ValueError: in one sentence
        """
        if kind not in _KINDS + _CLUSTERED:
            raise ValueError(
                f"{cls.kind} clusters in the code of an autoencoder, but {name!r} is of kind {kind!r}; choose one of "
                f"kind {' or '.join(_KINDS)}, or none"
            )

    def _base(self) -> dict:
        """Kind and architecture of the autoencoder it starts from; the latter only if there is one."""
        if self.start is None:
            return {"kind": self.autoencoder}
        record = self.start.record
        if record["kind"] in _CLUSTERED:
            return record["architecture"]["base"]
        return {"kind": record["kind"], "architecture": record["architecture"]}

    def _autoencoder(self):
        """The recipe that makes features."""
        from ...parameters import parameters
        from .. import recipe_class

        cls = recipe_class(self._base()["kind"])
        return cls(**{name: getattr(self, name) for name in set(parameters(cls)) & set(vars(self))})

    def propose_side(self, filepaths: list[str]) -> int:
        """As the autoencoder's."""
        return self._autoencoder().propose_side(filepaths)

    def seconds_per_image(self, side: int) -> float:
        """As the autoencoder's."""
        return self._autoencoder().seconds_per_image(side)

    def own_constants(self, pixels):
        """None: inputs stay in [0, 1], and so do reconstructions."""
        return (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)

    def architecture(self, pixels) -> dict:
        """The autoencoder, and how many centers."""
        base = self._base()
        base = {"architecture": self._autoencoder().architecture(pixels), **base}
        return {"image_size": pixels.array.shape[-1], "base": base, "n_clusters": self.n_clusters}

    def build(self, architecture: dict, pretrained: bool = False):
        """The autoencoder and centers; with the weights of what it starts from, if anything."""
        from .. import recipe_class
        from ..checkpoint import load_weights
        from .networks import CodeNetwork

        base = architecture["base"]
        network = recipe_class(base["kind"])(denoising=self.denoising).build(base["architecture"])
        if self.start:
            weights = {name.removeprefix("autoencoder."): t for name, t in self.start.weights.items()}
            weights = {name: t for name, t in weights.items() if name not in ("centers", "scale")}
            load_weights(network, weights, f"encoder {self.start.name!r}")
        return CodeNetwork(network, architecture["n_clusters"], base["architecture"]["code"])

    def peak_rate(self, stage: str) -> float:
        """A share of the autoencoder's while clustering: it moves what that learned, by smaller steps."""
        return super().peak_rate(stage) * (1 if stage == self.pretext else self.cluster_rate)

    def augmentation(self):
        """A small crop."""
        return self._autoencoder().augmentation()

    def enter(self, network, stage: str):
        """Assignments beside the errors while clustering."""
        network.clustering = stage != self.pretext

    def draw(self, training, positions, generator) -> tuple:
        """The images in [0, 1], and the target of each while clustering."""
        images = training.images(positions).float() / 255
        self.stage = training.stage
        return images, None if self.stage == self.pretext else self.target[positions].to(images.device)

    def objective(self, outputs, targets, engine) -> dict:
        """The mean squared error, the divergence from the target, or both."""
        from ...clusterers.deep.losses import divergence

        errors = outputs[:, 0].float().mean()
        if self.stage == self.pretext:
            return {"reconstruction": errors}
        parts = {"divergence": self.divergence_weight * divergence(targets, outputs[:, 1:].float())}
        return parts | ({"reconstruction": errors} if self.joint else {})

    def begin(self, training):
        """k-means in the code, which is widened if need be: below distances of 1, Student's t is flat."""
        import torch

        from ...clusterers.deep.warm_start import kmeans

        codes = training.all_features().numpy()
        found = kmeans(codes, self.n_clusters, training.seed + training.memory.get("attempt", 0), n_init=20)
        training.network.scale.fill_(max(1.0, (len(codes) / max(found.inertia_, 1e-12)) ** 0.5))
        self.fall_back(training, found)
        training.state["reference"] = torch.from_numpy(found.labels_)
        if training.truth is not None:
            training.memory.setdefault("scores", {})["k-means"] = scores(training.truth, found.labels_)

    def before_epoch(self, training):
        """The target that assignments are to approach."""
        from ...clusterers.deep.losses import target_distribution

        self.target = target_distribution(self.assignments(training), self.boost(training))

    def fall_back(self, training, fitted):
        """The centers become those of k-means; too few are repeated, and the first of equal ones wins."""
        import torch

        network, centers = training.network, torch.as_tensor(fitted.cluster_centers_)
        with torch.no_grad():
            network.centers.copy_(centers[torch.arange(self.n_clusters) % len(centers)]).mul_(network.scale)
