"""Lines of the strip with the jobs of a dataset, as plain data."""

from typing import Any

import fiftyone as fo

from ...models.costs import duration
from ..execution.delegated import delegated_jobs
from ..execution.jobs import RUNNING, WAITING, is_next, list_jobs, seconds_left
from ..execution.stopping import running


def jobs_seen(dataset: fo.Dataset) -> list:
    """Return what the strip shows, as plain data that differs whenever that does."""
    return [[line["id"], line["state"], round(line["fraction"], 2), line["message"]] for line in job_lines(dataset)]


def has_ended(before: list, after: list) -> bool:
    """Return whether a job that was at work before, as :func:`jobs_seen` tells, is so no more."""
    at_work = {line[0] for line in after if line[1] in (RUNNING, WAITING)}
    return any(line[0] not in at_work for line in before if line[1] in (RUNNING, WAITING))


def job_lines(dataset: fo.Dataset) -> list[dict[str, Any]]:
    """List what is at work on a dataset or has ended: jobs of the App, delegated ones, other processes.

    Those at work come first, in their order, then the ended ones, the last first.
    """
    jobs = list_jobs(dataset)
    ended = sorted((job for job in jobs if job["ended"]), key=lambda job: -job["ended"])
    lines = [_line(job) for job in [*(job for job in jobs if not job["ended"]), *ended]]
    known = {(job["worker"] or {}).get("pid") for job in jobs}
    delegated = delegated_jobs(dataset)
    lines += delegated
    if not any(line["state"] == RUNNING for line in delegated):  # its own process has an entry, too
        for entry in running(dataset):
            if entry["pid"] not in known:
                told = {"title": entry["what"], "message": f"in process {entry['pid']} on {entry['host']}"}
                lines.append({"id": entry["id"], "state": RUNNING, "fraction": 0.0, "kind": "process", **told})
    return sorted(lines, key=lambda line: line["state"] not in (RUNNING, WAITING))


def _line(job: dict) -> dict[str, Any]:
    left = seconds_left(job)
    message = job["message"]
    if left is not None:
        message = f"{message}, {duration(left)} left" if message else f"{duration(left)} left"
    elif job["state"] == WAITING:
        message = "starts" if is_next(job) else "waits for the job before it"
    kept = {name: job[name] for name in ("id", "title", "state", "fraction", "run_key", "result")}
    kept |= {"plot": job.get("plot"), "forms": job.get("forms") or []}  # older records have none
    return {**kept, "message": message, "kind": "job"}
