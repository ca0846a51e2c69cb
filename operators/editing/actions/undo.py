"""Undo and redo, to any depth."""

from ...runs import edit_log
from ..transaction import edited, editing


def undo_edit(dataset, run_key: str, by="user", version=None, progress=None) -> dict:
    """Takes back the last edit that is in effect; any number of times.

    Args:
        dataset: a :class:`fiftyone.core.dataset.Dataset`
        run_key: the run's key
        by ("user"): who does it
        version (None): the version that the caller saw, to be told if somebody else has edited the run since
        progress (None): a callable ``(fraction, message)``

    Returns:
        what was done, see :func:`operators.cluster_edits.edited`

    Raises:
        ValueError: in one sentence, if there is nothing to undo or somebody else edits the run
    """
    with editing(dataset, run_key, version) as run:
        return _step(run, edit_log.UNDO, edit_log.undoable(run.log), by, progress)


def redo_edit(dataset, run_key: str, by="user", version=None, progress=None) -> dict:
    """Does again what was undone last, unless a new edit followed; arguments as for :func:`undo_edit`."""
    with editing(dataset, run_key, version) as run:
        return _step(run, edit_log.REDO, edit_log.redoable(run.log), by, progress)


def _step(run, action, stack, by, progress):
    if not stack:
        raise ValueError(f"run {run.run_key!r} has no edit to {action}; look at its edit log")
    edit = run.log[stack[-1]]
    before = set(run.clusters)
    run.commit(edit_log.make_record(action, by, stack[-1]), progress)
    text = f"{'Undone' if action == edit_log.UNDO else 'Done again'}: {edit['text']}"
    if run.n_skipped:
        text += f"; {run.n_skipped:,} {run.target.unit} were changed or deleted since and stay as they are"
    touched = {int(key) for key in edit["changes"].get("clusters", {})}
    return edited(run, action, text, sorted(touched & (before | set(run.clusters))))
