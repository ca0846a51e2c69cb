"""The Map tab as a person uses it: names and pictures, a click on a point, a lasso and what to do with it."""

import re

import fiftyone.operators as foo
import numpy as np
import pytest
from axe import findings
from playwright.sync_api import expect
from test_panel import CONTENT, Panel

REST = 2000  # milliseconds in which nothing happens


class Map:
    """The moves of a user on the map."""

    def __init__(self, panel: Panel):
        self.panel, self.page, self.content = panel, panel.page, panel.content
        self.plot = self.content.locator(".js-plotly-plot").first

    def wait(self):
        """Waits until it is drawn, with names."""
        self.content.locator(".annotation-text").first.wait_for(timeout=180_000)
        self.page.wait_for_timeout(1000)  # it is drawn once more when the panel has its final size

    def names(self) -> list[str]:
        """What is written on it."""
        return self.content.locator(".annotation-text").all_text_contents()  # of SVG, which has no inner text

    def points(self) -> np.ndarray:
        """Where each point is on the page ``(n, 2)``, from what the browser was sent and the axes as drawn."""
        return np.array(
            self.plot.evaluate(
                """e => { const {xaxis, yaxis} = e._fullLayout, {x, y} = e._fullData[0], r = e.getBoundingClientRect();
                return Array.from(x, (v, i) => [r.left + xaxis._offset + xaxis.l2p(v),
                                                r.top + yaxis._offset + yaxis.l2p(y[i])]); }"""
            )
        )

    def lasso(self, low, high):
        """Drags around the corners of a box on the page."""
        (left, top), (right, bottom) = low, high
        self.page.mouse.move(left, top)
        self.page.mouse.down()
        for x, y in ((right, top), (right, bottom), (left, bottom), (left, top + 1)):
            self.page.mouse.move(x, y, steps=6)
        self.page.mouse.up()

    def lasso_left_part(self, share: float) -> int:
        """Drags around the leftmost points; returns how many were chosen."""
        places = self.points()
        edge = np.quantile(places[:, 0], share)
        inside = places[:, 0] < edge
        self.lasso(places[inside].min(axis=0) - 5, (edge, places[inside][:, 1].max() + 5))
        chosen = self.content.get_by_text(re.compile("chosen$"))
        chosen.wait_for()
        return int(chosen.inner_text().split()[0])


@pytest.fixture
def mapped(user, digits):
    """The panel, on a run with a map."""
    foo.get_operator("@constellation/clusters/compute_clusters")(
        digits, run_key="km", method="kmeans", params={"n_clusters": 5}, embeddings="emb", visualize=True
    )
    user.open(digits)
    panel = Panel(user)
    icon = user.page.locator('[data-item-id="@constellation/clusters/open_clusters_panel"]')
    icon.locator("*").last.evaluate("e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    found = Map(panel)
    found.wait()
    return found


def test_a_group_on_the_map_becomes_a_cluster_and_a_click_shows_one(mapped, digits):
    assert sorted(mapped.names()) == [f"cluster {i:02d}" for i in range(5)]
    # Plotly takes some settings for changed at each draw, and then draws for ever
    mapped.plot.evaluate("e => { window.draws = 0; e.on('plotly_afterplot', () => window.draws++); }")
    mapped.page.wait_for_timeout(REST)
    assert mapped.page.evaluate("window.draws") == 0
    assert findings(mapped.page, CONTENT) == []
    n = mapped.lasso_left_part(0.3)
    assert abs(n - 18) <= 1
    mapped.panel.press("Only these")
    mapped.panel.shows(n)
    mapped.panel.press("New cluster")
    expect(mapped.content.locator(".annotation-text", has_text="cluster 05")).to_be_visible()
    mapped.panel.shows(n)  # the grid still shows what was chosen
    mapped.content.get_by_role("button", name=re.compile("^Undo: Moved ")).click()
    expect(mapped.content.get_by_role("button", name=re.compile("^Redo: Moved "))).to_be_visible()
    assert "cluster 05" not in mapped.names()
    digits.reload()
    clusters = digits.values("km.label")
    places = mapped.points()
    alone = max(range(len(places)), key=lambda i: np.sort(np.abs(places - places[i]).sum(axis=1))[1])
    mapped.page.mouse.move(*(places[alone] + 30))
    mapped.page.mouse.move(*places[alone], steps=4)
    mapped.page.wait_for_timeout(400)
    mapped.page.mouse.down()
    mapped.page.mouse.up()
    expect(mapped.content.get_by_text(re.compile("^It is in cluster"))).to_be_visible()
    name = mapped.content.get_by_text(re.compile("^It is in cluster")).inner_text()[9:19]
    mapped.panel.shows(clusters.count(name))


def test_the_map_is_colored_by_a_field_and_is_as_it_was_on_the_way_back(mapped):
    mapped.content.get_by_role("button", name=re.compile("^Color of the points")).click()
    mapped.content.get_by_role("button", name="Color: ground_truth", exact=True).click()
    expect(mapped.content.locator(".legendtext").first).to_have_text(re.compile(r"^\d$"))
    mapped.panel.press("Clusters")
    mapped.panel.wait_for_pictures()
    mapped.panel.press("Map")
    mapped.wait()
    expect(mapped.content.locator(".legendtext").first).to_have_text(re.compile(r"^\d$"))


def test_an_edit_from_elsewhere_draws_the_panel_once(mapped, digits):
    asked = []
    mapped.page.on("request", lambda request: asked.append(request.post_data or ""))
    foo.get_operator("@constellation/clusters/edit_clusters")(digits, run_key="km", action="rename", names={0: "zeros"})
    expect(mapped.content.locator(".annotation-text", has_text="zeros")).to_be_visible()
    mapped.page.wait_for_timeout(5 * REST)
    assert sum('"__method__":"on_behind"' in body for body in asked) == 1


def test_a_lasso_in_the_panel_of_embeddings_becomes_a_cluster(mapped, digits):
    user, page = mapped.panel.user, mapped.page
    page.locator('[data-cy="new-panel-btn"]').first.click()  # beside ours, in the place of the grid
    page.locator('[data-cy="new-panel-option-Embeddings"]').click()
    user.open_map(digits.list_brain_runs()[0], "km.label")
    user.legend()
    theirs = page.locator('[data-cy="panel-content-Embeddings"]')
    theirs.get_by_text("Select", exact=True).click()
    box = theirs.locator("canvas").first.bounding_box()
    left, top, bottom = box["x"] + 5, box["y"] + 40, box["y"] + box["height"] - 60
    mapped.lasso((left, top), (left + box["width"] / 2, bottom))
    chosen = mapped.content.get_by_text(re.compile(r"^\d+ selected$"))
    expect(chosen).to_be_visible()
    n = int(chosen.inner_text().split()[0])
    assert 0 < n < 60
    mapped.panel.press("New cluster")
    expect(mapped.content.get_by_role("button", name=re.compile(f"^Undo: Moved {n} images"))).to_be_visible()
    digits.reload()
    sizes = digits.count_values("km.label")
    assert sizes["cluster 05"] == n
    expect(mapped.content.get_by_text(re.compile(f"^{len(sizes)} clusters of 60 images"))).to_be_visible()
    expect(chosen).to_have_count(0)
