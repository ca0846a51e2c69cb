"""Stages of a training: what each epoch trains where they may end early."""

from collections import Counter


def without_unneeded(planned: list[str], ended: dict[str, int]) -> list[str]:
    """Return the stage of each epoch, without the epochs that a stage did not need.

    Args:
        planned: the stage of each epoch
        ended: the epochs of each stage that ended early
    """
    seen: Counter[str] = Counter()
    kept = []
    for stage in planned:
        seen[stage] += 1
        if seen[stage] <= ended.get(stage, len(planned)):
            kept.append(stage)
    return kept
