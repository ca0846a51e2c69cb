"""Undo and redo, to any depth."""

from ....models.progress import Progress
from ...runs import edit_log
from ...runs.run import Run
from ...runs.transaction import EditedRun
from ..base import Edit


class Undo(Edit):
    """Take back the last edit that is in effect; any number of times."""

    name = edit_log.UNDO
    title = "Undo the last edit"
    order = 60
    of_clusters = False

    @classmethod
    def stack(cls, edits: list[dict]) -> list[int]:
        """Return the positions of the edits that it could take back, the next one last."""
        return edit_log.undoable(edits)

    @classmethod
    def check(cls, run: Run) -> None:
        """Raise ValueError if there is no edit for it."""
        if not cls.stack(run.log):
            raise ValueError(f"there is no edit to {cls.name}")

    @classmethod
    def preview(cls, run: Run) -> tuple[str, str] | None:
        """Return the edit that comes next, and its author and time."""
        edit = run.log[cls.stack(run.log)[-1]]
        return edit["text"], f"By {edit['by']}, {edit['at']}"

    @staticmethod
    def apply(run: EditedRun, author: str, progress: Progress | None) -> dict:
        """Take back the last edit that is in effect.

        Raises:
            ValueError: if there is nothing to undo
        """
        return _step(run, Undo, "Undone", author, progress)


class Redo(Undo):
    """Do what was undone last once more, unless a new edit followed."""

    name = edit_log.REDO
    title = "Redo what was undone"
    order = 70

    @classmethod
    def stack(cls, edits: list[dict]) -> list[int]:
        """Return the positions of the edits that it could do once more, the next one last."""
        return edit_log.redoable(edits)

    @staticmethod
    def apply(run: EditedRun, author: str, progress: Progress | None) -> dict:
        """Do what was undone last once more.

        Raises:
            ValueError: if there is nothing to redo
        """
        return _step(run, Redo, "Redone", author, progress)


def _step(run: EditedRun, edit: type[Undo], word: str, author: str, progress: Progress | None) -> dict:
    stack = edit.stack(run.edits)
    if not stack:
        raise ValueError(f"run {run.key!r} has no edit to {edit.name}; look at its edit log")
    record = run.edits[stack[-1]]
    before = set(run.records)
    run.commit(edit_log.make_record(edit.name, author, stack[-1]), progress)
    text = f"{word}: {record['text']}"
    if run.n_skipped:
        text += f"; {run.n_skipped:,} {run.target.unit} were changed or deleted since and stay as they are"
    touched = {int(key) for key in record["changes"].get("clusters", {})}
    return run.outcome(edit.name, text, sorted(touched & (before | set(run.records))))
