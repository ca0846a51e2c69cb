"""Export of a run to files: the function behind ``export_clusters``."""

from pathlib import Path

from ...models.labels import NOISE
from ..dataset.private import root_dataset
from ..execution.stages import Stages
from ..runs.members import read_members
from ..runs.store import check_labels, get_config
from .files import destination, staged
from .formats import WRITERS


def export_clusters(
    samples, run_key: str, to: str, format: str = "csv", overwrite: bool = False, progress=None
) -> dict:
    """Writes a run's clusters to disk.

    Args:
        samples: the dataset, or a view into it; only what is in it is exported
        run_key: the run's key
        to: a new or empty folder; for "csv", "json" and "html" also a file, or a folder to put ``<run_key>.csv`` into
        format ("csv"): "csv", "json", "folders" (copies of images, crops of patches), "contact_sheets" (a PNG per
            cluster) or "html" (one self-contained report)
        overwrite (False): whether what an earlier export wrote there may be replaced; other files in a folder stay
        progress (None): a callable ``(fraction, message)``, which may raise to stop; nothing is left then

    Returns:
        ``{"run_key", "format", "path", "n", "n_clusters", "skipped"}``, with the images that could not be read counted
        by reason

    Raises:
        ValueError: in one sentence, if an argument is refused or the disk refuses
    """
    path = check_export(samples, run_key, to, format, overwrite)
    suffix, write = WRITERS[format]
    stages = Stages(["reading", "writing"], progress)
    stages.enter("reading")
    members = read_members(samples, run_key)
    with staged(path, folder=not suffix) as stage:
        done = write(stage, members, stages.enter("writing"))
    stages.leave()
    return {
        "run_key": run_key,
        "format": format,
        "path": str(path),
        "n": len(members.ids),
        "n_clusters": len(set(members.labels.tolist()) - {NOISE}),
        "skipped": done.get("skipped", {}),
    }


def check_export(samples, run_key: str, to: str, format: str = "csv", overwrite: bool = False, progress=None) -> Path:
    """Refuses the arguments of :func:`export_clusters` that can be refused before any work.

    Returns:
        where the export goes

    Raises:
        ValueError: in one sentence
    """
    if format not in WRITERS:
        raise ValueError(f"format={format!r} is not known; choose one of {', '.join(WRITERS)}")
    dataset = root_dataset(samples)
    get_config(dataset, run_key)
    check_labels(dataset, run_key)
    return destination(to, run_key, WRITERS[format][0], overwrite)
