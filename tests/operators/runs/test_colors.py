"""Colors of a run's clusters, which stay theirs whatever is done to other clusters."""

from fiftyone.plugins.orgs.constellation.clusters.models.palette import COLORS, NOISE_COLOR, cluster_color
from fiftyone.plugins.orgs.constellation.clusters.operators.runs import colors
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.colors import cluster_colors
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run

from ..conftest import get
from ..handles import dissolve_clusters, merge_clusters, rename_clusters, split_cluster


def test_colors_stay_when_others_are_edited(blobs, compute):
    compute(blobs, run_key="km", params={"n_clusters": 4})
    before = cluster_colors(Run.open(blobs, "km"))
    assert before == {**dict(enumerate(COLORS[:4])), -2: cluster_color(-2)}
    merge_clusters(blobs, "km", [0, 1])
    split_cluster(blobs, "km", 2)
    rename_clusters(blobs, "km", {3: "cats"})
    dissolve_clusters(blobs, "km", [2])
    after = cluster_colors(Run.open(blobs, "km"))
    assert after[3] == before[3] and after[-1] == NOISE_COLOR
    assert len(set(after.values())) == len(after)
    new = set(after) - set(before)
    assert new and not {after[cluster] for cluster in new} & set(before.values())


def test_many_clusters_have_shades_of_their_coarse_group(blobs, compute, monkeypatch):
    monkeypatch.setattr(colors, "COLORS", COLORS[:5])  # as if five were many
    compute(blobs, run_key="km", params={"n_clusters": 6})
    assert cluster_colors(Run.open(blobs, "km"))[4] == COLORS[4]
    get("build_cluster_hierarchy")(blobs, run_key="km", n_coarse=2)
    run = Run.open(blobs, "km")
    groups = {cluster: one["id"] for one in run.coarse_clusters for cluster in one["clusters"]}
    assert {c: cluster_colors(run)[c] for c in groups} == {c: cluster_color(c, g) for c, g in groups.items()}
