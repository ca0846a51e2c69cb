"""What the operators that use a run's clusters share: which of its samples are meant."""

from .runs import lifecycle as runs

WHOLE = "DATASET"  # FiftyOne's name of that choice


def add_samples(ctx, inputs, action: str):
    """Adds the choice between the whole dataset, which is the default, the current view and the selection.

    Whoever looks at a cluster usually means the run and not that cluster.

    Args:
        ctx: the execution context
        inputs: the object to add to
        action: a verb, such as "Export"
    """
    inputs.view_target(ctx, action_description=action, default_target=WHOLE)


def run_samples(ctx, run_key: str):
    """What was chosen; the dataset if the view is one of patches and the run is not of those."""
    samples = ctx.target_view()
    config = runs.get_config(ctx.dataset, run_key)
    if samples._is_patches and getattr(samples, "patches_field", None) != config.patches_field:
        return ctx.dataset
    return samples
