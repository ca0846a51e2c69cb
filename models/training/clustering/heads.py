"""What SCAN, CC, PICA and SPICE share: an encoder and linear heads on it, their start, and their views.

Features come from SimCLR, trained first or found in the encoder it starts from. Neighbours are mined among them once.
Every head starts from k-means with a seed of its own, after UMAP where that is cheap, and the one with the lowest
training loss is kept; labels play no part.
"""

from typing import Annotated, Literal

from pydantic import Field

from .base import ClusteringRecipe, scores

Heads = Annotated[int, Field(ge=1, le=50, description="Heads trained; the one of lowest loss, without labels, is kept")]
Neighbors = Annotated[int, Field(ge=1, le=500, description="Neighbours of each image that count as of its kind")]
FirstClusters = Annotated[
    Literal["auto", "umap", "kmeans", "none"],
    Field(description="Clusters to start from: k-means after UMAP, k-means, none, or UMAP where it is cheap"),
]
Operations = Annotated[int, Field(ge=0, le=10, description="Random distortions of a strong view")]
Strength = Annotated[float, Field(ge=0, le=1, description="How far those distortions go")]
Cutout = Annotated[float, Field(ge=0, le=1, description="Side of the square cut out of a strong view, as a share")]
_UMAP_NEIGHBORS = 15
_IMITATION_STEPS = 200
_PARTS = ("encoder.", "projector.")


class HeadClustering(ClusteringRecipe):
    """Base of the methods with linear heads; a subclass implements ``_losses(p, q, boost)`` or ``objective``."""

    def own_constants(self, pixels):
        """Those of the images."""
        return pixels.mean, pixels.std

    def seconds_per_image(self, side: int) -> float:
        """As SimCLR's, which also has two views."""
        return self._simclr().seconds_per_image(side)

    def _simclr(self):
        """The recipe that makes features."""
        from ...parameters import parameters
        from ..simclr import SimCLR

        return SimCLR(**{name: getattr(self, name) for name in set(parameters(SimCLR)) & set(vars(self))})

    def architecture(self, pixels) -> dict:
        """The encoder it starts from, or the backbone, and heads."""
        if self.start:
            base = {"kind": self.start.record["kind"], "architecture": self.start.record["architecture"]}
        else:
            base = {"kind": "simclr", "architecture": self._simclr().architecture(pixels)}
        return {"image_size": pixels.array.shape[-1], "base": base, "n_clusters": self.n_clusters, "heads": self.heads}

    def build(self, architecture: dict, pretrained: bool = False):
        """Encoder, projector and heads; with the weights of what it starts from, if anything."""
        from .. import recipe_class
        from ..backbones import features_of
        from ..simclr import SimCLR, build_projector
        from .networks import HeadNetwork, LinearHead

        base, simclr = architecture["base"], SimCLR()
        encoder = recipe_class(base["kind"])().build(base["architecture"], pretrained and self.start is None).encoder
        width = features_of(encoder, architecture["image_size"])
        sizes = (base["architecture"].get(key, getattr(simclr, key)) for key in ("hidden", "projection"))
        heads = [LinearHead(width, architecture["n_clusters"]) for _ in range(architecture["heads"])]
        network = HeadNetwork(encoder, build_projector(width, *sizes), heads)
        if self.start:
            self._fill(network)
        return network

    def _fill(self, network):
        """The weights of the encoder it starts from, and of its projector if it has such a one."""
        from ..checkpoint import load_weights

        given = {name.removeprefix("autoencoder."): tensor for name, tensor in self.start.weights.items()}
        what = f"encoder {self.start.name!r}"
        parts = {p: {n.removeprefix(p): t for n, t in given.items() if n.startswith(p)} for p in _PARTS}
        load_weights(network.encoder, parts["encoder."], what)
        fresh = network.projector.state_dict()
        if {n: t.shape for n, t in parts["projector."].items()} == {n: t.shape for n, t in fresh.items()}:
            load_weights(network.projector, parts["projector."], what)
        if self.epochs == 0:
            chosen = f"heads.{int(given['chosen'])}."
            for head in network.heads:
                load_weights(head, {n.removeprefix(chosen): t for n, t in given.items() if n.startswith(chosen)}, what)

    def peak_rate(self, stage: str) -> float:
        """A share of SimCLR's while clustering."""
        return super().peak_rate(stage) * (1 if stage == self.pretext else self.cluster_rate)

    def augmentation(self):
        """Ordinary views."""
        from ..augmentation import Augmentation

        return Augmentation(self.crop, self.flip, self.color, self.grey, 0.0, self.rotation)

    def strong_augmentation(self):
        """Strong views."""
        from .strong_augmentation import StrongAugmentation

        return StrongAugmentation(self.augmentation(), self.operations, self.strength, self.cutout)

    def enter(self, network, stage: str):
        """Projections for SimCLR, all heads for the method, the best one for what refines it."""
        network.parts = ("projections",) if stage == self.pretext else self.outputs(stage)
        network.frozen, network.steady = False, stage == self.refinement
        network.train()

    def outputs(self, stage: str) -> tuple[str, ...]:
        """What the network returns in a clustering stage."""
        return ("heads",) if stage == self.kind else ("chosen",)

    def inputs(self, images, generator, batch: int, rows: slice) -> tuple:
        """Two ordinary views of each image, ``(2b, 3, side, side)``: first all first ones, then all second ones."""
        import torch

        augment = self.augmentation()
        first, second = augment.draw(batch, generator)[rows], augment.draw(batch, generator)[rows]
        return torch.cat([first(images), second(images)]), None

    def draw(self, training, positions, generator) -> tuple:
        """SimCLR's views, or those of the clustering stage."""
        self.stage, self.boosted = training.stage, self.boost(training)
        if training.stage == self.pretext:
            return super().draw(training, positions, generator)
        return self.cluster_inputs(training, positions, generator)

    def cluster_inputs(self, training, positions, generator) -> tuple:
        """Inputs and targets of a batch in a clustering stage."""
        return super().draw(training, positions, generator)

    def objective(self, outputs, targets, engine):
        """SimCLR's loss, or that of the clustering stage."""
        if self.stage == self.pretext:
            return self._simclr().objective(outputs, targets, engine)
        return self.cluster_objective(outputs.float(), targets)

    def cluster_objective(self, outputs, targets) -> dict:
        """The mean over heads of the losses of pairs, one view of each above the other in ``outputs``."""
        import torch

        first, second = outputs.chunk(2)
        pairs = zip(first.split(self.n_clusters, 1), second.split(self.n_clusters, 1), strict=True)
        found = [self._losses(p.softmax(1), q.softmax(1), self.boosted) for p, q in pairs]
        self.head_losses.append(torch.stack([sum(parts.values()).detach() for parts in found]))
        return {name: sum(parts[name] for parts in found) / len(found) for name in found[0]}

    def _losses(self, p, q, boost: float) -> dict:
        raise NotImplementedError(f"{self.kind} has no loss; implement _losses(p, q, boost)")

    def before_epoch(self, training):
        """Forgets the losses by which heads were compared."""
        self.head_losses = []

    def choose_head(self, training):
        """The head of the lowest loss in the epoch."""
        import torch

        if self.head_losses:
            training.network.chosen.fill_(int(torch.stack(self.head_losses).mean(0).argmin()))

    def vectors(self, training):
        """Features of length 1."""
        import torch

        return torch.nn.functional.normalize(training.all_features(), dim=1)

    def begin(self, training):
        """Mines neighbours and teaches every head the clusters it starts from."""
        import torch

        from ...clusterers.deep.heads import Task, imitate
        from ...clusterers.deep.steps import seeded
        from ...clusterers.deep.warm_start import kmeans, start_space

        unit, knn = self._mine(training)
        Z, seed, k = unit.numpy(), training.seed, self.n_clusters
        if not self.has_features:
            for head in training.network.heads:
                head.fit_constants(unit.to(training.device))
            return
        kind = "kmeans" if training.memory.get("attempt") else self.first_clusters
        threads = torch.get_num_threads()
        space = None if kind == "none" else start_space(kind, Z, knn, seed)
        torch.set_num_threads(threads)  # UMAP's compiled code changes them
        for number, head in enumerate(training.network.heads):
            head.fit_constants(unit.to(training.device))
            if space is None:
                continue
            first = torch.from_numpy(kmeans(space, k, seed + number).labels_).to(training.device)
            task = Task(head.standard(unit.to(training.device)), None, first, k, [unit.shape[1]])
            with seeded(seed + number):
                optimizer = torch.optim.Adam(head.linear.parameters(), lr=1e-2)
                imitate(task, head.linear, optimizer, _IMITATION_STEPS, seed + number)

    def inherit(self, training):
        """Mines neighbours, and remembers how good the clusters are that it starts from."""
        from ...clusterers.deep.steps import health

        self._mine(training)
        P = self.assignments(training)
        training.memory["inherited"] = round(health(P, training.state["neighbors"])["agreement"], 4)
        if training.truth is not None:
            found = scores(training.truth, P.argmax(1).numpy())
            training.memory.setdefault("scores", {})["inherited"] = found

    def _mine(self, training) -> tuple:
        """Keeps neighbours, and k-means to compare with if there are features; returns these and the graph."""
        import torch

        from ...clusterers.deep.warm_start import kmeans
        from ...vectors.neighbors import nearest_neighbors

        unit = self.vectors(training)
        Z, k = unit.numpy(), self.n_clusters
        kept = min(getattr(self, "n_neighbors", 1), max(1, len(Z) // (3 * k)))
        knn = nearest_neighbors(Z, max(kept, _UMAP_NEIGHBORS - 1), "cosine", training.seed)
        training.state["neighbors"] = torch.from_numpy(knn[0][:, :kept].copy())
        if self.has_features:
            reference = kmeans(Z, k, training.seed).labels_
            training.state["reference"] = torch.from_numpy(reference)
            if training.truth is not None:
                training.memory.setdefault("scores", {})["k-means"] = scores(training.truth, reference)
        return unit, knn

    def fall_back(self, training, fitted):
        """The best head becomes k-means: a softmax of minus the squared distances over their mean."""
        from ...clusterers.deep.warm_start import kmeans_layer

        training.network.chosen.fill_(0)
        training.network.heads[0].take(*kmeans_layer(self.vectors(training).numpy(), fitted))
