"""SPICE from images: prototypes name the images nearest to them; then reliable images teach the others, as FixMatch.

When to choose it: classes known to be of one size, for every cluster names equally many images.

Paper: Niu et al., SPICE: Semantic Pseudo-Labeling for Image Clustering, IEEE TIP 2022: section 3.2 Self, on the frozen
encoder, 3.3 reliable pseudo-labels, 3.4 Semi, which is FixMatch (Sohn et al. 2020) on the whole network. Ours differs
in linear heads that start from k-means, in reliable images that are the surer half of those whose neighbours agree
with them, instead of above a threshold per dataset, and in as many unlabelled as labelled images per batch.
"""

from typing import Annotated

from pydantic import Field

from ...devices import Device
from ..recipe import (
    Backbone,
    BatchSize,
    Color,
    Crop,
    Flip,
    Grey,
    ImageSize,
    LearningRate,
    MicroBatch,
    Optimizer,
    Precision,
    Pretrained,
    Resize,
    Rotation,
    Temperature,
    TimmModel,
    Warmup,
    WeightDecay,
)
from .base import ClusterRate, NClusters, PretrainEpochs, RefinableEpochs, remark
from .heads import Cutout, FirstClusters, HeadClustering, Heads, Neighbors, Operations, Strength

# Where a cluster has no reliable image, this share of it, the surest, takes their place.
_SUREST = 0.1


class ImageSPICE(HeadClustering):
    """Semantic pseudo-labelling.

    Args:
        n_clusters: how many clusters
        epochs: epochs of the clustering on the frozen encoder; 0 takes the clusters of the trained one that is given
        semi_epochs: epochs in which reliable images teach the others
        pretrain_epochs: epochs of SimCLR, unless a trained encoder is given
        n_neighbors: neighbours that a reliable image agrees with
        heads: how many are trained
        ratio: share of a cluster's size whose surest images make its prototype
        agreement: share of its neighbours that a reliable image agrees with
        threshold: probability above which other images learn from themselves
        flip, crop, color, grey, rotation: what does not matter, see :class:`models.training.simclr.SimCLR`
        temperature: of SimCLR's loss
        operations, strength, cutout: the strong views, see :mod:`models.training.strong_augmentation`
        first_clusters: what heads start from
        cluster_rate: learning rate while clustering, as a share of SimCLR's
        backbone, timm_model, pretrained, image_size, resize: the network, unless a trained encoder is given
        batch_size, micro_batch, optimizer, learning_rate, weight_decay, warmup_epochs, precision, device: as SimCLR's
    """

    kind = "spice"
    title = "SPICE"
    when = "Classes known to be of one size: prototypes name images, then reliable ones teach the others"
    loss_name = "cross-entropy"
    refinement = "semi"
    harder = "with other random numbers"

    def __init__(
        self,
        n_clusters: NClusters = 10,
        epochs: RefinableEpochs = 20,
        semi_epochs: Annotated[
            int, Field(ge=0, le=100_000, description="Epochs in which reliable images teach the others")
        ] = 20,
        pretrain_epochs: PretrainEpochs = 100,
        flip: Flip = "horizontal",
        crop: Crop = 0.2,
        color: Color = 1.0,
        rotation: Rotation = 0.0,
        grey: Grey = 0.2,
        temperature: Temperature = 0.2,
        n_neighbors: Neighbors = 20,
        heads: Heads = 3,
        ratio: Annotated[
            float, Field(gt=0, le=1, description="Share of a cluster's size whose surest images make its prototype")
        ] = 0.5,
        agreement: Annotated[
            float, Field(ge=0, le=1, description="Share of its neighbours that a reliable image agrees with")
        ] = 0.9,
        threshold: Annotated[
            float, Field(gt=0, le=1, description="Probability above which other images learn from themselves")
        ] = 0.95,
        operations: Operations = 4,
        strength: Strength = 1.0,
        cutout: Cutout = 0.5,
        first_clusters: FirstClusters = "auto",
        cluster_rate: ClusterRate = 0.25,
        batch_size: BatchSize = 256,
        backbone: Backbone = "small",
        image_size: ImageSize = None,
        timm_model: TimmModel = None,
        pretrained: Pretrained = False,
        optimizer: Optimizer = "adamw",
        learning_rate: LearningRate = None,
        weight_decay: WeightDecay = 1e-4,
        warmup_epochs: Warmup = 1,
        micro_batch: MicroBatch = None,
        resize: Resize = "shortest",
        precision: Precision = "auto",
        device: Device = "auto",
    ):
        self.take(locals())

    def _refining(self) -> int:
        return self.semi_epochs

    def enter(self, network, stage: str):
        """The method's own stage leaves the encoder as it is."""
        super().enter(network, stage)
        network.frozen = stage == self.kind
        network.train()

    def before_epoch(self, training):
        """Names images by prototypes, anew in every epoch of the method's own stage, once for each head."""
        import torch

        from ...clusterers.deep.spice import named

        super().before_epoch(training)
        if training.stage == self.refinement:
            return
        unit = self.vectors(training)
        self.named = []
        for head in training.network.heads:
            with torch.no_grad():
                P = head(unit.to(training.device)).softmax(1).cpu()
            self.named.append(named(unit, P, self.ratio))

    def refine(self, training):
        """Chooses the images that teach: reliable ones, equally many of each cluster."""
        import torch

        from ...clusterers.deep.spice import reliable

        P = self.assignments(training)
        rows = reliable(P, training.state["neighbors"], self.agreement)
        if rows is None:
            confidence, labels = P.max(1)
            own = [(labels == cluster).nonzero()[:, 0] for cluster in labels.unique()]
            rows = torch.cat([o[confidence[o].topk(max(1, int(_SUREST * len(o)))).indices] for o in own])
            remark(training, "spice: no image of some cluster is reliable; the surest tenth of each teaches instead")
        training.state |= {"reliable": rows, "names": P.argmax(1)[rows]}

    def cluster_inputs(self, training, positions, generator) -> tuple:
        """Strong views of named images; or ordinary views of reliable images above strong ones of others."""
        import torch

        n, strong = len(positions), self.strong_augmentation()
        if training.stage == self.kind:
            # One draw for all heads: the names differ, the images are those that any of them named.
            rows = [rows[torch.as_tensor(positions) % len(rows)] for rows, _ in self.named]
            names = [names[torch.as_tensor(positions) % len(names)].to(training.device) for _, names in self.named]
            views = [strong.draw(n, generator)(training.images(chosen.numpy())) for chosen in rows]
            return torch.cat(views), names
        turn = torch.as_tensor(positions) % len(training.state["reliable"])
        taught = training.images(training.state["reliable"][turn].numpy())
        others = training.images(positions)
        ordinary = self.augmentation()
        found = training.features(others, ordinary.draw(n, generator), training.network)
        confidence, guess = found.softmax(1).max(1)
        views = [ordinary.draw(n, generator)(taught), strong.draw(n, generator)(others)]
        return torch.cat(views), (training.state["names"][turn].to(guess), guess, confidence >= self.threshold)

    def cluster_objective(self, outputs, targets) -> dict:
        """Cross-entropy of names; with other images' own guesses where those are sure, in the refinement."""
        import torch

        from ...clusterers.deep.losses import double_softmax_cross_entropy, label_cross_entropy, sure_cross_entropy

        if self.stage == self.kind:
            k, parts = self.n_clusters, outputs.chunk(self.heads)
            own = [part[:, i * k : (i + 1) * k] for i, part in enumerate(parts)]
            pairs = zip(own, targets, strict=True)
            found = torch.stack([double_softmax_cross_entropy(logits, names) for logits, names in pairs])
            self.head_losses.append(found.detach())
            return {"naming": found.mean()}
        names, guess, sure = targets
        taught, others = outputs.chunk(2)
        return {"naming": label_cross_entropy(taught, names), "unnamed": sure_cross_entropy(others, guess, sure)}
