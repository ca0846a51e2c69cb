"""The formats of ``export_clusters``: tables, folders of images, contact sheets and the HTML report."""

from collections.abc import Callable
from pathlib import Path

from ...models.progress import Progress
from ..runs.members import Members
from ..runs.run import Run
from .images import write_folders, write_sheets
from .report import write_report
from .tables import write_csv, write_json

# Per format, the suffix of its file, empty for a folder, and what writes it and returns what it skipped, by reason
WRITERS: dict[str, tuple[str, Callable[[Path, Run, Members, Progress], dict[str, int]]]] = {
    "csv": (".csv", write_csv),
    "json": (".json", write_json),
    "folders": ("", write_folders),
    "contact_sheets": ("", write_sheets),
    "html": (".html", write_report),
}
