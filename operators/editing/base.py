"""Edits by name: their base class, and the registry that menus, the form and Python read.

A new edit is one file in ``actions/`` with one subclass of :class:`Edit`: its name in class attributes, and what it
takes in the signature of ``apply``.
"""

import inspect
import pkgutil
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import ClassVar

import fiftyone as fo

from ...models.parameters import typed
from ...models.progress import Progress
from ..dataset.private import root_dataset
from ..dataset.rows import Rows
from ..dataset.targets import resolve_target
from ..runs.members import as_seen_by
from ..runs.run import Run
from ..runs.stored_run import StoredRun
from ..runs.transaction import edit_run

_CONTEXT = ("run", "author", "progress")


class Edit:
    """An edit of a run.

    Attributes:
        name: its name, the value of ``action``
        title: what the form calls it
        hint: one line about what is special in what it does
        order: position in menus
        card_menu: its label in the menu of a cluster's card; not offered there without
        noise_menu: its label in the menu of the noise card, likewise
        fewest: how many clusters it needs, if it takes ``clusters``
        of_clusters: whether a run without any cluster has nothing for it
        apply: ``apply(run, author, progress, ...)`` carries it out on a run that is held, and returns its outcome, see
            :meth:`operators.runs.transaction.EditedRun.outcome`. Its other parameters are what it takes; the form has
            inputs for ``cluster``, ``clusters``, ``ids`` (the selection), ``name``, ``names`` with ``level``,
            ``method`` with ``params``, and for numbers and choices that carry their range in their annotation
    """

    name = ""
    title = ""
    hint = ""
    order = 100
    card_menu: str | None = None
    noise_menu: str | None = None
    fewest = 1
    of_clusters = True
    apply: ClassVar[Callable[..., dict]]

    @classmethod
    def check(cls, run: Run) -> None:
        """Raise ValueError if a run has nothing for this edit, before anything is asked."""
        if cls.of_clusters and not any(cluster >= 0 for cluster in run.names):
            raise ValueError("this run has no cluster; undo the edit that left none")

    @classmethod
    def preview(cls, run: Run) -> tuple[str, str] | None:
        """Return title and description of what it would do now; None if that depends on its arguments."""
        return None

    @classmethod
    def takes(cls) -> dict[str, inspect.Parameter]:
        """Return the parameters that it takes, in the order of its signature."""
        known = inspect.signature(cls.apply).parameters
        return {name: parameter for name, parameter in known.items() if name not in _CONTEXT}

    @classmethod
    def ids_in(cls, samples: fo.core.collections.SampleCollection, run: StoredRun) -> list[str] | None:
        """Return the images or patches of a view, as the run counts them; None for a whole dataset.

        Raises:
            ValueError: if it needs some and was given the whole dataset
        """
        if samples is not run.dataset and samples != run.dataset.view():
            target = resolve_target(as_seen_by(samples, run.key, run.config), run.config.patches_field)
            return Rows.of(target.samples, target.patches_field).ids
        parameter = cls.takes()["ids"]
        if parameter.default is parameter.empty:
            raise ValueError("the whole dataset cannot be moved into one cluster; pass a view, or ids")
        return None

    @classmethod
    def checked(cls, arguments: dict) -> dict:
        """Check the names and types of arguments; those that are None count as not given.

        Raises:
            ValueError: if one is unknown, has the wrong type, or is missing
        """
        takes = cls.takes()
        given = {key: value for key, value in arguments.items() if value is not None}
        for key, value in given.items():
            if key not in takes:
                usual = f"takes {' and '.join(takes)}" if takes else "takes no more"
                raise ValueError(f"{key}={value!r} has no use here, for {cls.name!r} {usual}; leave it out")
        for key, parameter in takes.items():
            if parameter.default is parameter.empty and key not in given:
                raise ValueError(f"{cls.name!r} needs {key}; give {key}=...")
        return typed(cls.apply, given)


def list_edits() -> dict[str, type[Edit]]:
    """Return all edits by name, in the order of menus."""
    return dict(_found())


def get_edit(name: str) -> type[Edit]:
    """Return the edit called ``name``.

    Raises:
        ValueError: if there is none
    """
    known = _found()
    if name not in known:
        raise ValueError(f"action={name!r} is not known; choose one of {', '.join(known)}")
    return known[name]


def apply_edit(
    samples: fo.core.collections.SampleCollection,
    key: str,
    action: str,
    arguments: dict,
    author: str = "user",
    version: int | None = None,
    progress: Progress | None = None,
) -> dict:
    """Edit a run; it is read once, when it is held.

    Args:
        samples: the dataset, or a view whose images or patches are meant by an edit that takes ``ids``
        key: the run's key
        action: the name of an edit
        arguments: what it takes
        author ("user"): who edits, for the log
        version (None): the version that the caller saw, to be refused if the run was edited since
        progress (None): a callable ``(fraction, message)``, which may raise to stop; then all is as before

    Returns:
        what was done, see :meth:`operators.runs.transaction.EditedRun.outcome`

    Raises:
        ValueError: if an argument is refused or another process edits the run; nothing is changed then
    """
    edit = get_edit(action)
    with edit_run(root_dataset(samples), key, version) as run:
        if "ids" in edit.takes() and arguments.get("ids") is None:
            arguments = {**arguments, "ids": edit.ids_in(samples, run)}
        return edit.apply(run, author, progress, **edit.checked(arguments))


@cache
def _found() -> dict[str, type[Edit]]:
    package = import_module(f"{__package__}.actions")
    for module in pkgutil.iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
    edits = sorted(_subclasses(Edit), key=lambda edit: (edit.order, edit.name))
    return {edit.name: edit for edit in edits if edit.name and edit.__module__.startswith(package.__name__)}


def _subclasses(cls: type[Edit]) -> list[type[Edit]]:
    return [found for direct in cls.__subclasses__() for found in (direct, *_subclasses(direct))]
