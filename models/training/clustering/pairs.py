"""Common part of SCAN, CC and PICA: heads that learn from pairs of views, and a balance of the clusters' sizes."""

from typing import TYPE_CHECKING, Any

from ...clusterers.deep.heads import Balance, BalanceWeight, MinEntropy
from ...clusterers.deep.objectives import SizeBalance
from .heads import HeadClustering

if TYPE_CHECKING:
    import torch


class PairClustering(HeadClustering):
    """Base of the methods that compare two views; a subclass implements ``_losses(first, second, boost)`` of logits.

    Args:
        balance: "uniform" is the papers', "hinge" lets sizes differ up to a limit
        balance_weight: weight of the balance
        min_entropy: where the hinge begins
        shared: as :class:`models.training.clustering.heads.HeadClustering`'s
    """

    def __init__(
        self,
        *,
        balance: Balance = "uniform",
        balance_weight: BalanceWeight = 1.0,
        min_entropy: MinEntropy = 0.9,
        **shared: Any,
    ):
        super().__init__(**shared)
        self.balance = balance
        self.balance_weight = balance_weight
        self.min_entropy = min_entropy

    def cluster_objective(self, outputs: "torch.Tensor", targets: Any) -> dict:
        """The mean over heads of the losses of pairs, one view of each above the other in ``outputs``."""
        import torch

        first, second = outputs.chunk(2)
        pairs = zip(first.split(self.n_clusters, 1), second.split(self.n_clusters, 1), strict=True)
        found = [self._losses(*pair, self.boosted) for pair in pairs]
        self.head_losses.append(torch.stack([sum(parts.values()).detach() for parts in found]))
        return {name: sum(parts[name] for parts in found) / len(found) for name in found[0]}

    def size_balance(self, boost: float) -> SizeBalance:
        """Return the penalty that keeps clusters from swallowing others, multiplied by ``boost``."""
        return SizeBalance(self.balance, boost * self.balance_weight, self.min_entropy)

    def _losses(self, first: "torch.Tensor", second: "torch.Tensor", boost: float) -> dict:
        raise NotImplementedError(f"{self.kind} has no loss; implement _losses(first, second, boost)")
