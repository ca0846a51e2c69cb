"""The most frequent jobs cost few clicks; the seconds are printed by ``tests/benchmarks/app_clicks.py``."""

from clicks import Effort


def test_map_names_and_merges_cost_few_clicks(user, digits):
    user.open(digits)
    effort = Effort(user)
    drawn = effort.of(effort.map_by_defaults)
    assert drawn["clicks"] <= 2 and drawn["keys"] <= 2
    effort.panel.press("Clusters")
    effort.panel.wait_for_pictures()
    named = effort.of(effort.rename, "sevens")
    assert named["clicks"] == 1 and named["keys"] <= len("sevens") + 3  # select all, the word, Tab
    merged = effort.of(effort.merge_three)
    assert merged["clicks"] <= 5 and merged["keys"] == 0
