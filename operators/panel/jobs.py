"""Strip of the Clusters panel with the jobs of the dataset: what runs, waits, failed or has just ended."""

from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types

from ..execution.delegated import dismiss_delegated, stop_delegated
from ..execution.jobs import FAILED, RUNNING, WAITING, dismiss_job, read_job, stop_job
from ..execution.stopping import request_stop, running
from .events.edits import EditEvents
from .job_lines import job_lines
from .showing import open_run, prompt
from .state import UI_STATE, read_ui_state, save_ui_state
from .watching import see_jobs
from .widgets import MARKED, QUIET, button, column, markdown, row, text

_BAR = "rgba(255, 109, 4, .28)"
_SHOWN = 6  # lines


def add_jobs(panel: types.Object, dataset: fo.Dataset, open_job: str | None, events: foo.Panel) -> None:
    """Add a line for each job, if there is any.

    Args:
        panel: the object to add to
        dataset: the dataset
        open_job: the id of the job whose result is shown
        events: the panel, whose methods are called
    """
    lines = job_lines(dataset)
    if not lines:
        return
    box = types.Object()
    for place, line in enumerate(lines[:_SHOWN]):
        _add_line(box, f"job_{place}", line, open_job, events)
    if len(lines) > _SHOWN:
        text(box, "more", f"and {len(lines) - _SHOWN} more", "0.8rem", QUIET)
    panel.define_property("jobs", box, view=column(0.5))


def _add_line(box: types.Object, name: str, line: dict, open_job: str | None, events: foo.Panel) -> None:
    bar, at_work = types.Object(), line["state"] in (RUNNING, WAITING)
    share = round(100 * line["fraction"])
    percent = f" · {share} %" if line["state"] == RUNNING and share else ""
    message = f" · {line['message']}" if line["message"] else ""
    style: dict[str, Any] = {"minWidth": "220px", "px": 1, "py": 0.5, "borderRadius": "4px"}
    if at_work:
        style["background"] = f"linear-gradient(90deg, {_BAR} {share}%, rgba(128, 128, 128, .15) {share}%)"
    if line["state"] == FAILED:
        style |= {**MARKED, "borderColor": "error.main"}
    text(bar, "what", f"{line['title']} · {line['state']}{percent}{message}", "0.8rem", **style)
    told = {"job": line["id"], "kind": line["kind"]}
    if at_work:
        button(bar, "stop", events.on_job_stop, "Stop", help=f"Stop {line['title']}", params=told)
    for place, form in enumerate(line.get("forms") or []):
        button(bar, f"form_{place}", events.on_job_form, form["label"], params={**told, "form": place})
    if line.get("run_key"):
        button(bar, "show", events.on_job_show, "Show", help=f"Show run {line['run_key']}", params=told)
    elif line.get("result"):
        label = "Hide" if open_job == line["id"] else "Show"
        button(bar, "show", events.on_job_show, label, help=f"{label} the result of {line['title']}", params=told)
    if not at_work:
        button(bar, "dismiss", events.on_job_dismiss, icon="close", help=f"Dismiss {line['title']}", params=told)
    box.define_property(name, bar, view=row(0.5))
    if open_job == line["id"] and line.get("result"):
        markdown(box, f"{name}_result", line["result"])
        if plot := line.get("plot"):
            config = {"displayModeBar": False, "scrollZoom": False}
            height = f"{plot['layout']['height']}px"
            box.plot(f"{name}_plot", data=plot["data"], layout=plot["layout"], config=config, height=height)


class JobEvents(EditEvents):
    """Stop a job, show what it made, or take its line away."""

    def on_jobs(self, ctx: foo.ExecutionContext) -> None:
        """Draw the jobs as they are now; if one has ended, the dataset may have changed."""
        see_jobs(ctx)

    def on_job_stop(self, ctx: foo.ExecutionContext) -> None:
        """Ask a job to stop."""
        if ctx.params["kind"] == "job":
            stop_job(ctx.params["job"])
        elif ctx.params["kind"] == "delegated":
            stop_delegated(ctx.dataset, ctx.params["job"])
        elif any(entry["id"] == ctx.params["job"] for entry in running(ctx.dataset)):
            request_stop(ctx.dataset, ctx.params["job"])
        ctx.ops.notify("It stops at its next step", variant="info")

    def on_job_show(self, ctx: foo.ExecutionContext) -> None:
        """Open the run that a job has made, or its result in words."""
        job = read_job(ctx.params["job"])
        if job and job["run_key"]:
            open_run(ctx, job["run_key"])
        elif job:
            with UI_STATE:
                ui = read_ui_state(ctx)
                save_ui_state(ctx, {**ui, "job": None if ui.get("job") == job["id"] else job["id"]})

    def on_job_form(self, ctx: foo.ExecutionContext) -> None:
        """Open a form that goes on from a result."""
        if job := read_job(ctx.params["job"]):
            form = job["forms"][ctx.params["form"]]
            prompt(ctx, form["operator"], form["params"], self.on_done)

    def on_job_dismiss(self, ctx: foo.ExecutionContext) -> None:
        """Take the line of a job that has ended away."""
        (dismiss_delegated if ctx.params["kind"] == "delegated" else dismiss_job)(ctx.params["job"])
