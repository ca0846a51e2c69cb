"""Rendering of the images behind vectors: kept with the vectors, and used for all pictures of them."""

from collections.abc import Iterable

import fiftyone as fo

from ...models.images.rendering import Rendering
from .files import pictures_of
from .rows import Rows
from .targets import Target
from .vector_fields import encoder_record


def field_rendering(samples: fo.core.collections.SampleCollection, path: str) -> dict | None:
    """Return what was decided of how the images of the vectors at ``path`` became RGB.

    Returns:
        what :meth:`models.images.rendering.Rendering.as_dict` gave; None if that was decided image
        by image, or is not on record
    """
    return encoder_record(samples, path).get("rendering")


def rendering_of(target: Target, fields: Iterable[str]) -> Rendering:
    """Return how images are shown: as the encoder of their vectors saw them if that is on record, else decided now.

    Args:
        target: the images or patches
        fields: their vector fields
    """
    on_record = (field_rendering(target.source, target.local_path(name)) for name in fields)

    def paths() -> list[str]:
        rows = Rows.of(target.samples, target.patches_field)
        return [path for path, _ in pictures_of(rows, rows.ids)[1]]

    return Rendering(paths, next((decided for decided in on_record if decided is not None), None))


def differences(one: dict | None, other: dict | None) -> set[str]:
    """Return in which respects two renderings differ that both have decided them."""
    return {key for key in set(one or ()) & set(other or ()) if (one or {})[key] != (other or {})[key]}
