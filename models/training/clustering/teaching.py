"""Common part of SCAN and SPICE: a last stage in which images teach others, by views that are hard to recognize."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from .. import list_clusterings, recipe_class
from .heads import HeadClustering
from .named_views import ViewName

if TYPE_CHECKING:
    from .turns import Turns


class TeachingHeads(HeadClustering):
    """Base of the methods whose refinement shows strong views.

    Args:
        epochs: epochs of the clustering; 0 takes the clusters of the trained encoder that is given
        n_neighbors: neighbors of each image that count as of its kind
        views: what the method's own stage shows
        refinement_views: what those that are taught show in the last stage
        shared: as :class:`HeadClustering`'s

    Attributes:
        turns: of the images that teach in the current epoch
    """

    turns: "Turns"

    def __init__(
        self,
        epochs: Annotated[
            int,
            Field(
                ge=0, le=100_000, description="Epochs of the method itself; 0 refines the clusters of a trained encoder"
            ),
        ] = 30,
        *,
        n_neighbors: Annotated[
            int, Field(ge=1, le=500, description="Neighbors of each image that count as of its kind")
        ] = 20,
        views: ViewName = "strong",
        refinement_views: Annotated[
            ViewName, Field(description="Views that learn in the last stage, from what others say of the image")
        ] = "strong",
        **shared: Any,
    ):
        super().__init__(epochs=epochs, views=views, **shared)
        self.n_neighbors = n_neighbors
        self.refinement_views = refinement_views

    def check(self, n: int, processes: int = 1) -> None:
        """As of any clustering.

        Raises:
            ValueError: if one is refused; also if it is to refine clusters that are not there
        """
        if self.epochs == 0:
            self._check_inheritance()
        super().check(n, processes)

    def _check_inheritance(self) -> None:
        if not self.refinement_epochs:
            raise ValueError(f"epochs=0 leaves {self.kind} nothing to train; use at least 1, or epochs that refine")
        kinds = sorted(kind for kind in list_clusterings() if issubclass(recipe_class(kind), HeadClustering))
        if self.start is None or self.start.record["kind"] not in kinds:
            raise ValueError(
                f"epochs=0 has no clusters to refine; start from the encoder='trained:<name>' of a {', '.join(kinds)} "
                "on images, or use at least 1"
            )
        found = self.start.record["params"]["n_clusters"]
        if found != self.n_clusters:
            raise ValueError(
                f"n_clusters={self.n_clusters}, but {self.start.name!r} has {found} clusters to refine with epochs=0; "
                f"use n_clusters={found}, or epochs of at least 1"
            )
