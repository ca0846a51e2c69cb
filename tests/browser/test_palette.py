"""The palette: what it lists in the App, in which order, and that it does not list what the panel offers."""

import fiftyone.operators as foo
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.brief

LISTED = [
    *("find clusters", "open panel", "suggest a number", "name clusters", "assign new samples", "group by a criterion"),
    *("embed images", "train an encoder", "trained encoders", "check neighbors"),
]


def test_few_are_listed_in_the_order_of_a_day(user, digits):
    user.open(digits)
    entries = user.search_palette("clusters: ")
    expect(entries).to_have_count(len(LISTED))
    assert entries.all_inner_texts() == [f"Clusters: {words}" for words in LISTED]
    for name in ("delete_clustering_run", "edit_clusters"):
        assert foo.get_operator(f"@constellation/clusters/{name}").config.unlisted
        expect(user.search_palette(name)).to_have_count(0)
    user.page.keyboard.press("Escape")
    assert user.open_form("suggest_cluster_count").is_visible()
