"""Editing clusters in the App, and what the Embeddings panel shows of it.

The panel asks the server for colours when a field is chosen, and the server keeps what it answered: it must not answer
with what was there before the edit.
"""

import re

from playwright.sync_api import expect
from test_panel import Panel


def recolor(user):
    """Colours the open map by another field and by the clusters again; returns the legend."""
    for path in ("ground_truth.label", "kmeans_1.label"):
        user.color_map(path)
    user.legend()
    panel = user.page.locator('[data-cy="panel-content-Embeddings"]')
    return set(panel.get_by_text(re.compile(r"^(cluster \d+|<b>.*)$")).all_inner_texts())


def colors_of(user, name):
    """Colors that a cluster has in the grid and in the legend of the map."""
    tile = user.page.locator('[data-cy="looker"]').get_by_text(name, exact=True).first
    entry = user.page.locator('[data-cy="panel-content-Embeddings"]').get_by_text(name, exact=True)
    backgrounds = "e => [e, ...e.querySelectorAll('*')].map(one => getComputedStyle(one).backgroundColor)"
    return {tile.evaluate(backgrounds)[0]}, set(entry.locator("xpath=../..").evaluate(backgrounds))


def rename(user, panel, cluster, name):
    """Fills the form from the menu of a card in; returns its output."""
    panel.content.get_by_role("button", name=f"Actions of {cluster}", exact=True).click()
    form = user.redrawn(lambda: panel.press("Rename…"))
    user.fill(form, "Name", name)
    user.execute(form)
    text = user.output("labels changed").inner_text()
    user.done()
    return text


def test_edits_show_on_the_map(user, digits):
    user.open(digits)
    form = user.open_form("compute_clusters")
    user.fill(form, "Number of clusters", "4")
    user.execute(form)
    user.made("4 clusters of 60 images")
    digits.reload()
    user.open_map(digits.list_brain_runs()[0], "kmeans_1.label")
    names = [f"cluster {i:02d}" for i in range(4)]
    assert sorted(user.legend()) == names
    for name, color in zip(names, ("rgb(33, 118, 177)", "rgb(255, 65, 13)"), strict=False):  # those of the cards
        label = user.page.locator('[data-cy="looker"]').get_by_text(name, exact=True).first
        expect(label).to_have_css("background-color", color)
        tile, legend = colors_of(user, name)
        assert tile == {color} and color in legend

    panel = Panel(user)
    user.front("clusters_panel")
    panel.press("Clusters")  # the map is in front of a new run
    assert "Renamed 'cluster 00' to '<b>eights</b>'" in rename(user, panel, "cluster 00", "<b>eights</b>")
    user.front("embeddings")
    assert recolor(user) == {"<b>eights</b>", *names[1:]}

    user.front("clusters_panel")
    for name in names[1:3]:
        panel.tick(name)
    panel.press("Merge")
    expect(panel.content.get_by_text(re.compile("^3 clusters of 60 images"))).to_be_visible()
    user.front("embeddings")
    digits.reload()
    kept = set(digits.count_values("kmeans_1.label"))
    assert len(kept) == 3 and recolor(user) == kept

    user.front("clusters_panel")
    panel.content.get_by_role("button", name=re.compile("^Undo: Merged ")).click()
    expect(panel.content.get_by_text(re.compile("^4 clusters of 60 images"))).to_be_visible()
    user.front("embeddings")
    assert recolor(user) == {"<b>eights</b>", *names[1:]}
