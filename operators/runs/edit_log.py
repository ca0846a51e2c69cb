"""The log of a run's edits: action, author and time of each, and what it takes to undo it. Plain data.

A record is an edit, or says "undo" or "redo" of an earlier one; records are never taken out again. An edit holds what
it changed in the run as ``{table: {key: [before, after]}}``, None where there was nothing, and what it changed in the
dataset as packed columns.
"""

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

import fiftyone.core.utils as fou
import numpy as np

from ...models.labels import UNASSIGNED
from .labels import Labels

UNDO, REDO = "undo", "redo"
_KINDS = (("", np.int64), ("confidence_", np.float64))


def make_edit(action: str, author: str, arguments: dict, text: str, changes: dict, labels: dict | None = None) -> dict:
    """Make the record of an edit.

    Args:
        action: what was done
        author: who did it
        arguments: its arguments, plain data
        text: what it did, one sentence
        changes: ``{table: {key: [before, after]}}``
        labels (None): from :func:`pack_labels`
    """
    kept = {table: {str(key): pair for key, pair in changed.items()} for table, changed in changes.items() if changed}
    return {**make_record(action, author), "arguments": arguments, "text": text, "changes": kept, "labels": labels}


def make_record(action: str, author: str, of: int | None = None) -> dict:
    """Make a record; ``of`` is the position of the edit that is undone or redone."""
    record = {"action": action, "by": author, "at": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")}
    return record if of is None else {**record, "of": of}


def differences(before: dict, after: dict) -> dict:
    """Return ``{key: [before, after]}`` of the keys whose values differ."""
    keys = [*before, *(key for key in after if key not in before)]
    pairs = {key: [before.get(key), after.get(key)] for key in keys}
    return {key: pair for key, pair in pairs.items() if pair[0] != pair[1]}


def pack_labels(before: Labels, clusters: np.ndarray, confidence: np.ndarray) -> dict[str, str]:
    """Pack the old and new labels of the images or patches that an edit changes.

    Args:
        before: their ids and the labels they had
        clusters: ``(n,)`` their new clusters
        confidence: ``(n,)`` their new confidence
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


def unpack_labels(packed: dict[str, str] | None) -> dict[str, Any]:
    """Return the columns of :func:`pack_labels`: ``ids``, a list of text, and arrays ``(n,)``."""
    if not packed:
        empty = {f"{prefix}{side}": np.empty(0, kind) for prefix, kind in _KINDS for side in ("before", "after")}
        return {"ids": [], **empty}
    columns = {name: fou.deserialize_numpy_array(text, ascii=True) for name, text in packed.items()}
    columns["ids"] = [row.tobytes().hex() for row in columns["ids"].reshape(-1, 12)]
    return columns


def undoable(log: list[dict]) -> list[int]:
    """Return the positions of the edits that are in effect, the one to undo first last."""
    done, _ = _stacks(log)
    return done


def redoable(log: list[dict]) -> list[int]:
    """Return the positions of the edits that were undone and not followed by a new one, the one to redo first last."""
    _, undone = _stacks(log)
    return undone


def is_pending(log: list[dict]) -> bool:
    """Return whether the last edit is not finished, for its writer is at it or was killed."""
    return bool(log and log[-1].get("pending"))


def history(log: list[dict]) -> list[dict]:
    """Return the edits without what undoes them: ``action``, ``by``, ``at``, ``text``, and if each is ``in_effect``."""
    done, kept = set(undoable(log)), ("action", "by", "at", "text")
    found = [(place, record) for place, record in enumerate(log) if "changes" in record]
    return [{key: record[key] for key in kept} | {"in_effect": place in done} for place, record in found]


def _stacks(log: list[dict]) -> tuple[list[int], list[int]]:
    """Return the positions of the edits in effect and of those undone."""
    done: list[int] = []
    undone: list[int] = []
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
    """Return the edit that a record is about, and whether it goes forward."""
    if record["action"] in (UNDO, REDO):
        return log[record["of"]], record["action"] == REDO
    return record, True


def columns_of(edit: dict, forward: bool) -> tuple[dict[str, Any], str, str]:
    """Return the columns of an edit's labels, and which of ``after`` and ``before`` a step writes and finds."""
    return unpack_labels(edit["labels"]), *(("after", "before") if forward else ("before", "after"))


def renamed(edit: dict) -> list[int]:
    """Return the clusters that are there before and after an edit, with different names."""
    pairs = edit["changes"].get("clusters", {}).values()
    return [old["id"] for old, new in pairs if old and new and old["label"] != new["label"]]


def taken(log: list[dict], level: str) -> dict[str, dict]:
    """Return the labels that the last record's step has to give back: those that the step took which it reverses.

    Labels that a person corrected are lost to an edit; its undo gives them back, and a redo what the undo took.

    Args:
        log: the run's log
        level: ``corrected`` or ``corrected_coarse``
    """
    *earlier, last = log
    if "of" not in last:
        return {}
    about = [record for place, record in enumerate(earlier) if last["of"] in (place, record.get("of"))]
    return about[-1].get(level, {})


def next_id(log: list[dict], clusters: Iterable[int]) -> int:
    """Return a cluster id that was never used.

    Args:
        log: the run's log
        clusters: the ids in use
    """
    used = {int(key) for record in log for key in record.get("changes", {}).get("clusters", {})}
    return max([-1, *used, *clusters]) + 1


def assigned(log: list[dict]) -> set[str]:
    """Return the ids of what was assigned to clusters after the run was made, and not moved by hand since."""
    found: set[str] = set()
    for position in undoable(log):
        edit = log[position]
        if edit["action"] in ("assign", "move"):
            columns = unpack_labels(edit["labels"])
            for row_id, after in zip(columns["ids"], columns["after"].tolist(), strict=True):
                (found.add if edit["action"] == "assign" and after != UNASSIGNED else found.discard)(row_id)
    return found


def judged(log: list[dict]) -> set[str]:
    """Return the ids of the images or patches whose cluster a person has confirmed or chosen, one edit for each."""
    found: set[str] = set()
    for position in undoable(log):
        if log[position]["action"] in ("confirm", "move"):
            found.update(unpack_labels(log[position]["labels"])["ids"])
    return found
