"""Cluster numbers with a meaning of their own. A number has one meaning, in memory and in what is stored."""

NOISE = -1  # in no cluster: the method found none that fits
UNASSIGNED = -2  # an image or patch without a label
MIXED = -3  # what became of a cluster whose samples are in several now; new samples there are placed by neighbors
REST = -4  # all clusters that are too small for a card of their own in a report
_MIXED_BEFORE = -2  # in what edits made of clusters, stored before MIXED had a number of its own


def upgrade_mapping(mapping: dict[int, int]) -> dict[int, int]:
    """Return what edits made of clusters, as a run of any version has stored it, in the numbers of today.

    Args:
        mapping: by cluster id, the id now, NOISE, or a number for mixed
    """
    return {cluster: MIXED if goes == _MIXED_BEFORE else goes for cluster, goes in mapping.items()}
