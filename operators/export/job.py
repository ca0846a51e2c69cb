"""Export of a run to files: the function behind ``export_clusters``."""

from pathlib import Path

import fiftyone as fo

from ...models.labels import NOISE
from ...models.progress import Progress
from ..execution.stages import Stages
from ..runs.run import Run
from .files import destination, staged
from .formats import WRITERS


def export_clusters(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    path: str,
    format: str = "csv",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> dict:
    """Write a run's clusters to disk.

    Args:
        samples: the dataset, or a view into it; only what is in it is exported
        run_key: the run's key
        path: a new or empty folder; for "csv", "json" and "html" also a file, or a folder to put ``<run_key>.csv`` into
        format ("csv"): "csv", "json", "folders" (copies of images, crops of patches), "contact_sheets" (a PNG per
            cluster) or "html" (one self-contained report)
        overwrite (False): whether what an earlier export wrote there may be replaced; other files in a folder stay
        progress (None): a callable ``(fraction, message)``, which may raise to stop; nothing is left then

    Returns:
        ``{"run_key", "format", "path", "n", "n_clusters", "skipped"}``, with the images that could not be read counted
        by reason

    Raises:
        ValueError: if an argument or the disk refuses
    """
    run, goal = _checked(samples, run_key, path, format, overwrite)
    suffix, write = WRITERS[format]
    stages = Stages(["reading", "writing"], progress)
    stages.enter("reading")
    members = run.members(samples)
    with staged(goal, folder=not suffix) as stage:
        skipped = write(stage, run, members, stages.enter("writing"))
    stages.leave()
    return {
        "run_key": run_key,
        "format": format,
        "path": str(goal),
        "n": len(members.ids),
        "n_clusters": len(set(members.labels.tolist()) - {NOISE}),
        "skipped": skipped,
    }


def check_export(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    path: str,
    format: str = "csv",
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Path:
    """Refuse the arguments of :func:`export_clusters` that can be refused before any work.

    Returns:
        the absolute path of the export
    """
    return _checked(samples, run_key, path, format, overwrite)[1]


def _checked(
    samples: fo.core.collections.SampleCollection, run_key: str, path: str, format: str, overwrite: bool
) -> tuple[Run, Path]:
    """Return the run, and the absolute path of its export."""
    if format not in WRITERS:
        raise ValueError(f"format={format!r} is not known; choose one of {', '.join(WRITERS)}")
    run = Run.open(samples, run_key)
    run.check_labels()
    if format == "contact_sheets" or (format == "folders" and run.config.patches_field):
        run.check_pictures()
    return run, destination(path, run_key, WRITERS[format][0], overwrite)
