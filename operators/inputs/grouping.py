"""Form values of ``group_by_criterion`` as arguments."""

import inspect

import fiftyone.operators as foo

from ..grouping.job import group_by_criterion
from ..grouping.request import CriterionArguments
from .model_server import consented
from .pickers import chosen_run


def criterion_arguments(ctx: foo.ExecutionContext) -> CriterionArguments:
    """Return the entered values as arguments of :func:`operators.grouping.job.group_by_criterion`."""
    known = inspect.signature(group_by_criterion).parameters
    given = {k: p.default for k, p in known.items() if k not in ("samples", "progress")}
    given.update({k: v for k, v in ctx.params.items() if k in given and v not in (None, "")})
    given["run_key"], given["criterion"] = chosen_run(ctx), ctx.params.get("criterion") or ""
    return CriterionArguments(**consented(ctx, given))
