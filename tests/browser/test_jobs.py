"""Jobs in the background as a person sees them: how far, after a reload, too, stopped, shown and dismissed."""

import re

import pytest
from fiftyone.plugins.orgs.constellation.clusters.operators.execution import jobs
from playwright.sync_api import expect
from test_panel import Panel

pytestmark = pytest.mark.slow


@pytest.fixture
def panel(plain_user, digits):
    yield Panel(plain_user)
    for job in jobs.list_jobs(digits):
        jobs.stop_job(job["id"])


def train(user, name, epochs):
    """Starts a training of some epochs; its form closes at once."""
    form = user.open_form("train_encoder")
    user.fill(form, "Name", name)
    user.fill(form, "Epochs", str(epochs))
    user.fill(form, "batch_size", "20")
    user.execute(form)
    form.wait_for(state="detached")


def test_a_long_job_is_found_again_after_a_reload_stopped_and_dismissed(panel, digits):
    user = panel.user
    user.open(digits)
    train(user, "browser_long", 5000)
    line = panel.content.get_by_text(re.compile("^Train encoder browser_long · "))
    expect(line).to_contain_text(re.compile(r"running.*training"), timeout=180_000)
    user.page.reload()
    expect(line).to_contain_text("running")
    (job,) = jobs.list_jobs(digits)
    panel.content.get_by_role("button", name="Stop", exact=True).click()
    expect(line).to_contain_text(re.compile("stopped · .*as you asked"), timeout=180_000)
    assert jobs.read_job(job["id"])["state"] == jobs.STOPPED
    panel.content.get_by_role("button", name="Dismiss Train encoder browser_long").click()
    expect(line).to_have_count(0)
    assert jobs.read_job(job["id"]) is None


def test_the_result_of_a_job_is_shown_and_hidden(panel, digits):
    user = panel.user
    user.open(digits)
    train(user, "browser_short", 1)
    said = "1 of 1 epochs"
    expect(panel.content).to_contain_text("· done", timeout=180_000)
    panel.press("Show")
    expect(panel.content).to_contain_text(said)
    panel.press("Hide")
    expect(panel.content).not_to_contain_text(said)
    panel.content.get_by_role("button", name="Dismiss Train encoder browser_short").click()
    expect(panel.content.get_by_text(re.compile("^Train encoder"))).to_have_count(0)
