"""Words that are true of one cluster more than of the others: the measure behind names without a model server."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike


def specific(shares: ArrayLike) -> np.ndarray:
    """Score how much each word says about each cluster, compared with the others.

    The share of a word in a cluster times the logarithm of its lift, which is the word's part of the Kullback-Leibler
    divergence between the cluster and the mean of all clusters. A word that fits everywhere counts for nothing, and so
    does one that hardly occurs.

    Args:
        shares: ``(n_clusters, n_words)`` shares in [0, 1], such as mean probabilities

    Returns:
        ``(n_clusters, n_words)`` scores in nats; the shares themselves if there is one cluster only

    Raises:
        ValueError: if there is no word or a share is negative or not finite
    """
    shares = np.asarray(shares, dtype=np.float64)
    if shares.ndim != 2 or not shares.size:
        raise ValueError(f"shares of shape {shares.shape} name nothing; give at least one cluster and one word")
    if not np.isfinite(shares).all() or (shares < 0).any():
        raise ValueError("a share is negative or not finite; give shares of at least 0")
    if len(shares) == 1:
        return shares
    overall = shares.mean(axis=0)
    lift = np.divide(shares, overall, out=np.ones_like(shares), where=overall > 0)
    return shares * np.log(np.maximum(lift, np.finfo(float).tiny))


def shares_of(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Average, per cluster, how well each of some words fits its images.

    Before softmax the mean over all clusters is taken off each word's score: a classifier that is shown unusual images,
    such as very small ones, has favorites that it sees everywhere.

    Args:
        scores: per cluster ``(n, n_words)``, each image's scores before softmax

    Returns:
        ``(n_clusters, n_words)`` shares; each row sums to 1
    """
    scores = [np.asarray(rows, dtype=np.float64) for rows in scores]
    usual = np.mean([rows.mean(axis=0) for rows in scores], axis=0) if len(scores) > 1 else 0.0
    return np.stack([_mean_share(rows - usual) for rows in scores])


def evidence_of(scores: Sequence[np.ndarray]) -> np.ndarray:
    """Return, per cluster, how far each word is borne out: beside the other clusters, and by itself.

    What stands out among unusual images need not be there: of handwritten digits the classifier that sees "nematode"
    everywhere has a little more of "geyser" in the ones.

    Args:
        scores: as for :func:`shares_of`

    Returns:
        ``(n_clusters, n_words)``, the lesser of two shares: of the scores less their mean over the other clusters, so
        that it does not depend on how many there are, and of the scores as they are
    """
    scores = [np.asarray(rows, dtype=np.float64) for rows in scores]
    means = np.stack([rows.mean(axis=0) for rows in scores])
    others = (means.sum(axis=0) - means) / max(len(scores) - 1, 1)
    pairs = zip(scores, others, strict=True)
    return np.stack([np.minimum(_mean_share(rows - usual), _mean_share(rows)) for rows, usual in pairs])


def best_words(scores: np.ndarray, words: Sequence[str], n: int = 5) -> list[list[tuple[str, float]]]:
    """Find the words that say most about each cluster.

    Args:
        scores: ``(n_clusters, n_words)`` from :func:`specific`
        words: the words
        n (5): words per cluster, at most

    Returns:
        per cluster ``(word, score)``, best first; words that say nothing are left out
    """
    scores = np.asarray(scores)
    found = []
    for row in scores:
        order = np.argsort(-row, kind="stable")[:n]
        found.append([(words[i], float(row[i])) for i in order.tolist() if row[i] > 0])
    return found


def _mean_share(scores: np.ndarray) -> np.ndarray:
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return (odds / odds.sum(axis=1, keepdims=True)).mean(axis=0)
