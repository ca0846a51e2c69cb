"""Configuration of a run: its declared schema, and the one place that upgrades what older versions wrote.

A run is plain data, so this is a dictionary in the database; FiftyOne loads it without the plugin.
"""

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from ...models.vectors.normalize import l2_normalize

KIND = "clustering"
SCHEMA = 2
MAX_CONFIG_CLUSTERS = 2000  # at about 350 bytes a cluster this keeps the configuration under 1 MB


@dataclass(frozen=True)
class RunConfig:
    """The configuration of a clustering run; its readers share it, so its dicts and lists are not to be changed.

    Args:
        method: name of the method
        params: its parameters
        seed: the seed of everything random
        embeddings: the vector field, of several the first
        cluster_field: the field of the labels, for patches an attribute of each label
        label_path: its path in the dataset
        patches_field (None): the label field whose patches were clustered
        slices (None): the group slices whose samples were clustered, None without groups
        ground_truth (None): the field of classes that the run was scored against last
        constraints_from (None): the run whose merges and moves this one had to keep
        encoder (None): identity of the encoder that made the vectors
        spaces: of a run on several vector fields, each one's ``embeddings``, ``encoder`` and ``dimension``
        normalize: whether vectors were scaled to length 1
        reduce: name of the reduction, or "none"
        reduce_params: its parameters
        fit_on (None): how many of the members the method was fitted to, None for all
        visualization (None): brain key of the 2-D map
        digest (None): hash of ids and vectors
        n_used: members, noise included
        n_noise: members without a cluster
        n_clusters: clusters, noise not counted
        skipped: images or patches without a usable vector, counted by reason
        scores: scores of the whole run by name
        recall: pairs of class and recall
        versions: versions of packages
        notes: warnings
        placement: how new samples are placed, see :mod:`models.placement`
        prototypes_by: definition of prototypes, see :func:`models.analysis.exemplars.prototypes`
        collapsed: attempts of a deep method that collapsed
        fallback: whether k-means took its place
        history (None): losses of a deep method
        training (None): record of a training on images
        seconds: seconds of each stage
        clusters (None): cluster records; None above :data:`MAX_CONFIG_CLUSTERS`, when only the results have them
        version: grows with every edit
        state: state of the labels; renaming leaves it, and undoing gives the old one back
        assigned_from (None): of a field that ``assign_clusters`` filled, the ``run_key``, ``dataset`` and ``uid`` of
            the run that the clusters are of
        uid (None): identity of the run, kept when it or its dataset is renamed, cloned or exported, and noted on its
            labels; None of runs that 0.1.0 made
        schema: version of this schema
    """

    method: str
    params: dict
    seed: int
    embeddings: str
    cluster_field: str
    label_path: str
    patches_field: str | None = None
    slices: list[str] | None = None
    ground_truth: str | None = None
    constraints_from: str | None = None
    encoder: dict | None = None
    spaces: list[dict] = field(default_factory=list)
    normalize: bool = False
    reduce: str = "none"
    reduce_params: dict = field(default_factory=dict)
    fit_on: int | None = None
    visualization: str | None = None
    digest: str | None = None
    n_used: int = 0
    n_noise: int = 0
    n_clusters: int = 0
    skipped: dict = field(default_factory=dict)
    scores: dict = field(default_factory=dict)
    recall: list = field(default_factory=list)
    versions: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    placement: dict = field(default_factory=dict)
    prototypes_by: str = "center"
    collapsed: list = field(default_factory=list)
    fallback: bool = False
    history: Any = None
    training: dict | None = None
    seconds: dict = field(default_factory=dict)
    clusters: list[dict] | None = None
    version: int = 0
    state: int = 0
    assigned_from: dict | None = None
    uid: str | None = None
    schema: int = SCHEMA

    @classmethod
    def from_stored(cls, stored: dict) -> "RunConfig":
        """Read a stored configuration of any version; keys of later versions are passed over."""
        upgraded = _upgrade(stored)
        return cls(**{one.name: upgraded[one.name] for one in fields(cls) if one.name in upgraded})

    def to_dict(self) -> dict:
        """Return the configuration as it is stored."""
        return {"kind": KIND, **{one.name: getattr(self, one.name) for one in fields(self)}}

    def as_clustered(self, X: np.ndarray, widths: list[int]) -> np.ndarray:
        """Return stored vectors as the run clustered them before any reduction.

        Args:
            X: ``(n, d)`` vectors as stored
            widths: dimensions of the vector fields side by side in ``X``

        Returns:
            ``(n, d)`` float32
        """
        from ...models.placement import as_scaled

        return l2_normalize(X, widths) if self.normalize else as_scaled(self.placement, X)

    @property
    def vector_fields(self) -> list[str]:
        """The vector fields that the run was made of."""
        return [space["embeddings"] for space in self.spaces] or [self.embeddings]

    @property
    def encoders(self) -> list[tuple[str, dict | None]]:
        """The vector fields, each with the identity of its encoder."""
        return [(space["embeddings"], space["encoder"]) for space in self.spaces] or [(self.embeddings, self.encoder)]


def is_clustering(stored: dict) -> bool:
    """Return whether a stored configuration is that of a clustering run, and not of another plugin."""
    return stored.get("kind") == KIND and "label_path" in stored


def _upgrade(stored: dict) -> dict:
    """Return a stored configuration as today's version writes it."""
    found = {key: value for key, value in stored.items() if value is not None}
    if found.get("schema", 1) < 2:
        # 0.1.0 wrote neither version nor state before the first edit, and no state before edits noted it
        found.setdefault("state", found.get("version", 0))
        found["schema"] = SCHEMA
    return found
