"""Verdict of the Clusters panel on the run that is shown: words, and behind them the figures."""

from typing import NamedTuple

from ..outputs.summary import many_to_one_text
from ..outputs.verdicts import agreement, figures, shape
from .run import PanelRun


class Verdict(NamedTuple):
    """A verdict.

    Args:
        words: what is said, one fact each; none if nothing is known
        help: the figures, for the tooltip, a line for those of each kind that may be compared
    """

    words: list[str]
    help: str


def verdict_on(run: PanelRun) -> Verdict:
    """Return what can be said of a run as its labels are now."""
    config = run.config
    scores, words = config.scores, []
    if scores.get("ari") is not None and config.ground_truth:
        words.append(f"{agreement(scores['ari'])} with {config.ground_truth}")
    if run.current and (said := shape(run.statistics["clusters"].values())):
        words.append(said)
    if config.n_noise:
        words.append(f"{100 * config.n_noise / config.n_used:.0f} % noise")
    lines = [*figures(scores, config.ground_truth), *(line for line in many_to_one_text(scores) if line)]
    return Verdict(words, "\n".join(lines))
