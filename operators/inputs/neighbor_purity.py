"""Form values of ``check_neighbors`` as arguments."""

from typing import Any

import fiftyone as fo
import fiftyone.operators as foo

from .target import NONE, chosen_patches_field, chosen_samples

_PASSED = ("embeddings", "patches_field", "sample_size", "n_neighbors", "ground_truth", "ids", "seed")


def neighbor_arguments(ctx: foo.ExecutionContext) -> tuple[fo.core.collections.SampleCollection, dict[str, Any]]:
    """Return the samples and other arguments of :func:`operators.evaluation.neighbor_purity.check_neighbors`."""
    params = ctx.params
    kwargs = {key: params[key] for key in _PASSED if params.get(key) not in (None, "", NONE)}
    if field := chosen_patches_field(params):
        kwargs["patches_field"] = field
    return chosen_samples(ctx), kwargs
