"""Delegated operations of this plugin as jobs: listed, stopped and dismissed like those that the App hands over."""

import time
from datetime import datetime, timezone
from typing import Any

import fiftyone as fo
from fiftyone.operators.executor import ExecutionResult
from fiftyone.operators.store import ExecutionStore

from .jobs import FAILED, RUNNING, STOPPED, STORE, WAITING, list_jobs
from .stopping import request_stop, running

_OURS = "@constellation/clusters/"
_STATES = {"queued": WAITING, "scheduled": WAITING, "running": RUNNING, "failed": FAILED}
_SHOWN_SECONDS = 24 * 3600  # of failed ones
_STOPPED = "it was stopped as you asked before it began"
_GONE = "its worker is gone"


def delegated_jobs(dataset: fo.Dataset) -> list[dict[str, Any]]:
    """List the delegated operations of this plugin on a dataset, oldest first.

    Args:
        dataset: the dataset

    Returns:
        those that wait, run, or failed within a day and were not dismissed, as ``id``, ``title``, ``state``,
        ``fraction``, ``message`` and ``kind``
    """
    chosen = {"operator": {"$regex": f"^{_OURS}"}, "run_state": {"$in": list(_STATES)}}
    found = []
    for operation in _service().list_operations(dataset_name=dataset.name, **chosen):
        state, status = _STATES[operation.run_state], operation.status
        name = str(operation.operator).removeprefix(_OURS)
        message = (status.label if status else None) or "delegated"
        if state == FAILED:
            if _is_past(operation):
                continue
            message = _reason(operation)
            state = STOPPED if "was stopped" in message else FAILED
        line = {
            "id": str(operation.id),
            "title": name.replace("_", " ").capitalize(),
            "state": state,
            "fraction": float((status.progress if status else 0) or 0),
            "message": message,
            "kind": "delegated",
        }
        found.append((operation.id, line))
    return [line for _, line in sorted(found, key=lambda one: one[0])]


def stop_delegated(dataset: fo.Dataset, operation_id: str) -> None:
    """Stop a delegated operation: one that waits is not begun, one that runs ends at its next step.

    One whose worker was killed, which FiftyOne goes on listing as running, has failed.
    """
    from bson import ObjectId

    service, result = _service(), ExecutionResult(error=_STOPPED)
    for state in ("queued", "scheduled"):
        if service.set_failed(ObjectId(operation_id), result, required_state=state):
            return
    name = str(service.get(ObjectId(operation_id)).operator).removeprefix(_OURS)
    handed_over = {(job["worker"] or {}).get("pid") for job in list_jobs(dataset)}
    entries = [one for one in running(dataset) if one["what"].split()[0] == name and one["pid"] not in handed_over]
    for entry in entries:
        request_stop(dataset, entry["id"])
    if not entries:  # FiftyOne does not notice when a worker was killed
        service.set_failed(ObjectId(operation_id), ExecutionResult(error=_GONE), required_state="running")


def dismiss_delegated(operation_id: str) -> None:
    """List a delegated operation that failed no more; FiftyOne keeps it."""
    _dismissed().set(operation_id, True, ttl=2 * _SHOWN_SECONDS)


def _is_past(operation: Any) -> bool:
    failed_at = operation.failed_at or datetime.fromtimestamp(0)
    past = time.time() - failed_at.replace(tzinfo=timezone.utc).timestamp() > _SHOWN_SECONDS
    return past or bool(_dismissed().get(str(operation.id)))


def _reason(operation: Any) -> str:
    """Return the last line of what FiftyOne keeps of an exception, without the exception's name."""
    lines = str(getattr(operation.result, "error", None) or "").strip().splitlines()
    if not lines:
        return "delegated; its worker does not say why"
    name, _, sentence = lines[-1].strip().partition(": ")
    return sentence if sentence and name.isidentifier() else lines[-1].strip()


def _service() -> Any:
    from fiftyone.operators.delegated import DelegatedOperationService

    return DelegatedOperationService()


def _dismissed() -> ExecutionStore:
    return ExecutionStore.create(f"{STORE}_dismissed")
