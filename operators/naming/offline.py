"""Names without any server: words by CLIP, the bundled classifier's classes, or the labels of a field."""

from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...models.labels import NOISE
from ...models.naming.answers import plain_name
from ...models.progress import Progress
from ..dataset.ground_truth import read_truth
from ..dataset.vector_fields import field_encoder
from ..dataset.vector_paths import vector_fields
from ..execution.stages import Stages
from ..runs.members import Members
from .exemplars import Exemplars, choose_exemplars, some_vectors, stored_vectors
from .request import CLASSIFIER, FIELD, NamingRequest
from .session import no_image

if TYPE_CHECKING:
    from ...models.encoders.base import Encoder

SHOWN = 64  # images per cluster that CLIP or the classifier sees
COHERENT = 0.5  # share of the most frequent label below which a cluster counts as mixed
NO_LABEL, NO_WORD = "no label in the field", "no word fits it better than the others"
NO_CLASS = "no class of ImageNet fits it well"
# Share of a class, of a thousand, below which it is no evidence: right names of CIFAR-10's classes have .05 to .10 and
# the wrong ones up to .03, photographs .06 to .94, handwritten digits up to .015
EVIDENCE = 0.04
KEPT_WORDS = 5


class WordShares(NamedTuple):
    """Shares of each cluster that words fit.

    Args:
        shares: per cluster ``(n_words,)`` shares
        words: the words
        failed: reasons of the clusters without shares
        evidence: per cluster ``(n_words,)`` how far words are borne out; None if every word may be a name
    """

    shares: dict[int, np.ndarray]
    words: list[str]
    failed: dict[int, str]
    evidence: dict[int, np.ndarray] | None = None


def offline_names(
    request: NamingRequest, members: Members, clusters: list[int], stages: Stages
) -> tuple[dict[int, dict], dict[int, str]]:
    """Name clusters from the source of ``request``.

    Args:
        request: the request
        members: the run's members
        clusters: the clusters to name; they are compared with all clusters of the run
        stages: the stages of the job

    Returns:
        a tuple of the records of names, and the reasons of clusters without one, both by cluster
    """
    of_field = request.arguments.source == FIELD
    of_run = [cluster for cluster in members.by_cluster() if cluster != NOISE]
    measure = _field_shares if of_field else _image_shares
    shares, words, failed, evidence = measure(request, members, of_run, stages)
    if not shares:
        return {}, {cluster: failed.get(cluster, NO_WORD) for cluster in clusters}
    from ...models.naming.specific import best_words, specific

    ids, matrix = list(shares), np.stack(list(shares.values()))
    best = dict(zip(ids, best_words(specific(matrix), words, KEPT_WORDS), strict=True))
    found = {}
    for cluster in clusters:
        if cluster in failed:
            continue
        named = _majority(shares[cluster], words, best[cluster]) if of_field else best[cluster]
        if evidence:
            named = [(word, score) for word, score in named if evidence[cluster][words.index(word)] >= EVIDENCE]
        if named and (name := plain_name(named[0][0])):
            found[cluster] = {"name": name, **_about(request, shares[cluster], words, named)}
        else:
            failed[cluster] = NO_CLASS if evidence else NO_WORD
    return found, {cluster: failed[cluster] for cluster in clusters if cluster in failed}


def _about(request: NamingRequest, shares: np.ndarray, words: list[str], named: list[tuple[str, float]]) -> dict:
    """Return the record of an offline name."""
    share = float(shares[words.index(named[0][0])])
    rest = ", ".join(plain_name(word) for word, _ in named[1:])
    of_field = request.arguments.source == FIELD
    return {
        "description": f"{100 * share:.0f} % of the labels" if of_field else f"Then: {rest}" if rest else "",
        # a classifier spreads its belief over look-alikes, so only labels tell whether a cluster is mixed
        "coherent": share >= COHERENT if of_field else True,
        "confidence": round(share, 4),
        "words": [[plain_name(word), round(score, 4)] for word, score in named],
        "source": request.arguments.source,
        "model": request.arguments.label_field if of_field else request.arguments.encoder,
        "at": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC"),
    }


def _majority(shares: np.ndarray, words: list[str], best: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return the most frequent label first, then those that are more frequent here than elsewhere."""
    top = words[int(np.argmax(shares))]
    return [(top, dict(best).get(top, 0.0)), *((word, score) for word, score in best if word != top)]


def _field_shares(request: NamingRequest, members: Members, clusters: list[int], stages: Stages) -> WordShares:
    """Return the share of each label in each cluster; unlabeled members do not count."""
    stages.enter("naming")
    labels = read_truth(members.target, request.arguments.label_field or "", members.ids)
    words = sorted({str(label) for label in labels if label is not None})
    place = {word: column for column, word in enumerate(words)}
    shares: dict[int, np.ndarray] = {}
    failed: dict[int, str] = {}
    rows = members.by_cluster()
    for cluster in clusters:
        found = [place[str(labels[row])] for row in rows[cluster] if labels[row] is not None]
        if found:
            shares[cluster] = np.bincount(found, minlength=len(words)) / len(found)
        else:
            failed[cluster] = NO_LABEL
    return WordShares(shares, words, failed)


def _image_shares(request: NamingRequest, members: Members, clusters: list[int], stages: Stages) -> WordShares:
    """Return mean probabilities of words or classes over some images of each cluster."""
    from ...models.naming.classifier import imagenet_words
    from ...models.naming.specific import evidence_of, shares_of

    report = stages.enter("choosing images")
    exemplars = choose_exemplars(members, SHOWN, request.arguments.seed)
    report(1)
    report = stages.enter("naming")
    if request.arguments.source == CLASSIFIER:
        words = imagenet_words()
        scores = _by_classes(members, exemplars, clusters, report)
    else:
        words, scores = _by_words(request, members, exemplars, clusters, report)
    rows = list(scores.values())
    shares = dict(zip(scores, shares_of(rows), strict=True)) if scores else {}
    failed = {c: no_image(exemplars.reasons(c)) for c in clusters if c not in shares}
    # words of the user's are to be chosen from; of ImageNet's classes none may fit
    evidence = None if request.words or not scores else dict(zip(scores, evidence_of(rows), strict=True))
    return WordShares(shares, words, failed, evidence)


def _by_classes(members: Members, exemplars: Exemplars, clusters: list[int], report: Progress) -> dict[int, np.ndarray]:
    """Return by cluster how well ImageNet's classes fit its images; from vectors of that network, if there are any."""
    from ...models.naming.classifier import ImageNetClassifier, class_scores, is_own

    source, patches_field = members.target.source, members.config.patches_field
    wanted = {row_id for cluster in clusters for row_id in exemplars.chosen.get(cluster, [])}
    for field in vector_fields(source, patches_field):
        if is_own(field_encoder(source, members.target.local_path(field))):
            rows = stored_vectors(members, wanted, field)
            if len(rows) == len(wanted):
                return {c: class_scores(X) for c, X in _by_cluster(rows, exemplars, clusters).items()}
    return _embedded(ImageNetClassifier(), exemplars, clusters, report)


def _by_words(
    request: NamingRequest, members: Members, exemplars: Exemplars, clusters: list[int], report: Progress
) -> tuple[list[str], dict[int, np.ndarray]]:
    """Return the words, and by cluster how well each fits its images."""
    from ...models.encoders import get_encoder
    from ...models.encoders.clip import Clip
    from ...models.naming.classifier import imagenet_words
    from ...models.naming.vocabulary import word_scores, word_vectors

    words = request.words or imagenet_words()
    encoder = get_encoder(request.arguments.encoder or "clip")
    if not isinstance(encoder, Clip):
        raise ValueError(f"encoder={encoder.name!r} has no words; choose clip or clip:<architecture>/<weights>")
    texts = word_vectors(encoder, words, lambda f, m="": report(f / 4, m))
    vectors = image_vectors(encoder, members, exemplars, clusters, lambda f, m="": report(0.25 + 0.75 * f, m))
    return words, {cluster: word_scores(rows, texts) for cluster, rows in vectors.items()}


def image_vectors(
    encoder: "Encoder", members: Members, exemplars: Exemplars, clusters: list[int], report: Progress
) -> dict[int, np.ndarray]:
    """Return the vectors of each cluster's chosen images: the run's if this encoder made them, else computed now."""
    if not same_vectors(members, encoder):
        return _embedded(encoder, exemplars, clusters, report)
    rows = some_vectors(members, set(exemplars.files))
    return _by_cluster(rows, exemplars, clusters)


def same_vectors(members: Members, encoder: "Encoder") -> bool:
    """Return whether this encoder made the run's vectors."""
    from ...models.encoders.base import same_encoder

    fields = members.config.vector_fields
    if len(fields) > 1:
        return False
    return same_encoder(field_encoder(members.target.source, members.target.local_path(fields[0])), encoder.identity)


def _by_cluster(rows: dict[str, np.ndarray], exemplars: Exemplars, clusters: list[int]) -> dict[int, np.ndarray]:
    found = {c: [rows[i] for i in exemplars.chosen.get(c, []) if i in rows] for c in clusters}
    return {cluster: np.stack(own) for cluster, own in found.items() if own}


def _embedded(encoder: "Encoder", exemplars: Exemplars, clusters: list[int], report: Progress) -> dict[int, np.ndarray]:
    """Embed the images chosen, per cluster; files that cannot be read are left out."""
    from ...models.encoders.batches import embed_files

    wanted = [row_id for cluster in clusters for row_id in exemplars.chosen.get(cluster, [])]
    order = [row_id for row_id in exemplars.files if row_id in set(wanted)]  # boxes of one file in a row
    rows: dict[str, np.ndarray] = {}
    items, rendering = [exemplars.files[i] for i in order], exemplars.members.rendering()
    for positions, vectors, failures in embed_files(encoder, items, progress=report, rendering=rendering):
        rows.update(zip((order[p] for p in positions), vectors, strict=True))
        exemplars.unreadable.update((order[position], reason) for position, reason in failures)
    return _by_cluster(rows, exemplars, clusters)
