"""Even draws from a list that is longer or shorter than an epoch: every entry comes equally often."""

import torch


class Turns:
    """Places in a list, permutation after permutation.

    Whatever was taken so far, no place has come more than once oftener than another. A list of the images of one
    class after the other, as folders give it, is drawn no differently from a mixed one.

    Args:
        length: of the list
    """

    def __init__(self, length: int) -> None:
        self._length = length
        self._left = torch.empty(0, dtype=torch.int64)

    def take(self, n: int, generator: torch.Generator) -> torch.Tensor:
        """The next ``n`` places, ``(n,)`` int64 on the CPU; ``generator`` is that of the epoch."""
        while len(self._left) < n:
            self._left = torch.cat([self._left, torch.randperm(self._length, generator=generator)])
        taken, self._left = self._left.split([n, len(self._left) - n])
        return taken
