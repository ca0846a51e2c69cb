"""Request of a clustering, checked: before any work, before it is queued, and again once it may write."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import fiftyone as fo

from ..dataset.files import picture_field
from ..dataset.ground_truth import truth_path
from ..dataset.run_documents import check_stages
from ..dataset.shapes import of_clips
from ..dataset.targets import Target
from ..dataset.vector_paths import require_vector_field, resolve_vectors
from ..embedding.embeddings import choose_features, split_fields
from ..embedding.stores import check_writable
from ..runs.lifecycle import check_cluster_field, check_run_key, propose_run_key
from .constraints import check_constraints
from .estimates import costs_of
from .sampling import ALL, AUTO, TREE, entered_size, sample_size

if TYPE_CHECKING:
    from ...models.clusterers import Clusterer
    from .trained import TrainedClusterer

MAX_SEED = 2**32 - 1
IMAGES: Final = "images"
EMBEDDINGS: Final = "embeddings"


@dataclass(frozen=True, kw_only=True)
class ClusteringArguments:
    """Arguments of :func:`operators.clustering.job.compute_clusters`, as they were given."""

    run_key: str | None
    method: str
    params: dict | None
    embeddings: str | list[str] | None
    encoder: Any
    encoder_params: dict | None
    reduce: str
    reduce_params: dict | None
    patches_field: str | None
    cluster_field: str | None
    visualize: bool
    ground_truth: str | None
    seed: int
    normalize: bool | None
    train: str
    name: str | None
    constraints_from: str | None
    fit_on: int | str
    batch_size: int
    num_workers: int | None


@dataclass(frozen=True, kw_only=True)
class Request:
    """The checked arguments of one clustering; see :func:`operators.clustering.job.compute_clusters`.

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
        normalize: whether to scale vectors to length 1, None to decide by their dimension
        cluster_field: the name of the label field
        visualize: whether to make the map
        ground_truth: a field of classes, or None
        seed: the seed
        constraints_from: the run whose merges and moves are constraints, or None
        trained: the clusterer that was trained on images, or None
        fit_size: how many vectors the method is fitted to, None for all
    """

    target: Target
    run_key: str
    method: "type[Clusterer]"
    params: dict
    field: str
    more_fields: list[str]
    encoder: Any
    encoder_params: dict | None
    reduce: str
    reduce_params: dict
    normalize: bool | None
    cluster_field: str
    visualize: bool
    ground_truth: str | None
    seed: int
    constraints_from: str | None = None
    trained: "TrainedClusterer | None" = None
    fit_size: int | None = None

    @property
    def path(self) -> str:
        """The path of the labels in the dataset."""
        return self.target.storage_path(self.cluster_field)

    @property
    def fields(self) -> list[str]:
        """All vector fields, in the order of their columns."""
        return [self.field, *self.more_fields]

    def check(self) -> None:
        """Raise ValueError if this cannot be done; cheap, so that it can be asked twice."""
        from ...models.parameters import validated
        from ...models.vectors.reduction import get_reduction

        target = self.target
        check_run_key(target.dataset, self.run_key)
        check_stages(target.samples)
        check_cluster_field(target, self.cluster_field)
        if self.encoder is not None:
            picture_field(target.source, target.patches_field)
            check_writable(target, self.field)
        for name in self.more_fields if self.encoder is not None else self.fields:
            require_vector_field(target.source, name, target.patches_field)
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

    def _check_several(self) -> None:
        from ...models.clusterers import all_clusterers

        count = len(self.fields)
        if not self.method.several_spaces:
            able = ", ".join(cls.name for cls in all_clusterers() if cls.several_spaces)
            raise ValueError(f"{self.method.name} takes one vector field, not {count}; name one, or choose {able}")
        if len(set(self.fields)) < count:
            raise ValueError(f"embeddings={self.fields} names a vector field twice; name each once")
        if self.reduce not in ("auto", "none"):
            raise ValueError(f"reduce={self.reduce!r} would mix the {count} vector fields; leave it out")


def make_request(samples: fo.core.collections.SampleCollection, arguments: ClusteringArguments) -> Request:
    """Check the arguments of :func:`operators.clustering.job.compute_clusters` with ``train="embeddings"``.

    Args:
        samples: a dataset or view
        arguments: all arguments, of the right types

    Raises:
        ValueError: if an argument is refused
    """
    from ...models.clusterers import get_clusterer
    from ...models.parameters import validated

    if arguments.name is not None:
        raise ValueError(
            f"name={arguments.name!r} has no use with train='embeddings'; set train='images', or leave it out"
        )
    target, names = resolve_vectors(samples, arguments.patches_field, arguments.embeddings)
    method = get_clusterer(arguments.method)
    run_key = arguments.run_key
    if run_key is None:
        run_key = propose_run_key(target.dataset, method.name)
    first, more = split_fields(names)
    name, encoder = choose_features(target, first, arguments.encoder, arguments.encoder_params)
    request = Request(
        target=target,
        run_key=run_key,
        method=method,
        params=validated(method, arguments.params),
        field=name,
        more_fields=more,
        encoder=encoder,
        encoder_params=arguments.encoder_params,
        reduce=arguments.reduce,
        reduce_params=arguments.reduce_params or {},
        normalize=arguments.normalize,
        cluster_field=arguments.cluster_field or run_key,
        visualize=arguments.visualize and not of_clips(target.source, target.patches_field),
        ground_truth=arguments.ground_truth,
        seed=arguments.seed,
        constraints_from=arguments.constraints_from,
    )
    request.check()
    return _sampled(request, arguments.fit_on)


def _sampled(request: Request, fit_on: int | str) -> Request:
    """Return the request with the size of the sample to fit on."""
    from ...models.parameters import validated

    entered, limit = entered_size(fit_on), request.params.get(TREE)
    if request.constraints_from is not None:
        if entered not in (AUTO, ALL):
            raise ValueError(f"fit_on={fit_on} could part what constraints_from keeps together; leave it out")
        return request
    n = request.target.count()
    size = n if entered == ALL else min(entered, n) if isinstance(entered, int) else 0
    if limit is not None and size > limit:
        try:
            request = replace(request, params=validated(request.method, {**request.params, TREE: size}))
        except ValueError:
            name = request.method.name
            raise ValueError(f"fit_on={fit_on!r} means {size:,} {request.target.unit}; {name} takes 50,000") from None
    chosen = (request.method, request.params, request.reduce, request.reduce_params)
    fit_size = sample_size(entered, n, costs_of(request.target, request.fields, *chosen))
    return replace(request, fit_size=fit_size)
