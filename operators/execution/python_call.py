"""Operators as plain Python calls, at once or delegated."""

import asyncio
import inspect
import threading
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

import fiftyone as fo
import fiftyone.operators as foo
import fiftyone.operators.types as types

from ...models.parameters import plain
from .app import one_sentence
from .refusals import refuses_readably
from .stages import console_progress, job_title
from .stopping import stoppable

# In the parameters of an operation that Python queued
FROM_PYTHON = "from_python"


class PythonCall:
    """Call of an operator from Python: ``op(samples, ...)`` runs its plain function and returns its result.

    The call is synchronous everywhere, notebooks included, has no time limit, and can be stopped from another process
    with ``stop_clustering`` if its function takes ``progress``. ``delegate=True`` queues it
    for ``fiftyone delegated launch`` instead and returns ``{"delegated": True, "id": ...}``, where that is offered.
    Subclasses define ``work``, the plain function, and those that may be delegated ``check``, which refuses its
    arguments early. An operation that Python queued was checked by that; the form, whose own values and defaults are
    not meant, has no say in it.
    """

    work: ClassVar[Callable[..., dict] | None] = None
    check: ClassVar[Callable[..., object] | None] = None
    name: str
    uri: str
    config: foo.OperatorConfig

    def __init_subclass__(cls, **options: Any) -> None:
        """Keep the form out of what Python queues."""
        super().__init_subclass__(**options)
        if "resolve_input" in cls.__dict__:
            cls.resolve_input = _without_python(cls.__dict__["resolve_input"])  # type: ignore[attr-defined]  # a mixin

    @refuses_readably
    def __call__(
        self, samples: fo.core.collections.SampleCollection, *args: Any, delegate: bool = False, **kwargs: Any
    ) -> Any:
        """Run ``work(samples, ...)``; see its docstring for the arguments."""
        work, check = type(self).work, type(self).check
        if work is None:
            raise TypeError(f"{type(self).__name__} defines no work")
        if not isinstance(samples, fo.core.collections.SampleCollection):
            raise ValueError(f"samples are {type(samples).__name__}; pass a FiftyOne dataset or view")
        if not delegate:
            if "progress" not in inspect.signature(work).parameters:
                return work(samples, *args, **kwargs)
            report = kwargs.pop("progress", None) or console_progress()
            with stoppable(samples, job_title(self.name, kwargs), report) as progress:
                return work(samples, *args, progress=progress, **kwargs)
        if not self.config.allow_delegated_execution:
            raise ValueError(f"{self.name} takes no time and cannot be delegated; leave delegate out")
        try:
            bound = inspect.signature(work).bind(samples, *args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}: {error}") from None
        params = plain({key: value for key, value in _named(bound).items() if key not in ("samples", "progress")})
        for key, value in params.items():
            if not _storable(value):
                raise ValueError(f"{key}={value!r} cannot be sent to a worker; give plain data, an encoder by its name")
        if check:
            bound.apply_defaults()
            check(**{**_named(bound), **params})
        return schedule(self.uri, samples, {**params, FROM_PYTHON: True})


def _without_python(form: Callable) -> Callable:
    """Return a form that asks nothing of an operation that Python queued."""

    @wraps(form)
    def resolve_input(self: foo.Operator, ctx: foo.ExecutionContext) -> types.Property:
        return types.Property(types.Object()) if ctx.params.get(FROM_PYTHON) else form(self, ctx)

    return resolve_input


def _named(bound: inspect.BoundArguments) -> dict:
    """Return all arguments of a call by name, those of ``**arguments`` among the others."""
    found: dict = {}
    for name, value in bound.arguments.items():
        if bound.signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            found |= value
        else:
            found[name] = value
    return found


def _storable(value: object) -> bool:
    import bson

    try:
        bson.encode({"value": value})
    except (bson.errors.InvalidDocument, OverflowError):
        return False
    return True


def schedule(uri: str, samples: fo.core.collections.SampleCollection, params: dict) -> dict:
    """Queue an operator for a delegated worker.

    Args:
        uri: the operator's URI
        samples: a dataset or view
        params: its parameters, plain data

    Returns:
        ``{"delegated": True, "id": <operation id>}``
    """
    ctx = {"view": samples.view(), "params": params, "request_delegation": True}
    outcome = {}

    def queue_it() -> None:
        try:
            outcome["result"] = foo.execute_operator(uri, ctx=ctx)
        except Exception as error:
            outcome["error"] = error

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        queue_it()
    else:  # a notebook's loop is running, and FiftyOne would hand back a task; a thread has no loop
        thread = threading.Thread(target=queue_it)
        thread.start()
        thread.join()
    if "error" in outcome:
        raise ValueError(one_sentence(outcome["error"]))
    return {"delegated": True, "id": str(outcome["result"].result["id"])}
