"""Arguments of ``group_by_criterion``, checked: what is refused before any work."""

from dataclasses import dataclass, replace

import fiftyone as fo

from ...models.naming.criterion import plan
from ..dataset.run_documents import run_keys
from ..naming.request import LLMArguments, agreed, chosen_server, refuse_without_consent
from ..naming.server import ServerChoice
from ..runs.lifecycle import check_cluster_field, check_run_key
from ..runs.run import Run

CRITERION_LETTERS = 200


@dataclass(frozen=True, kw_only=True)
class CriterionArguments(LLMArguments):
    """Arguments of :func:`operators.grouping.job.group_by_criterion`."""

    criterion: str
    new_run_key: str | None
    n_groups: int | None
    n_fine: int | None


@dataclass(frozen=True)
class CriterionRequest:
    """A grouping whose arguments are checked.

    Args:
        run: the run whose images and vectors are used
        new_run_key: the key of the new run
        choice: the server and model
        arguments: all arguments
    """

    run: Run
    new_run_key: str
    choice: ServerChoice
    arguments: CriterionArguments


def make_criterion_request(
    samples: fo.core.collections.SampleCollection, arguments: CriterionArguments, secrets: dict[str, str | None]
) -> CriterionRequest:
    """Check the arguments of a grouping.

    Args:
        samples: the dataset, or a view into it
        arguments: all arguments, of the right types
        secrets: from :func:`operators.naming.server.read_secrets`

    Raises:
        ValueError: if an argument is refused, or images would go to a host that the user has not agreed to
    """
    run = Run.open(samples, arguments.run_key)
    run.check_pictures()
    criterion = " ".join(arguments.criterion.split())
    if not criterion or len(criterion) > CRITERION_LETTERS:
        raise ValueError(
            f"the criterion {criterion[:20]!r} has {len(criterion)} letters; say in 1 to {CRITERION_LETTERS} what to "
            "group by, such as 'action'"
        )
    new_run_key = arguments.new_run_key or propose_key(run)
    check_run_key(run.dataset, new_run_key)
    check_cluster_field(run.target, new_run_key)
    choice = chosen_server(arguments, secrets)
    if not arguments.dry_run and not agreed(choice, arguments):
        refuse_without_consent(plan_of(run, arguments)["n_sent"], choice, arguments)
    return CriterionRequest(run, new_run_key, choice, replace(arguments, criterion=criterion))


def plan_of(run: Run, arguments: CriterionArguments) -> dict[str, int]:
    """Plan the questions of a grouping.

    Returns:
        as :func:`models.naming.criterion.plan`, and ``n_images``, the images to group, and ``n_sent``, those of them
        that are sent
    """
    n_images = run.own_target.count()
    steps = plan(n_images, arguments.n_fine, arguments.n_exemplars)
    return {"n_images": n_images, **steps, "n_sent": min(steps["n_fine"] * steps["images"], n_images)}


def propose_key(run: Run) -> str:
    """Return the first free key for a grouping of a run."""
    taken = set(run_keys(run.dataset)) | set(run.dataset.get_field_schema())
    names = [f"{run.key}_by_criterion", *(f"{run.key}_by_criterion_{i}" for i in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)
