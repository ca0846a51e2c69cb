"""Failures of forms and of operators without progress, as one sentence each.

The App says "Error occurred during operator execution" and folds everything else away. Operators with progress say
it by :func:`operators.execution.app.failed`.
"""

import inspect
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import fiftyone.operators as foo
import fiftyone.operators.types as types

from .app import failure_title, one_sentence

FAILED = "failed"  # in the results of an operator: the title of its failure
_Operator = TypeVar("_Operator", bound=type[foo.Operator])

logger = logging.getLogger(__name__)


def explain_failures(cls: _Operator) -> _Operator:
    """Return an operator's class with its methods replaced by such that the App shows their failures."""
    if cls.resolve_input is not foo.Operator.resolve_input:
        cls.resolve_input = _form(cls.resolve_input)
    # of a coroutine there is no failure to show: only the panel calls it, behind what the user does
    if not inspect.isgeneratorfunction(cls.execute) and not inspect.iscoroutinefunction(cls.execute):
        cls.resolve_output = _output(cls.resolve_output)
        cls.execute = _execution(cls.execute)
    return cls


def from_app(ctx: foo.ExecutionContext) -> bool:
    """Return whether the App asks: it sends the filters of its sidebar along, empty or not, and Python has none."""
    return "filters" in ctx.request_params and not ctx.delegated


def _form(resolve_input: Callable) -> Callable:
    @wraps(resolve_input)
    def form(self: foo.Operator, ctx: foo.ExecutionContext) -> types.Property:
        try:
            return resolve_input(self, ctx)
        except ValueError as error:
            sentence, inputs = one_sentence(error), types.Object()
            inputs.str(
                "problem", required=False, invalid=True, error_message=sentence, view=types.Error(label=sentence)
            )
            return types.Property(inputs, view=types.View(label=self.config.label))

    return form


def _execution(execute: Callable) -> Callable:
    @wraps(execute)
    def execution(self: foo.Operator, ctx: foo.ExecutionContext) -> Any:
        try:
            return execute(self, ctx)
        except Exception as error:
            if not from_app(ctx):
                raise
            logger.info("%s failed", ctx.operator_uri, exc_info=error)
            sentence = one_sentence(error)
            ctx.ops.notify(sentence, variant="error")  # a button of an output has no dialog of its own
            return {FAILED: failure_title(error), "text": sentence}

    return execution


def _output(resolve_output: Callable) -> Callable:
    @wraps(resolve_output)
    def output(self: foo.Operator, ctx: foo.ExecutionContext) -> types.Property | None:
        if title := (ctx.results or {}).get(FAILED):
            outputs = types.Object()
            outputs.str("text", view=types.MarkdownView())
            return types.Property(outputs, view=types.View(label=title))
        return resolve_output(self, ctx)

    return output
