"""Review of borderline images or patches, one by one: which are asked about, and what was said of each.

It is kept in the UI state, so that it goes on after the page was loaded again; what was decided is in the run.
"""

from collections import Counter
from dataclasses import asdict, dataclass, field, replace

from ..runs.edit_log import judged
from .borderline import borderline_members
from .run import PanelRun

TEN = 10
MOST = 5  # clusters that one line names
ASKED = 100  # at most in one review; the next one begins with those that are left
VERDICTS = {"kept": "kept", "moved": "moved", "new": "in new clusters", "skipped": "skipped"}


@dataclass(frozen=True)
class Review:
    """A review.

    Args:
        items: for each image or patch its id, its cluster when the review began, and the other candidate or None, in
            a fixed order: the nearest to another cluster first
        of (None): the cluster that is reviewed, None for all
        at (0): the place of the one that is asked about; the number of items at the end
        verdicts ({}): what was said, one of ``VERDICTS``, by id
    """

    items: list[list]
    of: int | None = None
    at: int = 0
    verdicts: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of_run(cls, run: PanelRun) -> "Review | None":
        """Return the review that the UI state has, None if it has none."""
        kept = run.ui.get("review")
        return cls(**kept) if kept else None

    def as_dict(self) -> dict:
        """Return it as plain data."""
        return asdict(self)

    @property
    def asked(self) -> str | None:
        """The id of the image or patch that is asked about, None at the end."""
        return self.items[self.at][0] if self.at < len(self.items) else None

    def said(self, verdict: str) -> "Review":
        """Return it with a verdict about the one that was asked about, at the next one."""
        row_id = self.items[self.at][0]
        return replace(self, at=self.at + 1, verdicts={**self.verdicts, row_id: verdict})

    def back(self) -> "Review":
        """Return it at the one before."""
        return replace(self, at=max(self.at - 1, 0))

    def without(self, taken_back: set[str]) -> "Review":
        """Return it at the first of those whose verdict was taken back, and without what was said of them."""
        places = [place for place, item in enumerate(self.items) if item[0] in taken_back]
        verdicts = {row_id: verdict for row_id, verdict in self.verdicts.items() if row_id not in taken_back}
        return replace(self, at=min(places, default=self.at), verdicts=verdicts)

    def summary(self) -> str:
        """Return how often each verdict was given, such as ``12 moved, 85 kept``."""
        return _counted(list(self.verdicts.values()))

    def changed(self, names: dict[int, str]) -> str | None:
        """Return what the last ten verdicts have changed, None before there are ten; the next line comes with ten more.

        Args:
            names: the names of the clusters by id
        """
        n = len(self.verdicts) // TEN * TEN
        if not n:
            return None
        ten = list(self.verdicts.items())[n - TEN : n]
        goes = {row_id: (own, second) for row_id, own, second in self.items}
        sizes: Counter[int] = Counter()
        for row_id, verdict in ten:
            own, second = goes[row_id]
            if verdict in ("moved", "new"):
                sizes[own] -= 1
            if verdict == "moved":
                sizes[second] += 1
        # each name in an isolate: else one that is read from the right takes the number along
        known = [
            f"\u2068{names[cluster]}\u2069 {step:+d}" for cluster, step in sizes.items() if step and cluster in names
        ]
        more = [f"{len(known) - MOST} more"] if len(known) > MOST else []
        said = f"Verdicts {n - TEN + 1} to {n}: {_counted([verdict for _, verdict in ten])}"
        return f"{said}; {', '.join([*known[:MOST], *more]) or 'no cluster has another size'}"


def _counted(said: list[str]) -> str:
    counts = {label: said.count(verdict) for verdict, label in VERDICTS.items()}
    return ", ".join(f"{count} {label}" for label, count in counts.items() if count)


def begin_review(run: PanelRun, cluster: int | None = None) -> Review:
    """Begin a review of the borderline members of a cluster, by default of all, without those that a person judged.

    Args:
        run: the run
        cluster (None): its id
    """
    known = judged(run.run.log)
    members = [member for member in borderline_members(run, cluster) if member.id not in known]
    return Review([[row_id, own, second] for row_id, own, second in members[:ASKED]], cluster)


def candidates_of(run: PanelRun, item: list) -> list[int]:
    """Return the clusters of an item of a review that the run still has: where it was, and the other candidate."""
    _, own, second = item
    return [cluster for cluster in (own, second) if cluster is not None and cluster in run.cards]


def follow_undo(run: PanelRun) -> Review | None:
    """Return the review with the verdicts that the run has taken back asked about again; None if there is no review."""
    review = Review.of_run(run)
    if review is None:
        return None
    known = judged(run.run.log)
    gone = {row_id for row_id, verdict in review.verdicts.items() if verdict != "skipped" and row_id not in known}
    return review.without(gone) if gone else review
