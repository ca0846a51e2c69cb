"""The formats of ``export_clusters``: tables, folders of images, contact sheets and the HTML report."""

from .images import write_folders, write_sheets
from .report import write_report
from .tables import write_csv, write_json

WRITERS = {
    "csv": (".csv", write_csv),
    "json": (".json", write_json),
    "folders": ("", write_folders),
    "contact_sheets": ("", write_sheets),
    "html": (".html", write_report),
}
