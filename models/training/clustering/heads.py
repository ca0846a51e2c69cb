"""Common part of SCAN, CC, PICA and SPICE: an encoder and linear heads on it, their start, and their views.

Features come from SimCLR, trained first or found in the encoder it starts from. Neighbors are mined among them once.
Every head starts from k-means with a seed of its own, after UMAP where that is cheap, and the one with the lowest
training loss is kept; labels play no part.
"""

from typing import TYPE_CHECKING, Any

from ...clusterers.deep.heads import Heads
from ...clusterers.deep.heads import Start as FirstClusters
from .. import recipe_class
from ..pixels import Pixels
from ..simclr import SimCLR, build_projector
from ..state import TrainingState
from ..views import ViewsRecipe
from . import guard
from .base import ClusteringRecipe, Start
from .named_views import Cutout, Operations, Strength, ViewName, Views, strong_view, weak_view
from .scoring import scores

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ...clusterers.kmeans import KMeans
    from ..augmentation import Augmentation
    from ..engine import Engine
    from .networks import HeadNetwork
    from .strong_augmentation import StrongAugmentation

_UMAP_NEIGHBORS = 15
_WARM_STEPS = 200
_PARTS = ("encoder.", "projector.")


class HeadClustering(ClusteringRecipe, ViewsRecipe):
    """Base of the methods with linear heads; a subclass implements ``cluster_objective``.

    Args:
        heads: how many are trained
        first_clusters: what heads start from, where there are features
        views: what the method's own stage shows, "weak", "simclr" or "strong"
        operations: random distortions of a strong view, see :mod:`models.training.clustering.strong_augmentation`
        strength: how far they go
        cutout: side of the square that is cut out
        shared: as :class:`models.training.clustering.base.ClusteringRecipe`'s and
            :class:`models.training.views.ViewsRecipe`'s

    Attributes:
        n_neighbors: how many of each image are mined
        boosted: what multiplies the balance in the batch drawn last
        head_losses: of the steps of the current epoch, ``(heads,)`` tensors
    """

    n_neighbors = 1
    boosted: float
    head_losses: "list[torch.Tensor]"

    def __init__(
        self,
        *,
        heads: Heads = 3,
        first_clusters: FirstClusters = "auto",
        views: Views = "simclr",
        operations: Operations = 4,
        strength: Strength = 1.0,
        cutout: Cutout = 0.5,
        **shared: Any,
    ):
        super().__init__(**shared)
        self.heads = heads
        self.first_clusters = first_clusters
        self.views = views
        self.operations = operations
        self.strength = strength
        self.cutout = cutout

    def view(self, name: ViewName) -> "Augmentation | StrongAugmentation":
        """One random view of those called ``name``."""
        if name == "simclr":
            return self.augmentation()
        return weak_view(self) if name == "weak" else strong_view(self, self.operations, self.strength, self.cutout)

    @classmethod
    def of_features(cls) -> tuple[str, ...]:
        """The parameters that matter only while features are made."""
        return "pretrain_epochs", "temperature", "backbone", "timm_model", "pretrained", "image_size", "resize"

    def architecture(self, pixels: Pixels) -> dict:
        """The encoder it starts from, or the backbone, and heads."""
        if self.start:
            base = {"kind": self.start.record["kind"], "architecture": self.start.record["architecture"]}
        else:
            base = {"kind": "simclr", "architecture": self.matching(SimCLR).architecture(pixels)}
        return {"image_size": pixels.array.shape[-1], "base": base, "n_clusters": self.n_clusters, "heads": self.heads}

    def build(self, architecture: dict, pretrained: bool = False) -> "HeadNetwork":
        """Encoder, projector and heads; with the weights of what it starts from, if anything."""
        from ..backbones import features_of
        from .networks import HeadNetwork, LinearHead

        base, simclr = architecture["base"], SimCLR()
        encoder = recipe_class(base["kind"])().build(base["architecture"], pretrained and self.start is None).encoder
        width = features_of(encoder, architecture["image_size"])
        sizes = (base["architecture"].get(key, getattr(simclr, key)) for key in ("hidden", "projection"))
        heads = [LinearHead(width, architecture["n_clusters"]) for _ in range(architecture["heads"])]
        network = HeadNetwork(encoder, build_projector(width, *sizes), heads)
        if self.start:
            self._fill(network, self.start)
        return network

    def _fill(self, network: "HeadNetwork", start: Start) -> None:
        """The weights of the encoder it starts from, and of its projector if it has such a one."""
        from ..checkpoint import load_weights

        given = {name.removeprefix("autoencoder."): tensor for name, tensor in start.weights.items()}
        what = f"encoder {start.name!r}"
        parts = {p: {n.removeprefix(p): t for n, t in given.items() if n.startswith(p)} for p in _PARTS}
        load_weights(network.encoder, parts["encoder."], what)
        fresh = network.projector.state_dict()
        if {n: t.shape for n, t in parts["projector."].items()} == {n: t.shape for n, t in fresh.items()}:
            load_weights(network.projector, parts["projector."], what)
        if self.epochs == 0:
            chosen = f"heads.{int(given['chosen'])}."
            for head in network.heads:
                load_weights(head, {n.removeprefix(chosen): t for n, t in given.items() if n.startswith(chosen)}, what)

    def enter(self, network: "HeadNetwork", stage: str) -> None:
        """Projections for SimCLR, all heads for the method, the best one for what refines it."""
        network.parts = ("projections",) if stage == self.pretext else self.outputs(stage)
        network.frozen, network.freeze_bn = False, stage == self.refinement
        network.standardize_by_batch(not self.has_features)
        network.train()

    def outputs(self, stage: str) -> tuple[str, ...]:
        """Return the outputs of the network in a clustering stage."""
        return ("heads",) if stage == self.kind else ("chosen",)

    def draw(self, training: TrainingState, positions: "np.ndarray", generator: "torch.Generator") -> tuple:
        """SimCLR's views, or those of the clustering stage."""
        self.stage, self.boosted = training.stage, self.boost(training)
        if training.stage == self.pretext:
            return super().draw(training, positions, generator)
        return self.cluster_inputs(training, positions, generator)

    def cluster_inputs(self, training: TrainingState, positions: "np.ndarray", generator: "torch.Generator") -> tuple:
        """Inputs and targets of a batch in a clustering stage: two views of each image."""
        import torch

        images, n, view = training.images(positions), len(positions), self.view(self.views)
        return torch.cat([view.draw(n, generator)(images), view.draw(n, generator)(images)]), None

    def objective(self, outputs: "torch.Tensor", targets: Any, engine: "Engine") -> Any:
        """SimCLR's loss, or that of the clustering stage."""
        if self.stage == self.pretext:
            return self.matching(SimCLR).objective(outputs, targets, engine)
        return self.cluster_objective(outputs.float(), targets)

    def cluster_objective(self, outputs: "torch.Tensor", targets: Any) -> dict:
        """The loss of a clustering stage by parts; where there are several heads, it notes ``head_losses``."""
        raise NotImplementedError(f"{self.kind} has no loss; implement cluster_objective(outputs, targets)")

    def before_epoch(self, training: TrainingState) -> None:
        """Forget the losses by which heads were compared."""
        self.head_losses = []

    def evaluate(self, training: TrainingState) -> "torch.Tensor":
        """Soft assignments ``(n, k)`` by the head of the lowest loss in the epoch.

        Where there were no features to begin with, the heads' constants become those of the features by now.
        """
        import torch

        network = training.network
        if self.head_losses:
            network.chosen.fill_(int(torch.stack(self.head_losses).mean(0).argmin()))
        if self.has_features:
            return super().evaluate(training)
        unit = self.vectors(training).to(training.device)
        for head in network.heads:
            head.fit_constants(unit)
        with torch.no_grad():
            network.eval()
            found = network.assign(unit).cpu()
            network.train()
        return found

    def vectors(self, training: TrainingState) -> "torch.Tensor":
        """Features of length 1."""
        import torch

        return torch.nn.functional.normalize(training.all_features(), dim=1)

    def begin(self, training: TrainingState) -> None:
        """Mine neighbors and teach every head the clusters it starts from; of random weights there are none."""
        import torch

        from ...clusterers.deep.heads import Task, warm_start
        from ...clusterers.deep.steps import seeded
        from ...clusterers.deep.warm_start import kmeans, start_space

        if not self.has_features:
            return
        unit, knn = self._mine(training)
        Z, seed, k = unit.numpy(), training.seed, self.n_clusters
        kind = "kmeans" if guard.attempt(training) else self.first_clusters
        threads = torch.get_num_threads()
        space = None if kind == "none" else start_space(kind, Z, knn, seed)
        torch.set_num_threads(threads)  # UMAP's compiled code changes them
        for number, head in enumerate(training.network.heads):
            head.fit_constants(unit.to(training.device))
            if space is None:
                continue
            first = torch.from_numpy(kmeans(space, k, seed + number).labels_).to(training.device)
            task = Task(head.standard(unit.to(training.device)), training.state["neighbors"], first, k, [unit.shape[1]])
            with seeded(seed + number):
                optimizer = torch.optim.Adam(head.linear.parameters(), lr=1e-2)
                warm_start(task, head.linear, optimizer, _WARM_STEPS, seed + number)

    def inherit(self, training: TrainingState) -> None:
        """Mine neighbors, and remember how good the clusters are that it starts from."""
        from ...clusterers.deep.steps import health

        self._mine(training)
        P = self.assignments(training)
        training.memory["inherited"] = round(health(P, training.state["neighbors"])["agreement"], 4)
        if training.truth is not None:
            found = scores(training.truth, P.argmax(1).numpy())
            training.memory.setdefault("scores", {})["inherited"] = found

    def _mine(self, training: TrainingState) -> tuple:
        """Keep neighbors, and k-means to compare with; return the features and the graph."""
        import torch

        from ...clusterers.deep.steps import usable_neighbors
        from ...clusterers.deep.warm_start import kmeans
        from ...vectors.neighbors import nearest_neighbors

        unit = self.vectors(training)
        Z, k = unit.numpy(), self.n_clusters
        kept, note = usable_neighbors(self.n_neighbors, len(Z), k)
        if note:
            guard.remark(training, f"{self.kind}: {note}")
        knn = nearest_neighbors(Z, max(kept, _UMAP_NEIGHBORS - 1), "cosine", training.seed)
        training.state["neighbors"] = torch.from_numpy(knn[0][:, :kept].copy())
        reference = kmeans(Z, k, training.seed).labels_
        training.state["reference"] = torch.from_numpy(reference)
        if training.truth is not None:
            training.memory.setdefault("scores", {})["k-means"] = scores(training.truth, reference)
        return unit, knn

    def fall_back(self, training: TrainingState, fitted: "KMeans") -> None:
        """The best head becomes k-means: a softmax of minus the squared distances over their mean."""
        from ...clusterers.deep.warm_start import kmeans_layer

        training.network.chosen.fill_(0)
        training.network.heads[0].take(*kmeans_layer(self.vectors(training).numpy(), fitted))
