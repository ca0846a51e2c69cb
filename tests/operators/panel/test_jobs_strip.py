"""The strip with the jobs of a dataset in the Clusters panel."""

import os
import socket

import pytest
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.plugins.orgs.constellation.clusters.operators.execution import jobs
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.processes import this_process
from fiftyone.plugins.orgs.constellation.clusters.operators.execution.stopping import stoppable
from fiftyone.plugins.orgs.constellation.clusters.operators.panel.job_lines import job_lines

from ..app_stream import app_messages
from .panel_browser import Browser, watch


@pytest.fixture
def job(blobs):
    made = jobs.new_job(blobs, "@constellation/clusters/train_encoder", "Train encoder wafers", this_process())
    jobs.change_job(made["id"], worker=jobs.worker_of(os.getpid(), socket.gethostname()))
    yield made["id"]
    jobs.end_job(made["id"], jobs.FAILED)
    jobs.dismiss_job(made["id"])


def test_a_job_is_seen_before_there_is_any_run_and_after_a_reload(blobs, job):
    jobs.change_job(job, state=jobs.RUNNING, fraction=0.42, message="2/3 training")
    opened = Browser(blobs)
    assert "Train encoder wafers · running · 42 % · 2/3 training" in opened.drawn
    assert "no clustering run yet" in opened.drawn
    assert "Train encoder wafers · running" in Browser(blobs).drawn  # the page was loaded again
    jobs.end_job(job, jobs.DONE, "wafers is there", result="**3 of 3 epochs**")
    opened.call("on_jobs")
    assert "done" in opened.drawn and "Dismiss Train encoder wafers" in opened.drawn and opened.got("reload_dataset")
    opened.call("on_job_show", job=job, kind="job")
    assert "**3 of 3 epochs**" in opened.drawn
    opened.call("on_job_dismiss", job=job, kind="job")
    assert "Train encoder" not in opened.drawn


def test_a_panel_is_told_of_jobs_only_when_they_changed(browser, job):
    assert "Train encoder" not in browser.drawn  # it was opened before
    assert watch(browser) == ["on_jobs"] and "Train encoder wafers" in browser.drawn
    assert watch(browser) == [] and not browser.got("set_panel_state")
    jobs.change_job(job, state=jobs.RUNNING, message="1/3 reading")
    assert watch(browser) == ["on_jobs"] and "1/3 reading" in browser.drawn


def test_a_job_of_another_process_is_seen_and_stopped(blobs):
    with stoppable(blobs, "compute_clusters km10") as progress:
        opened = Browser(blobs)
        assert "compute_clusters km10 · running · in process" in opened.drawn
        (line,) = [key for key in open_entries(blobs)]
        opened.call("on_job_stop", job=line, kind="process")
        with pytest.raises(RuntimeError, match="as you asked"):
            progress(0.5, "")


def open_entries(dataset):
    from fiftyone.plugins.orgs.constellation.clusters.operators.execution.stopping import running

    return [entry["id"] for entry in running(dataset)]


def test_a_suggestion_is_shown_with_its_curves_and_goes_on_in_a_form(blobs):
    app_messages(blobs, "suggest_cluster_count", {"embeddings": "emb", "max_clusters": 12})
    (line,) = job_lines(blobs)
    opened = Browser(blobs)
    assert f"Suggest a number of clusters · done · {line['message']}" in opened.drawn and "Plotly" not in opened.drawn
    assert "natural 3" in line["message"] and "Cluster into 3 (natural)" in opened.drawn
    opened.call("on_job_show", job=line["id"], kind="job")
    assert "| **natural** | **3** |" in opened.drawn and "PlotlyView" in opened.drawn and "silhouette" in opened.drawn
    opened.call("on_change_extended_selection", value={"selection": None})  # the App calls it of itself
    assert "| **natural** | **3** |" in opened.drawn
    place = [form["label"] for form in line["forms"]].index("Cluster into 3 (natural)")
    (params,) = (one for one in opened.buttons if one.get("form") == place)
    (prompt,) = opened.call("on_job_form", **params).got("prompt_user_for_operation")
    assert prompt["operator_uri"].endswith("/compute_clusters")
    assert prompt["params"]["method_kmeans"] == {"n_clusters": 3} and prompt["params"]["source"] == "emb"
    jobs.dismiss_job(line["id"])
    assert opened.call("on_job_form", **params).got("prompt_user_for_operation") == []


def test_the_run_of_a_job_is_opened(browser, compute, job):
    compute(browser.dataset, run_key="made", params={"n_clusters": 2})
    jobs.end_job(job, jobs.DONE, run_key="made")
    browser.call("on_job_show", job=job, kind="job")
    assert browser.state["run"] == "made" and "2 clusters of 60 images" in browser.drawn


def test_a_result_stays_open_on_the_same_run_and_makes_room_for_another(browser, compute):
    app_messages(browser.dataset, "suggest_cluster_count", {"embeddings": "emb", "max_clusters": 12})
    (line,) = job_lines(browser.dataset)
    browser.call("on_job_show", job=line["id"], kind="job").call("on_behind")
    assert "| **natural** |" in browser.drawn
    compute(browser.dataset, run_key="another", params={"n_clusters": 2})
    browser.call("on_run", value="another")
    assert browser.state["run"] == "another" and "| **natural** |" not in browser.drawn


def test_jobs_at_work_come_first_and_the_last_ended_next(blobs, job):
    ended = [jobs.new_job(blobs, "@constellation/clusters/train_encoder", f"Old {i}", this_process()) for i in range(7)]
    for one in ended:
        jobs.end_job(one["id"], jobs.DONE)
    titles = [line["title"] for line in job_lines(blobs)]
    assert titles == ["Train encoder wafers", *(f"Old {i}" for i in reversed(range(7)))]
    assert "and 2 more" in Browser(blobs).drawn
    for one in ended:
        jobs.dismiss_job(one["id"])


def test_delegated_operations_are_stopped_and_dismissed_in_the_strip(blobs):
    service = DelegatedOperationService()
    context = {"request_params": {"dataset_name": blobs.name, "params": {}}}
    waits, lost = (
        service.queue_operation(operator=f"@constellation/clusters/{name}", context=context)
        for name in ("compute_clusters", "train_encoder")
    )
    service.queue_operation(operator="@voxel51/utils/clone", context=context)  # somebody else's
    service.set_running(lost.id)
    opened = Browser(blobs)
    assert "Train encoder · running" in opened.drawn and "Compute clusters · waiting" in opened.drawn
    assert "lone" not in opened.drawn
    for operation in (waits, lost):
        opened.call("on_job_stop", job=str(operation.id), kind="delegated")
    assert service.get(waits.id).run_state == service.get(lost.id).run_state == "failed"  # no worker takes them now
    assert "as you asked before it began" in opened.drawn and "its worker is gone" in opened.drawn
    for operation in (waits, lost):
        opened.call("on_job_dismiss", job=str(operation.id), kind="delegated")
    assert not job_lines(blobs)
