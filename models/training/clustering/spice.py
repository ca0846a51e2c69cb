"""SPICE from images: prototypes name the images nearest to them; then reliable images teach the others, as FixMatch.

When to choose it: classes known to be of one size, for every cluster names equally many images.

Paper: Niu et al., SPICE: Semantic Pseudo-Labeling for Image Clustering, IEEE TIP 2022: section 3.2 Self, on the frozen
encoder, 3.3 reliable pseudo-labels and Semi, which is FixMatch (Sohn et al. 2020) on the whole network: weak views name
strong ones, and the average of the weights is kept, see ``averaging.py``. Where ours differs: linear heads start from
k-means; prototypes are made of the whole set instead of 5,000 images at a time, which is the same for small sets, and
renews the names of large ones less often; they are chosen by scores of the images as they are, not of weak views, so
that a frozen encoder sees each image once per epoch, and a score that a small shift would change counts in full; the
neighbors that must agree with a reliable image are 20 instead of 100, which would lead out of the clusters of small
sets, at the price of fewer witnesses; reliable is what agrees with them and is surer than the median of all images,
instead of above a threshold per dataset; and a batch has as many unlabeled as labeled images instead of seven times as
many, a quarter of the work, which lets images that are not reliable teach less.
"""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from ..state import TrainingState
from . import averaging
from .guard import remark
from .named_views import ViewName
from .teaching import TeachingHeads

if TYPE_CHECKING:
    import numpy as np
    import torch

    from .networks import HeadNetwork

# Where a cluster has no reliable image, the share of it with the highest confidence takes their place.
_SUREST = 0.1


class ImageSPICE(TeachingHeads):
    """Semantic pseudo-labeling.

    Args:
        epochs: epochs of the clustering on the frozen encoder; 0 takes the clusters of the trained one that is given
        semi_epochs: epochs in which reliable images teach the others
        ratio: share of a cluster's size whose most confident images make its prototype
        agreement: share of its neighbors that a reliable image agrees with
        threshold: probability above which other images learn from themselves
        taught_views: what reliable images show, and others for their names
        shared: as :class:`models.training.clustering.teaching.TeachingHeads`'s

    Attributes:
        named: for every head rows of images and their names in the current epoch, tensors
    """

    kind = "spice"
    title = "SPICE"
    when = "Classes known to be of one size: prototypes name images, then reliable ones teach the others"
    order = 245
    loss_name = "cross-entropy"
    refinement = "semi"
    retry_note = "with other random numbers"
    named: "list[tuple[torch.Tensor, torch.Tensor]]"

    def __init__(
        self,
        epochs: int = 20,
        semi_epochs: Annotated[
            int, Field(ge=0, le=100_000, description="Epochs in which reliable images teach the others")
        ] = 20,
        *,
        ratio: Annotated[
            float,
            Field(gt=0, le=1, description="Share of a cluster's size whose most confident images make its prototype"),
        ] = 0.5,
        agreement: Annotated[
            float, Field(ge=0, le=1, description="Share of its neighbors that a reliable image agrees with")
        ] = 0.9,
        threshold: Annotated[
            float, Field(gt=0, le=1, description="Probability above which other images learn from themselves")
        ] = 0.95,
        taught_views: Annotated[
            ViewName,
            Field(description="Views of reliable images in the last stage, and those by which others are named"),
        ] = "weak",
        **shared: Any,
    ):
        super().__init__(epochs=epochs, **shared)
        self.semi_epochs = semi_epochs
        self.ratio = ratio
        self.agreement = agreement
        self.threshold = threshold
        self.taught_views = taught_views

    @property
    def refinement_epochs(self) -> int:
        """Epochs in which reliable images teach."""
        return self.semi_epochs

    def enter(self, network: "HeadNetwork", stage: str) -> None:
        """The method's own stage leaves the encoder as it is."""
        super().enter(network, stage)
        network.frozen = stage == self.kind
        network.train()

    def before_epoch(self, training: TrainingState) -> None:
        """Name images by prototypes, anew in every epoch of the method's own stage, once for each head."""
        import torch

        from ...clusterers.deep.spice import pseudo_labels
        from .turns import Turns

        super().before_epoch(training)
        if training.stage == self.refinement:
            self.turns = Turns(len(training.state["reliable"]))
            averaging.place(training)
            return
        unit = self.vectors(training)
        self.named = []
        for head in training.network.heads:
            with torch.no_grad():
                P = head(unit.to(training.device)).softmax(1).cpu()
            self.named.append(pseudo_labels(unit, P, self.ratio))
        self.turns = Turns(len(self.named[0][0]))

    def refine(self, training: TrainingState) -> None:
        """Choose the images that teach: reliable ones, equally many of each cluster."""
        import torch

        from ...clusterers.deep.spice import reliable

        P = self.assignments(training)
        rows = reliable(P, training.state["neighbors"], self.agreement)
        if rows is None:
            confidence, labels = P.max(1)
            own = [(labels == cluster).nonzero()[:, 0] for cluster in labels.unique()]
            rows = torch.cat([o[confidence[o].topk(max(1, int(_SUREST * len(o)))).indices] for o in own])
            remark(
                training,
                "spice: no image of some cluster is reliable; the most confident tenth of each teaches instead",
            )
        training.state |= {"reliable": rows, "names": P.argmax(1)[rows]}
        averaging.start(training)

    def after_step(self, training: TrainingState, step: int) -> None:
        """Let the average follow the weights."""
        if training.stage == self.refinement:
            averaging.follow(training, self.steps_done(training, step))

    def diagnostics(self, training: TrainingState) -> dict:
        """Those of the average of the weights, in the last stage."""
        if training.stage != self.refinement:
            return super().diagnostics(training)
        with averaging.averaged(training):
            return super().diagnostics(training)

    def conclude(self, training: TrainingState, stage: str) -> None:
        """In the end the network is the average of its weights."""
        if stage == self.refinement:
            averaging.adopt(training)
        super().conclude(training, stage)

    def cluster_inputs(self, training: TrainingState, positions: "np.ndarray", generator: "torch.Generator") -> tuple:
        """Strong views of named images; or weak views of reliable images above strong ones of others."""
        import torch

        n = len(positions)
        if training.stage == self.kind:
            # One draw for all heads: the names differ, the images are those that any of them named.
            turn = self.turns.take(n, generator)
            rows = [rows[turn] for rows, _ in self.named]
            names = [names[turn].to(training.device) for _, names in self.named]
            shown = self.view(self.views)
            views = [shown.draw(n, generator)(training.images(chosen.numpy())) for chosen in rows]
            return torch.cat(views), names
        turn = self.turns.take(n, generator)
        taught = training.images(training.state["reliable"][turn].numpy())
        others = training.images(positions)
        weak: Any = self.view(self.taught_views)
        strong = self.view(self.refinement_views)
        found = training.features(others, weak.draw(n, generator), training.network)
        confidence, guess = found.softmax(1).max(1)
        views = [weak.draw(n, generator)(taught), strong.draw(n, generator)(others)]
        return torch.cat(views), (training.state["names"][turn].to(guess), guess, confidence >= self.threshold)

    def cluster_objective(self, outputs: "torch.Tensor", targets: Any) -> dict:
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
