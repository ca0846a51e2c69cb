"""No collapse in silence: a stage of clustering that was in vain is undone, repeated or replaced, and the run says so.

Before a stage the network is kept. If clusters swallow others in the method's own, as in
:func:`models.clusterers.deep.warm_start.collapse`, that network comes back and the stage is repeated once, from k-means
with twice the balance and other random numbers; then k-means on the encoder's features takes the place of what it
learned. A refinement that loses clusters, or parts neighbors, is undone. ``memory["remarks"]`` says so.
"""

from ..state import TrainingState

_KEPT = "kept."
_SPOILED = 0.01  # of the neighbors; a refinement should bring them together


def keep(training: TrainingState) -> None:
    """Keep the network as it is before a stage."""
    tensors = {f"{_KEPT}{name}": t.detach().cpu().clone() for name, t in training.network.state_dict().items()}
    training.state |= tensors


def restore(training: TrainingState) -> None:
    """Bring back the network that was kept."""
    kept = {name.removeprefix(_KEPT): t for name, t in training.state.items() if name.startswith(_KEPT)}
    training.network.load_state_dict(kept)


def attempt(training: TrainingState) -> int:
    """The number of times that the method's own stage has collapsed and begun again."""
    return training.memory.get("attempt", 0)


def parted(training: TrainingState, before: str, stage: str) -> str | None:
    """Describe the damage of a refinement, judged without labels: neighbors that were in one cluster before it.

    Args:
        training: at the end of the refinement
        before: the stage that it refines
        stage: the refinement

    Returns:
        a clause for the remark, or None
    """
    ends = {entry["stage"]: entry["health"].get("agreement") for entry in training.curve if "health" in entry}
    share, left = ends.get(before, training.memory.get("inherited")), ends[stage]
    if share is None or left > share - _SPOILED:
        return None
    return f"{left:.0%} of the neighbors are in one cluster, {share:.0%} before"


def undo(training: TrainingState, stage: str, problem: str) -> None:
    """Bring back the clusters before a refinement."""
    restore(training)
    remark(training, f"{stage} was in vain: {problem}; the clusters are those before it")


def repeat(training: TrainingState, stage: str, problem: str, retry_note: str) -> None:
    """Go back to the beginning of the method's own stage.

    Args:
        training: at the end of that stage
        stage: its name
        problem: what was wrong
        retry_note: what the repetition has besides other random numbers
    """
    restore(training)
    training.memory["attempt"] = 1
    training.epoch = training.stages.index(stage)
    training.curve = training.curve[: training.epoch]
    training.memory.setdefault("collapsed", []).append(problem)
    remark(training, f"{stage} collapsed: {problem}; it was trained again {retry_note}")


def give_up(training: TrainingState, stage: str, problem: str) -> None:
    """End the training with the clusters of k-means, which have taken the place of those learned."""
    training.memory["fallback"] = True
    training.epoch = len(training.stages)
    training.memory.setdefault("collapsed", []).append(problem)
    remark(training, f"{stage} collapsed: {problem}; these clusters are those of k-means instead")


def remark(training: TrainingState, sentence: str) -> None:
    """Add to what the run will say of its training, once."""
    remarks = training.memory.setdefault("remarks", [])
    if sentence not in remarks:
        remarks.append(sentence)
