"""DEC from images: an autoencoder on pixels, then clusters in its code sharpen themselves.

When to choose it: small, centered, simple images such as digits, where pixels mean something; on photographs choose
``scan``. The convolutional autoencoder is for images larger than about 32 pixels.

Paper: Xie, Girshick, Farhadi, Unsupervised Deep Embedding for Clustering Analysis, ICML 2016. Ours differs in the
autoencoder's training, see ``autoencoder.py``, in that a code closer to its centers than a mean square distance of 1 is
widened, without which Student's t is flat on some data, and in targets that are renewed every epoch. As in the paper it
ends when less than a thousandth of the images change their cluster, from one epoch to the next, after five at least.
"""

from .codes import CodeClustering


class ImageDEC(CodeClustering):
    """Deep embedded clustering, with the parameters of :class:`models.training.clustering.codes.CodeClustering`."""

    kind = "dec"
    title = "DEC"
    when = "Small, centered, simple images such as digits, from pixels"
    order = 250
