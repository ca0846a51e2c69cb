"""Form values of ``check_neighbors`` as arguments."""

from .target import NONE, chosen_samples


def neighbor_arguments(ctx) -> tuple[object, dict]:
    """What was entered, as arguments of :func:`check_neighbors`."""
    params = ctx.params
    known = ("embeddings", "patches_field", "n_images", "n_neighbors", "ground_truth", "ids", "seed")
    kwargs = {key: params[key] for key in known if params.get(key) not in (None, "", NONE)}
    if params.get("unit") in set(ctx.dataset.get_field_schema()):
        kwargs["patches_field"] = params["unit"]
    return chosen_samples(ctx), kwargs
