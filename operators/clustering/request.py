"""What a clustering was asked for, checked: before any work, before it is queued, and again once it may write."""

from dataclasses import dataclass

from ..dataset.ground_truth import truth_path
from ..dataset.targets import Target, resolve_target
from ..dataset.vector_fields import check_vector_field
from ..dataset.vectors import vector_fields
from ..embedding.embeddings import choose_features, split_fields
from ..runs.lifecycle import check_cluster_field, check_run_key, propose_run_key
from .constraints import check_constraints

MAX_SEED = 2**32 - 1
_AS_GIVEN = ("encoder_params", "reduce", "visualize", "ground_truth", "seed", "normalize", "constraints_from")


@dataclass(frozen=True)
class Request:
    """The checked arguments of one clustering; see :func:`operators.clustering.compute_clusters`.

    Args:
        target: what to cluster
        run_key: the run's name
        method: the clusterer's class
        params: all of its parameters
        field: the vector field
        more_fields: further vector fields, for a method on several encoders
        encoder: what fills the field, or None
        encoder_params: the encoder's parameters
        reduce: the reduction as it was asked for
        reduce_params: the reduction's parameters
        cluster_field: the name of the label field
        visualize: whether to make the map
        ground_truth: a field of classes, or None
        seed: the seed
        normalize: whether to scale vectors to length 1, None to decide by their dimension
        name: what a training on images is kept as, or None
        recipe: the :class:`models.training.clustering.ClusteringRecipe` that trains on images, or None
        constraints_from: the run whose merges and moves are constraints, or None
    """

    target: Target
    run_key: str
    method: type
    params: dict
    field: str
    more_fields: list[str]
    encoder: object
    encoder_params: dict | None
    reduce: str
    reduce_params: dict
    cluster_field: str
    visualize: bool
    ground_truth: str | None
    seed: int
    normalize: bool | None
    name: str | None = None
    recipe: object = None
    constraints_from: str | None = None

    @property
    def path(self) -> str:
        """Where the labels go."""
        return self.target.storage_path(self.cluster_field)

    @property
    def fields(self) -> list[str]:
        """All vector fields, in the order of their columns."""
        return [self.field, *self.more_fields]

    def check(self):
        """Raises ValueError, in one sentence, if this cannot be done; cheap, so that it can be asked twice."""
        from ...models.parameters import validated
        from ...models.vectors.reduction import get_reduction

        target = self.target
        check_run_key(target.dataset, self.run_key)
        check_cluster_field(target, self.cluster_field)
        if self.encoder is not None:
            check_vector_field(target.source, self.field, target.labels)
        known = vector_fields(target.source, target.patches_field)
        for field in self.more_fields if self.encoder is not None else self.fields:
            if field not in known:
                raise ValueError(_no_vectors(target, field))
        if self.more_fields:
            self._check_several()
        n = target.count()
        if n < 2:
            raise ValueError(f"there is only {n} of the {target.unit} to cluster; choose a view with at least 2")
        self.method.check(self.params, n)
        if self.constraints_from is not None:
            check_constraints(target, self.constraints_from, self.method.name)
        if self.ground_truth:
            truth_path(target, self.ground_truth)
        if not 0 <= self.seed <= MAX_SEED:
            raise ValueError(f"seed {self.seed} is not valid; use an integer from 0 to {MAX_SEED}")
        if self.reduce != "auto":
            validated(get_reduction(self.reduce), self.reduce_params)
        elif self.reduce_params:
            raise ValueError(f"reduce_params {sorted(self.reduce_params)} need a reduction; set reduce='pca' or 'umap'")

    def _check_several(self):
        from ...models.clusterers import all_clusterers

        count = len(self.fields)
        if not self.method.several_spaces:
            able = ", ".join(cls.name for cls in all_clusterers() if cls.several_spaces)
            raise ValueError(f"{self.method.name} takes one vector field, not {count}; name one, or choose {able}")
        if len(set(self.fields)) < count:
            raise ValueError(f"embeddings={self.fields} names a vector field twice; name each once")
        if self.reduce not in ("auto", "none"):
            raise ValueError(f"reduce={self.reduce!r} would mix the {count} vector fields; leave it out")


def make_request(samples, given: dict) -> Request:
    """Checks the arguments of :func:`operators.clustering.compute_clusters`.

    Args:
        samples: a dataset or view
        given: the other arguments by name, all of them

    Returns:
        a :class:`Request`

    Raises:
        ValueError: in one sentence, if an argument is refused
    """
    from ...models.clusterers import get_clusterer
    from ...models.parameters import validated

    if given["name"] is not None:
        raise ValueError(
            f"name={given['name']!r} has no use with train='embeddings'; set train='images', or leave it out"
        )
    target = resolve_target(samples, given["patches_field"])
    method = get_clusterer(given["method"])
    run_key = given["run_key"]
    if run_key is None:
        run_key = propose_run_key(target.dataset, method.name)
    first, more = split_fields(given["embeddings"])
    field, encoder = choose_features(target, first, given["encoder"], given["encoder_params"])
    request = Request(
        target=target,
        run_key=run_key,
        method=method,
        params=validated(method, given["params"]),
        field=field,
        more_fields=more,
        encoder=encoder,
        reduce_params=given["reduce_params"] or {},
        cluster_field=given["cluster_field"] or run_key,
        **{key: given[key] for key in _AS_GIVEN},
    )
    request.check()
    return request


def _no_vectors(target, field) -> str:
    fields = vector_fields(target.source, target.patches_field)
    some = f"the vector fields are {', '.join(fields)}" if fields else "there are no vector fields here"
    return f"embeddings field {field!r} holds no vectors; {some}, or give an encoder"
