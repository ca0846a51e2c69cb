"""The log of a run's edits: what was done, by whom and when, and what it takes to undo it. Plain data.

A record is an edit, or says "undo" or "redo" of an earlier one; records are never taken out again. An edit holds what
it changed in the run as ``{table: {key: [before, after]}}``, None where there was nothing, and what it changed in the
dataset as packed columns.
"""

from datetime import datetime, timezone

import fiftyone.core.utils as fou
import numpy as np

from ...models.labels import UNASSIGNED
from .labels import Labels

UNDO, REDO = "undo", "redo"


def make_edit(action: str, by: str, arguments: dict, text: str, changes: dict, labels: dict | None = None) -> dict:
    """An edit as the log keeps it.

    Args:
        action: what was done
        by: who did it
        arguments: its arguments, plain data
        text: what it did, one sentence
        changes: ``{table: {key: [before, after]}}``
        labels (None): from :func:`pack_labels`
    """
    kept = {table: {str(key): pair for key, pair in changed.items()} for table, changed in changes.items() if changed}
    return {**make_record(action, by), "arguments": arguments, "text": text, "changes": kept, "labels": labels}


def make_record(action: str, by: str, of: int | None = None) -> dict:
    """What every record has; ``of`` is the position of the edit that is undone or redone."""
    record = {"action": action, "by": by, "at": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")}
    return record if of is None else {**record, "of": of}


def differences(before: dict, after: dict) -> dict:
    """``{key: [before, after]}`` of the keys whose values differ."""
    keys = [*before, *(key for key in after if key not in before)]
    pairs = {key: [before.get(key), after.get(key)] for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def pack_labels(before: Labels, clusters, confidence) -> dict:
    """The old and new labels of the images or patches that an edit changes, packed.

    Args:
        before: who they are and what they had
        clusters: ``(n,)`` where they go
        confidence: ``(n,)`` how sure that is
    """
    ids = np.frombuffer(b"".join(bytes.fromhex(row_id) for row_id in before.ids), np.uint8)
    columns = {
        "ids": ids,
        "before": before.clusters.astype(np.int32),
        "after": np.asarray(clusters, np.int32),
        "confidence_before": before.confidence,
        "confidence_after": np.asarray(confidence, np.float64),
    }
    return {name: fou.serialize_numpy_array(column, ascii=True) for name, column in columns.items()}


def unpack_labels(packed: dict | None) -> dict:
    """The columns of :func:`pack_labels`: ``ids``, a list of text, and arrays ``(n,)``."""
    if not packed:
        return {"ids": [], **dict.fromkeys(("before", "after"), np.empty(0, np.int64))}
    columns = {name: fou.deserialize_numpy_array(text, ascii=True) for name, text in packed.items()}
    columns["ids"] = [row.tobytes().hex() for row in columns["ids"].reshape(-1, 12)]
    return columns


def undoable(log: list[dict]) -> list[int]:
    """The positions of the edits that are in effect, the one to undo first last."""
    return _stacks(log)[0]


def redoable(log: list[dict]) -> list[int]:
    """The positions of the edits that were undone and not followed by a new one, the one to redo first last."""
    return _stacks(log)[1]


def history(log: list[dict]) -> list[dict]:
    """The edits without what undoes them: ``action``, ``by``, ``at``, ``text`` and whether each is ``in_effect``."""
    done, kept = set(undoable(log)), ("action", "by", "at", "text")
    found = [(place, record) for place, record in enumerate(log) if "changes" in record]
    return [{key: record[key] for key in kept} | {"in_effect": place in done} for place, record in found]


def _stacks(log):
    done, undone = [], []
    for position, record in enumerate(log):
        if record["action"] == UNDO:
            undone.append(done.pop())
        elif record["action"] == REDO:
            done.append(undone.pop())
        else:
            done.append(position)
            undone.clear()
    return done, undone


def step(log: list[dict], record: dict) -> tuple[dict, bool]:
    """The edit that a record is about, and whether it goes forward."""
    if record["action"] in (UNDO, REDO):
        return log[record["of"]], record["action"] == REDO
    return record, True


def next_id(log: list[dict], clusters) -> int:
    """A cluster id that was never used.

    Args:
        log: the run's log
        clusters: the ids in use
    """
    used = {int(key) for record in log for key in record.get("changes", {}).get("clusters", {})}
    return max([-1, *used, *clusters]) + 1


def assigned(log: list[dict]) -> set[str]:
    """The ids of what was assigned by a run after it was made, unless somebody has moved it by hand since."""
    found = set()
    for position in undoable(log):
        edit = log[position]
        if edit["action"] in ("assign", "move"):
            columns = unpack_labels(edit["labels"])
            for row_id, after in zip(columns["ids"], columns["after"].tolist(), strict=True):
                (found.add if edit["action"] == "assign" and after != UNASSIGNED else found.discard)(row_id)
    return found
