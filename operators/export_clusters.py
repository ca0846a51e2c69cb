"""The ``export_clusters`` operator: a run as a table, folders of images, contact sheets or a report."""

from pathlib import Path

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .execution.app import failed, stream
from .execution.python_call import PythonCall
from .execution.stages import Stages
from .export.files import destination, staged
from .export.formats import WRITERS
from .inputs.pickers import add_run, add_samples, chosen_run, run_samples
from .inputs.widgets import add_choice, check
from .runs.clusters import NOISE
from .runs.members import read_members
from .runs.store import check_labels, get_config

FORMATS = {
    "html": "HTML report",
    "csv": "CSV table",
    "json": "JSON",
    "folders": "A folder per cluster",
    "contact_sheets": "A contact sheet (PNG) per cluster",
}
HINTS = {
    "html": "One file with the map, names and thumbnails inside; opens anywhere, without a network",
    "csv": "A row per image or patch",
    "json": "The run, its clusters and a record per image or patch",
    "folders": "Copies of the images; patches are cropped",
    "contact_sheets": "Prototypes first, then members from the most to the least confident",
}


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
    dataset = samples._root_dataset
    get_config(dataset, run_key)
    check_labels(dataset, run_key)
    return destination(to, run_key, WRITERS[format][0], overwrite)


class ExportClusters(PythonCall, foo.Operator):
    """Exports a run; see :func:`export_clusters`."""

    work = staticmethod(export_clusters)
    check = staticmethod(check_export)

    @property
    def config(self):
        """How the App offers this operator."""
        return foo.OperatorConfig(
            name="export_clusters",
            label="Clusters: export clusters",
            description="A run as a report, a table, folders of images or contact sheets",
            icon="/assets/icon.svg",
            dynamic=True,
            execute_as_generator=True,
            allow_immediate_execution=True,
            allow_delegated_execution=True,
            risk_level="medium",
        )

    def resolve_input(self, ctx):
        """The form: which run, in which format, where to; the path is checked while typing."""
        inputs = types.Object()
        if key := add_run(ctx, inputs):
            add_samples(ctx, inputs, "Export")
            format = ctx.params.get("format") or "html"
            add_choice(inputs, "format", FORMATS, "html", "Format", HINTS.get(format), HINTS)
            prop = inputs.str(
                "to",
                required=False,
                default=propose_path(key, format),
                label="Where to",
                description="A file or folder on the machine that serves the App",
            )
            text = "Replaces what an earlier export wrote there; other files stay"
            inputs.bool("overwrite", required=False, default=False, label="Overwrite", description=text)
            to = ctx.params.get("to") or propose_path(key, format)
            check(prop, check_export, ctx.dataset, key, to, format, bool(ctx.params.get("overwrite")))
        return types.Property(inputs, view=types.View(label="Export clusters"))

    def execute(self, ctx):
        """Writes with live progress, then says where to."""
        try:
            key, format = chosen_run(ctx), ctx.params.get("format") or "html"
            to = ctx.params.get("to") or propose_path(key, format)
            samples, overwrite = run_samples(ctx, key), bool(ctx.params.get("overwrite"))
            done = yield from stream(
                ctx, lambda progress: export_clusters(samples, key, to, format, overwrite, progress=progress)
            )
        except Exception as error:
            yield from failed(ctx, error)
            return
        text = f"{done['n_clusters']} clusters of run {key} are in {done['path']}"
        skipped = ", ".join(f"{count:,} {reason}" for reason, count in done["skipped"].items())
        text += f"; skipped: {skipped}" if skipped else ""
        if ctx.delegated:
            ctx.set_progress(progress=1, label=text)
            return
        yield ctx.ops.notify(text, variant="success")


def propose_path(run_key: str, format: str) -> str:
    """A path for an export that does not exist yet."""
    suffix = WRITERS[format][0] if format in WRITERS else ""
    name = f"{run_key}{suffix}" if suffix else f"{run_key}_{format}"
    base = Path.home() / "clusters" / name
    tries = (base.with_name(f"{run_key}_{i}{suffix}" if suffix else f"{name}_{i}") for i in range(2, 1000))
    return str(base if not base.exists() else next((path for path in tries if not path.exists()), base))
