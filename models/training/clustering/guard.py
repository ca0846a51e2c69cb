"""No collapse in silence: a stage of clustering that was in vain is undone, repeated or replaced, and the run says so.

Before a stage the network is kept. If clusters swallow others in the method's own, as in
:func:`models.clusterers.deep.warm_start.collapse`, that network comes back and the stage is repeated once, from k-means
with twice the balance and other random numbers; then k-means on the encoder's features takes the place of what it
learned. A refinement that loses clusters, or parts neighbors, is undone. ``memory["remarks"]`` says so.
"""

from ..state import TrainingState

_KEPT, _BEST = "kept.", "best."
_SPOILED = 0.01  # of the neighbors; a refinement should bring them together


def begin(training: TrainingState) -> None:
    """Keep the network as it is before a stage, and forget which epoch was the best if the stage is repeated."""
    training.memory.get("best", {}).pop(training.stage, None)
    forget_best(training)
    training.state |= {f"{_KEPT}{name}": tensor for name, tensor in _weights(training).items()}


def restore(training: TrainingState, prefix: str = _KEPT) -> None:
    """Bring back the network that was kept."""
    kept = {name.removeprefix(prefix): t for name, t in training.state.items() if name.startswith(prefix)}
    training.network.load_state_dict(kept)


def keep_best(training: TrainingState, stage: str, loss: float) -> None:
    """Keep the network besides if its loss, after the epoch done last, is the lowest of the stage."""
    best = training.memory.setdefault("best", {})
    if stage not in best or loss < best[stage]["loss"]:
        best[stage] = {"epoch": training.epoch, "loss": round(loss, 6)}
        training.state |= {f"{_BEST}{name}": tensor for name, tensor in _weights(training).items()}


def restore_best(training: TrainingState, stage: str) -> bool:
    """Bring back the network of the lowest loss of a stage, if losses were compared; tell if it is another one."""
    best = training.memory.get("best", {}).get(stage)
    if best is None:
        return False
    if best["epoch"] < training.epoch:
        restore(training, _BEST)
    forget_best(training)
    return bool(best["epoch"] < training.epoch)


def forget_best(training: TrainingState) -> None:
    """Drop the network of the lowest loss so far; which epoch it was stays known."""
    training.state = {name: tensor for name, tensor in training.state.items() if not name.startswith(_BEST)}


def best_epochs(training: TrainingState) -> list[tuple[str, dict]]:
    """The stages in which losses were compared, each with the number and the loss of its best epoch."""
    return list(training.memory.get("best", {}).items())


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
    ends |= {name: training.curve[best["epoch"] - 1]["health"]["agreement"] for name, best in best_epochs(training)}
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
    training.repeat_stage(stage)
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


def _weights(training: TrainingState) -> dict:
    return {name: tensor.detach().cpu().clone() for name, tensor in training.network.state_dict().items()}
