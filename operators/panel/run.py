"""Run as the Clusters panel shows it: its cards, found, sorted and turned page by page."""

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property

import fiftyone as fo
import fiftyone.operators as foo

from ...models.labels import NOISE
from ..evaluation.statistics import are_current, read_statistics
from ..runs.colors import cluster_colors
from ..runs.config import RunConfig
from ..runs.run import Run
from ..runs.store import list_clustering_runs
from .state import name_of, read_ui_state

PAGE = 12
SORTS = {
    "size": "Largest first",
    "small": "Smallest first",
    "name": "By name",
    "similar": "Similar ones side by side",
    "confidence": "Least confident first",
    "cohesion": "Loosest first",
    "separation": "Least separate first",
    "purity": "Least pure first",
}


@dataclass(frozen=True)
class Card:
    """A cluster as its card shows it; statistics that are not known are None.

    Args:
        id: its id, -1 for noise
        name: its name
        size: its members
        share: of all members of the run
        prototypes: ids of the images or patches on its contact sheet
        color: its color, ``#rrggbb``
        confidence: mean confidence
        cohesion: see :class:`models.analysis.cohesion.Geometry`
        separation: likewise
        nearest: the name of the nearest cluster
        silhouette: mean silhouette of a sample of its members
        majority: its most frequent class
        purity: the share of that class
        description: a sentence on what it shows
        mixed: whether the source of its name found more than one kind of thing in it
    """

    id: int
    name: str
    size: int
    share: float
    prototypes: list[str]
    color: str
    confidence: float | None = None
    cohesion: float | None = None
    separation: float | None = None
    nearest: str | None = None
    silhouette: float | None = None
    majority: str | None = None
    purity: float | None = None
    description: str | None = None
    mixed: bool = False


@dataclass(frozen=True)
class PanelRun:
    """A run and the UI state of the panel that shows it.

    Args:
        run: the run as this process last saw it
        ui: the UI state: tab, page, sort, search, shown, caption, order, saved, truth, chart, unassigned,
            alike, made, runs, colored, within, inside, turn, typed, ticked, selected, lasso, moved, review, compare,
            map, simple
        panel_state ({}): the part of the panel's state that leads to both
        given ({}): answers to what a widget would ask first, see :func:`operators.panel.served.first_answers`
    """

    run: Run
    ui: dict = field(default_factory=dict)
    panel_state: dict = field(default_factory=dict)
    given: dict = field(default_factory=dict)

    @classmethod
    def of(cls, ctx: foo.ExecutionContext) -> "PanelRun | None":
        """Return the run that the panel of ``ctx`` shows, None if there is none."""
        key = ctx.panel.get_state("run")
        if ctx.dataset is None or key not in list_clustering_runs(ctx.dataset):
            return None
        return cls(Run.cached(ctx.dataset, key), read_ui_state(ctx), {"run": key, **name_of(ctx)})

    @property
    def dataset(self) -> fo.Dataset:
        """The dataset."""
        return self.run.dataset

    @property
    def key(self) -> str:
        """The run's key."""
        return self.run.key

    @property
    def uid(self) -> str:
        """Name that no other run has, not even a later one of the same key; those of 0.1.0 have their key only."""
        return self.config.uid or self.key

    @property
    def config(self) -> RunConfig:
        """The run's configuration."""
        return self.run.config

    @property
    def clusters(self) -> list[dict]:
        """The cluster records as they are now, noise included."""
        return self.run.clusters

    @property
    def names(self) -> dict[int, str]:
        """The names of the clusters by id."""
        return self.run.names

    @cached_property
    def gone(self) -> str | None:
        """Problem with the label field and its remedy, None while the field is there."""
        try:
            self.run.check_labels()
        except ValueError as error:
            return str(error)
        return None

    @cached_property
    def no_pictures(self) -> str | None:
        """Reason why the cards have no pictures, None if they have."""
        try:
            self.run.check_pictures()
        except ValueError as error:
            return str(error)
        return None

    @cached_property
    def statistics(self) -> dict:
        """Statistics of the clusters, empty if there are none."""
        return read_statistics(self.run) or {}

    @cached_property
    def current(self) -> bool:
        """True if the statistics describe the labels as they are now."""
        return bool(self.statistics) and are_current(self.run, self.statistics)

    @cached_property
    def truth(self) -> dict:
        """Statistics against the chosen field of classes, empty if none is chosen or they are stale."""
        kept = read_statistics(self.run, "truth")
        if kept is None or kept["field"] != self.ui.get("truth"):
            return {}
        return kept if are_current(self.run, kept) else {}

    @property
    def unit(self) -> str:
        """``images`` or ``patches``."""
        return self.run.unit

    @property
    def shown(self) -> int | None:
        """The cluster that the grid shows, None if it shows something else."""
        return self.ui.get("shown")

    @property
    def version(self) -> int:
        """The version of the run as it is now."""
        return self.run.version

    @property
    def turn(self) -> int:
        """Number of actions chosen from menus so far; a menu closes when it changes."""
        return self.ui.get("turn") or 0

    @property
    def look(self) -> str:
        """A text that is another one as soon as the panel would be drawn in another way: key, version and UI state."""
        ui = hashlib.sha256(json.dumps(self.ui, sort_keys=True, default=str).encode()).hexdigest()[:16]
        return f"{ui}:{self.version}:{self.key}"

    @property
    def tab(self) -> str:
        """The open tab."""
        return self.ui.get("tab") or "clusters"

    @cached_property
    def colors(self) -> dict[int, str]:
        """The colors of the clusters by id, see :func:`operators.runs.colors.cluster_colors`."""
        return cluster_colors(self.run)

    @cached_property
    def cards(self) -> dict[int, Card]:
        """All cards by cluster id, noise included."""
        total = sum(record["size"] for record in self.clusters) or 1
        about = read_statistics(self.run, "names") or {}
        return {one["id"]: self._card(one, total, about.get(str(one["id"])) or {}) for one in self.clusters}

    def _card(self, record: dict, total: int, about: dict) -> Card:
        key = str(record["id"])
        found = self.statistics.get("clusters", {}).get(key, {})
        if not self.current and found.get("size") != record["size"]:
            found = {}  # it was edited since it was measured
        against = self.truth.get("clusters", {}).get(key, {})
        noise = (self.statistics.get("noise") or {}).get("prototypes", []) if record["id"] == NOISE else []
        return Card(
            id=record["id"],
            name=record["label"],
            size=record["size"],
            share=record["size"] / total,
            prototypes=record["prototypes"] or noise,
            color=self.colors[record["id"]],
            confidence=record["confidence"],
            cohesion=found.get("cohesion"),
            separation=found.get("separation"),
            nearest=self.names.get(found.get("nearest")),
            silhouette=found.get("silhouette"),
            majority=against.get("majority"),
            purity=against.get("purity"),
            description=about.get("description"),
            mixed=about.get("coherent") is False,
        )

    @cached_property
    def listed(self) -> list[Card]:
        """The cards of the clusters that were searched for, in the chosen order; noise is not among them."""
        wanted = str(self.ui.get("search") or "").casefold().split()
        found = [card for key, card in self.cards.items() if key != NOISE and _matches(card, wanted)]
        return sorted(found, key=self._rank)

    def _rank(self, card: Card) -> tuple:
        sort = self.ui.get("sort") or "size"
        if sort == "name":
            return (card.name.casefold(), card.id)
        if sort == "small":
            return (card.size, card.id)
        if sort == "similar":
            order = self.statistics.get("order", [])
            return (order.index(card.id) if card.id in order else len(order), card.id)
        if sort in ("confidence", "cohesion", "separation", "purity"):
            value = getattr(card, sort)
            return (value is None, value or 0, card.id)
        return (-card.size, card.id)

    @property
    def pages(self) -> int:
        """Number of pages that the listed cards fill, at least one."""
        return max(-(-len(self.listed) // PAGE), 1)

    @property
    def page(self) -> int:
        """The page that is open, from 0."""
        return min(self.ui.get("page") or 0, self.pages - 1)

    @property
    def on_page(self) -> list[Card]:
        """The cards on the open page; the first one ends with noise."""
        cards = self.listed[self.page * PAGE : (self.page + 1) * PAGE]
        noise = self.cards.get(NOISE)
        return [*cards, noise] if noise and self.shows_unassigned else cards

    def size_of(self, card: Card) -> str:
        """Return the size of a cluster as text, with how many of it the user's view has: ``3 of 20 images``."""
        inside = self.ui.get("inside")
        whole = f"{card.size:,} {self.unit}"
        return whole if inside is None else f"{inside.get(str(card.id), 0):,} of {whole}"

    @property
    def shows_unassigned(self) -> bool:
        """True if what has no cluster has its cards on the open page: the first, unless names are searched for."""
        return self.page == 0 and not self.ui.get("search")

    def page_of(self, cluster: int) -> int:
        """Return the page with a cluster's card; the open one if it is on none."""
        places = [place for place, card in enumerate(self.listed) if card.id == cluster]
        return places[0] // PAGE if places else self.page

    def beside(self, step: int) -> int | None:
        """Return the cluster ``step`` cards after the one that is shown, going round; None if nothing is listed."""
        ids = [card.id for card in self.listed]
        if not ids:
            return None
        if self.shown not in ids:
            return ids[0 if step > 0 else -1]
        return ids[(ids.index(self.shown) + step) % len(ids)]


def _matches(card: Card, words: list[str]) -> bool:
    text = f"{card.name} {card.majority or ''} {card.description or ''} {card.id}".casefold()
    return all(word in text for word in words)
