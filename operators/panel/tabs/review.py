"""The tab that asks about borderline images or patches, one by one."""

import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...editing.actions.undo import Undo
from ..card_data import print_of
from ..components import add_component, add_simple, is_simple
from ..contact_sheets import draw_large, draw_sheets
from ..review import Review, candidates_of
from ..run import PanelRun
from ..widgets import QUIET, button, column, dotted, row, text

_CALLS = (
    "on_review",
    "on_review_keep",
    "on_review_move",
    "on_review_skip",
    "on_review_back",
    "on_undo",
    "on_simple",
)
_SIDES = {"display": "grid", "gridTemplateColumns": "minmax(0, 3fr) minmax(0, 2fr)", "alignItems": "start"}
_PICTURE = {"width": "100%", "objectFit": "contain", "display": "block", "borderRadius": "4px"}
_LARGE = {**_PICTURE, "height": "min(52vh, 420px)", "background": "rgba(128, 128, 128, .2)"}
_SHEET = {**_PICTURE, "aspectRatio": "1", "maxHeight": "170px", "objectPosition": "left top"}


def add(panel: types.Object, run: PanelRun, events: foo.Panel) -> None:
    """Add the question about one image with both candidates, or what came of a review that has ended."""
    review = Review.of_run(run)
    if review is None or not review.items:
        _add_nothing(panel, run, review, events)
        return
    calls = {name: getattr(events, name) for name in _CALLS}
    facts = {"at": review.at, "review": print_of(review.items), "undo": bool(Undo.stack(run.run.log))}
    add_component(panel, "review", run, calls, facts)
    add_simple(panel, "review", run, events, lambda simple: _add_asked(simple, run, review, events))


def draw(ctx: foo.ExecutionContext, run: PanelRun, cards: bool) -> None:
    """Send the picture that is asked about, and both candidates' contact sheets, to the simple view."""
    review = Review.of_run(run)
    if not is_simple(run) or not cards or review is None or review.asked is None:
        return
    target, fields = run.run.target, run.run.config.vector_fields
    (large,) = draw_large(target, [review.asked], fields)
    candidates = candidates_of(run, review.items[review.at])
    sheets = draw_sheets(target, [run.cards[cluster].prototypes for cluster in candidates], fields=fields)
    found = {f"simple.question.sides.side_{place}.sheet": sheet for place, sheet in enumerate(sheets)}
    ctx.panel.set_data({"simple.question.large": large, **found})


def _add_nothing(panel: types.Object, run: PanelRun, review: Review | None, events: foo.Panel) -> None:
    whole = review is None or review.of is None
    if not run.statistics.get("similarity"):
        why = "Borderline members are not known yet: compute the statistics on the first tab."
    elif whole:
        why = f"There is nothing to review: no {run.unit} lie between two clusters, or all of them were judged."
    else:
        why = f"Nothing of this cluster is left to review: all borderline {run.unit} of it were judged."
    text(panel, "nothing", why)
    if not whole:
        button(panel, "again", events.on_review, "Review all clusters", params={"cluster": None})


def _add_asked(simple: types.Object, run: PanelRun, review: Review, events: foo.Panel) -> None:
    if review.asked is None:
        _add_end(simple, review, events)
    else:
        _add_question(simple, run, review, events)


def _add_end(panel: types.Object, review: Review, events: foo.Panel) -> None:
    text(panel, "end", f"Reviewed {len(review.items)}: {review.summary()}.", bold=True)
    bar = types.Object()
    button(bar, "back", events.on_review_back, "Back to the last one")
    button(bar, "again", events.on_review, "Review more", params={"cluster": None}, strong=True)
    panel.define_property("ended", bar, view=row(0.5))


def _add_question(panel: types.Object, run: PanelRun, review: Review, events: foo.Panel) -> None:
    row_id, own, second = review.items[review.at]
    whole = f" in {run.names[review.of]}" if review.of in run.names else ""
    said = f" · {review.summary()}" if review.verdicts else ""
    text(panel, "progress", f"{review.at + 1} of {len(review.items)}{whole}{said}", color=QUIET)
    candidates = candidates_of(run, review.items[review.at])
    question = types.Object()
    name = " or ".join(run.names[cluster] for cluster in candidates)
    question.str("large", view=_picture(f"Which cluster is this: {name}?", _LARGE))
    sides = types.Object()
    for place, cluster in enumerate(candidates):
        side = types.Object()
        where = "is in" if cluster == own else "or"
        text(side, "where", where, "0.8rem", QUIET)
        text(side, "name", run.names[cluster], "0.95rem", bold=True, **dotted(run.colors[cluster]))
        side.str("sheet", view=_picture(f"Typical of {run.names[cluster]}", _SHEET))
        sides.define_property(f"side_{place}", side, view=column(0.25))
    question.define_property("sides", sides, view=column(1))
    panel.define_property("question", question, view=types.GridView(gap=1, componentsProps={"grid": {"sx": _SIDES}}))
    _add_answers(panel, run, review, events, row_id, own, second)


def _picture(alt: str, style: dict) -> types.ImageView:
    return types.ImageView(alt=alt, componentsProps={"image": {"style": style}})


def _add_answers(
    panel: types.Object,
    run: PanelRun,
    review: Review,
    events: foo.Panel,
    row_id: str,
    own: int,
    second: int | None,
) -> None:
    asked = {"id": row_id}
    answers = types.Object()
    if own in run.cards:
        label = f"Keep in {run.names[own]}"
        button(answers, "keep", events.on_review_keep, label, params={**asked, "cluster": own}, strong=True)
    if second is not None and second in run.cards:
        label = f"Move to {run.names[second]}"
        button(answers, "move", events.on_review_move, label, params={**asked, "cluster": second}, strong=True)
    button(answers, "new", events.on_review_move, "New cluster", params={**asked, "cluster": None})
    button(answers, "skip", events.on_review_skip, "Skip", params=asked)
    button(answers, "back", events.on_review_back, "Back", disabled=review.at == 0)
    panel.define_property("answers", answers, view=row(0.5))
