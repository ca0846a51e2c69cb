"""Trained encoders of the model store: list, delete, export, import."""

from .training import summarize


def delete_encoder(name: str) -> dict:
    """Delete a trained encoder; vectors that it made stay.

    Args:
        name: its name, without ``trained:``

    Returns:
        ``{"name", "deleted", "bytes"}``

    Raises:
        ValueError: if there is none
    """
    from ...models.training import store

    return store.delete(name)


def export_encoder(name: str, path: str) -> dict:
    """Copy a trained encoder into one safetensors file, without what only training needs.

    Args:
        name: its name, without ``trained:``
        path: an existing folder, or a new file ending in ``.safetensors``

    Returns:
        ``{"name", "path", "bytes"}``

    Raises:
        ValueError: if there is no such encoder or the file exists
    """
    from ...models.training import store

    return store.export(name, path)


def import_encoder(path: str, name: str | None = None) -> dict:
    """Add an encoder that was exported elsewhere. The file is never unpickled, and must make a vector first.

    Args:
        path: a file made by ``export_encoder``
        name (None): its name here, by default the one it had

    Returns:
        ``{"name", "kind", "dimension", "path"}``

    Raises:
        ValueError: if the file is no encoder or damaged, or the name is taken
    """
    from ...models.training import store

    return store.import_file(path, name)


def list_encoders() -> list[dict]:
    """List the trained encoders of the model store, unfinished ones too.

    Returns:
        a list of summaries as :func:`operators.embedding.training.train_encoder` returns them; of a damaged one only
        ``name``, ``path`` and ``problem``
    """
    from ...models.training import store

    found = []
    for name in store.names(unfinished=True):
        try:
            found.append(summarize(store.record_of(name), store.path_of(name), {}))
        except (ValueError, KeyError) as error:
            found.append({"name": name, "path": str(store.path_of(name)), "problem": str(error)})
    return found
