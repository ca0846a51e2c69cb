"""Names from a list of words by CLIP's two towers: no server, and a vocabulary that the user controls.

Paper: Radford et al., Learning Transferable Visual Models From Natural Language Supervision, ICML 2021, section 3.1.4,
for the prompts. Ours compares clusters with each other: the word that wins is the one that fits this cluster more than
the others, not the one that fits best of all.
"""

import numpy as np

from ..vectors.normalize import l2_normalize

# CLIP's training multiplied cosines by up to this before softmax
SCALE = 100.0
_BATCH = 256


def word_vectors(encoder, words: list[str], progress=None) -> np.ndarray:
    """Words as vectors in the space of images, each the mean of a few prompts.

    Args:
        encoder: a :class:`models.encoders.clip.Clip`
        words: the words
        progress (None): a callable ``(fraction, message)``

    Returns:
        ``(n_words, d)`` float32 of length 1
    """
    rows = []
    for start in range(0, len(words), _BATCH):
        if progress:
            progress(start / len(words), f"{start} of {len(words)} words")
        part = words[start : start + _BATCH]
        # joined, not formatted: a word may have braces in it
        prompts = [[left + word + right for word in part] for left, right in (("", ""), ("a photo of ", "."))]
        rows.append(sum(l2_normalize(encoder.embed_prompts(texts)) for texts in prompts))
    return l2_normalize(np.concatenate(rows))


def word_scores(images, words) -> np.ndarray:
    """How well words fit images, as CLIP was trained to say it before softmax.

    Args:
        images: ``(n, d)`` vectors of images
        words: ``(n_words, d)`` from :func:`word_vectors`

    Returns:
        ``(n, n_words)`` scores
    """
    return SCALE * l2_normalize(np.asarray(images, dtype=np.float32)) @ words.T
