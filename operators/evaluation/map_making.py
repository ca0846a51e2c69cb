"""Making the 2-D map of a run that was computed without one."""

from ...models.progress import Progress, quiet
from ..dataset.vectors import first_space, read_spaces
from ..execution.locks import schema_lock
from ..runs.map_points import read_points
from ..runs.maps import digest, ensure_map, map_key
from ..runs.run import Run
from ..runs.store import update_config


def make_map(run: Run, progress: Progress = quiet) -> Run:
    """Make the 2-D map of a run's vectors, as the job of a run does, and keep it with the run.

    Args:
        run: the run
        progress (nothing is reported): a callable ``(fraction, message)``

    Returns:
        the run as it is then

    Raises:
        ValueError: if its labels or vectors are gone
    """
    target, config = run.own_target, run.config
    table, widths = read_spaces(target.source, config.vector_fields, config.patches_field)
    drawn = first_space(table, widths)
    X = config.as_clustered(table.X, widths)[:, : widths[0]]
    brain_key = map_key(run.dataset, config.embeddings, config.patches_field, digest(drawn))
    ensure_map(target, drawn, brain_key, X, None, config.seed, progress)
    with schema_lock(run.dataset):
        update_config(run.dataset, run.key, visualization=brain_key)
    made = Run.cached(run.dataset, run.key)
    read_points(made)
    return made
