"""When a stage of clustering ends, which of its epochs is kept, and what happens to one that was in vain."""

from typing import Any

from ..state import TrainingState
from . import guard
from .scoring import scores


def review(recipe: Any, training: TrainingState) -> None:
    """After every epoch of a clustering stage: ends the stage, if it need not go on; then see :func:`conclude`.

    Args:
        recipe: a :class:`models.training.clustering.base.ClusteringRecipe`
        training: after the epoch
    """
    stage = training.stages[training.epoch - 1]
    if stage == recipe.pretext:
        return
    loss = recipe.comparable_loss(training)
    if loss is not None:
        guard.keep_best(training, stage, loss)
    reason = recipe.ended(training)
    left = training.stages[training.epoch :].count(stage)
    if reason and left:
        done = training.epoch - training.stages.index(stage)
        guard.remark(training, f"{stage} ended after epoch {done} of {done + left}: {reason}")
        training.end_stage()
    if reason or not left:
        training.memory.setdefault("reasons", {})[stage] = reason or "all epochs are done"
        recipe.conclude(training, stage)


def conclude(recipe: Any, training: TrainingState, stage: str) -> None:
    """After the last epoch of a clustering stage: keep its best epoch, repeat it, or undo it.

    Args:
        recipe: as of :func:`review`
        training: after the epoch
        stage: the stage
    """
    from ...clusterers.deep.warm_start import collapse

    if guard.restore_best(training, stage):
        recipe.labels = recipe.assignments(training).argmax(1)
    problem = collapse(recipe.labels.numpy(), recipe.reference(training), recipe.n_clusters)
    if problem is None and stage != recipe.kind:
        problem = guard.parted(training, recipe.kind, stage)
    if problem and stage != recipe.kind:
        guard.undo(training, stage, problem)
    elif problem and not guard.attempt(training):
        guard.repeat(training, stage, problem, recipe.retry_note)
        return
    elif problem:
        if recipe.has_features:
            guard.restore(training)
        recipe.fall_back(training, recipe.kmeans(training))
        guard.give_up(training, stage, problem)
    if training.truth is not None:
        found = recipe.assignments(training).argmax(1) if problem else recipe.labels
        training.memory.setdefault("scores", {})[stage] = scores(training.truth, found.numpy())
    if training.epoch == len(training.stages):
        training.state = {}
