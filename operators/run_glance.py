"""Runs as FiftyOne keeps them in memory, to look at without a copy.

``dataset.get_run_info()`` copies a configuration at every look. That of 500 clusters takes tens of milliseconds, and a
click in the Clusters panel looks a dozen times.
"""

from bson import DBRef

_KEPT = 32  # configurations
_kept: dict[tuple, tuple] = {}


def run_documents(dataset) -> dict:
    """The documents of a dataset's runs by key, those of other plugins included."""
    return {key: document for key, document in dataset._doc.runs.items() if not isinstance(document, DBRef)}


def plain_config(document) -> dict:
    """The configuration in a run's document, as it is stored; not to be changed."""
    return document._data["config"]  # the attribute would look for references in all of it first


def shared_config(dataset, run_key: str):
    """The configuration of a run, one object for all who look at it and do not change it; None if there is no run."""
    document = run_documents(dataset).get(run_key)
    if document is None:
        return None
    place, kept = (dataset.name, run_key), _kept.get((dataset.name, run_key))
    # whoever changes a run, or reloads it, leaves another dictionary in the document
    if kept is None or kept[0] is not plain_config(document):
        config = dataset.get_run_info(run_key).config
        kept = plain_config(document), config
        if len(_kept) >= _KEPT:
            _kept.clear()
        _kept[place] = kept
    return kept[1]
