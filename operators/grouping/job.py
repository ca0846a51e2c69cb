"""Grouping job: groups by a criterion in words, kept as a run of their own."""

import time
from typing import Annotated, Any, Literal, NamedTuple

import fiftyone as fo
import numpy as np
from pydantic import Field

from ...models.naming.criterion import place_images
from ...models.parameters import SEED, typed
from ...models.progress import Progress
from ..dataset.files import pictures_of
from ..dataset.renderings import rendering_of
from ..dataset.rows import Rows
from ..dataset.targets import Target
from ..dataset.vectors import VectorTable, read_spaces
from ..execution.locks import write_lock
from ..execution.stages import Stages
from ..naming.server import key_for, read_secrets
from ..naming.session import by_reason
from ..naming.store import save_report
from ..runs.run import Run
from .questions import CriterionJob
from .record import METHOD, Grouping, keep_groups, name_groups, unreadable_note
from .request import CriterionArguments, CriterionRequest, make_criterion_request, plan_of


class _Grouped(NamedTuple):
    """A grouping that is kept.

    Args:
        job: its questions
        table: the images with their vectors
        groups: the groups, with id, name, description and size
    """

    job: CriterionJob
    table: VectorTable
    groups: list[dict]


def group_by_criterion(
    samples: fo.core.collections.SampleCollection,
    run_key: str,
    criterion: str,
    new_run_key: str | None = None,
    n_groups: Annotated[int | None, Field(ge=2, le=100)] = None,
    n_fine: Annotated[int | None, Field(ge=2, le=2000)] = None,
    n_exemplars: Annotated[int, Field(ge=1, le=20)] = 5,
    model: str | None = None,
    base_url: str | None = None,
    api: Literal["auto", "responses", "chat"] = "auto",
    consent: bool = False,
    dry_run: bool = False,
    max_spend: Annotated[float | None, Field(gt=0)] = None,
    price: list | None = None,
    context: Annotated[str, Field(max_length=2000)] = "",
    language: Annotated[str, Field(min_length=2, max_length=60)] = "English",
    image_size: Annotated[int, Field(ge=64, le=2048)] = 512,
    layout: Literal["images", "sheet"] = "images",
    max_concurrency: Annotated[int, Field(ge=1, le=64)] = 4,
    timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0,
    seed: Annotated[int, Field(ge=0)] = SEED,
    progress: Progress | None = None,
) -> dict:
    """Group images by a criterion such as "action", "place" or "mood", with far fewer questions than images.

    The run's vectors are cut into many fine clusters; a vision model captions a few images of each under the criterion,
    proposes groups that cover the captions, merges them and sorts the captions into them. Every image then gets the
    group of the captioned images in its fine cluster that it is nearest to. Answers are kept as they come, so a
    repeated call asks only what is missing.

    Args:
        samples: the dataset, or a view into it
        run_key: the run whose images and vectors are used
        criterion: what to group by
        new_run_key (None): the new run, by default ``<run_key>_by_criterion``, with a number if that is taken
        n_groups (None): how many groups, by default as the model thinks fit
        n_fine (None): fine clusters, by default one per 50 images, from 4 to 200
        n_exemplars (5): captioned images of each
        model (None): as for ``label_clusters``, like all that follow
        base_url (None): the server's address
        api ("auto"): ``"auto"``, ``"responses"`` or ``"chat"``
        consent (False): whether images may be sent to OpenAI, or to the server that ``base_url`` names; not asked for
            servers on this machine
        dry_run (False): whether to return the number of questions and images, and send nothing
        max_spend (None): US dollars
        price (None): US dollars per million tokens ``[input, output]``
        context (""): what the images are
        language ("English"): language of the groups' names
        image_size (512): pixels of an image's longer side
        layout ("images"): ``"images"``, or ``"sheet"`` for servers that take one image
        max_concurrency (4): questions at a time
        timeout (60): seconds that a question may take
        seed (51): everything random follows it
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        plain data: run_key, criterion, n_groups, groups (id, name, description, size), n_images, captions, calls,
        images_sent, tokens, cost, failures, skipped (unreadable images by reason), seconds, text; with ``dry_run``
        n_images, n_fine, images, calls, n_sent

    Raises:
        ValueError: if an argument is refused, the host was not agreed to, or the model gave no groups
    """
    arguments = CriterionArguments(
        run_key=run_key,
        criterion=criterion,
        new_run_key=new_run_key,
        n_groups=n_groups,
        n_fine=n_fine,
        n_exemplars=n_exemplars,
        model=model,
        base_url=base_url,
        api=api,
        consent=consent,
        dry_run=dry_run,
        max_spend=max_spend,
        price=price,
        context=context,
        language=language,
        image_size=image_size,
        layout=layout,
        max_concurrency=max_concurrency,
        timeout=timeout,
        seed=seed,
    )
    return group_images(samples, arguments, read_secrets(), progress)


def check_criterion(
    samples: fo.core.collections.SampleCollection,
    secrets: dict[str, str | None] | None = None,
    progress: Progress | None = None,
    **given: Any,
) -> CriterionRequest:
    """Refuse the arguments of :func:`group_by_criterion` that can be refused before any work.

    Args:
        samples: the dataset, or a view into it
        secrets (None): from :func:`operators.naming.server.read_secrets`, by default read here
        progress (None): not used
        **given: all other arguments
    """
    arguments = CriterionArguments(**typed(group_by_criterion, given))
    return make_criterion_request(samples, arguments, read_secrets() if secrets is None else secrets)


def group_images(
    samples: fo.core.collections.SampleCollection,
    arguments: CriterionArguments,
    secrets: dict[str, str | None],
    progress: Progress | None = None,
) -> dict:
    """Group images as :func:`group_by_criterion` does, with the secrets that the operator's context holds."""
    request = check_criterion(samples, secrets, **vars(arguments))
    run, choice, arguments, new_key = request.run, request.choice, request.arguments, request.new_run_key
    steps = plan_of(run, arguments)
    if arguments.dry_run:
        return {"dry_run": True, **steps, "host": choice.host}
    key = key_for(choice, secrets)
    started = time.monotonic()
    stages = Stages(["reading", "clustering", "captions", "groups", "sorting", "writing"], progress)
    with write_lock(run.dataset, f"run key {new_key!r}", f"field {run.target.storage_path(new_key)!r}"):
        job, table, groups = _group(request, key, steps["n_fine"], stages)
    new_run = Run.open(run.dataset, new_key)
    name_groups(new_run, groups, job)
    text = f"{len(groups)} groups of {len(table.ids):,} images by {arguments.criterion}, with {job.calls:,} calls"
    if job.failed:
        text += "; failed: " + ", ".join(f"{reason} ({n:,})" for reason, n in by_reason(job.failed).items())
    text += "".join(f"; {note}" for note in unreadable_note(job))
    summary = {
        "run_key": new_key,
        "criterion": arguments.criterion,
        "n_groups": len(groups),
        "groups": groups,
        "n_images": len(table.ids),
        "captions": len(job.captions),
        **job.used(),
        "failures": by_reason(job.failed),
        "skipped": by_reason(job.unreadable),
        "seconds": round(time.monotonic() - started, 2),
        "text": text,
    }
    save_report(new_run, {**summary, "source": METHOD, "consent": bool(arguments.consent)})
    return summary


def _group(request: CriterionRequest, key: str | None, n_fine: int, stages: Stages) -> _Grouped:
    """Ask, group, and keep the groups as a run."""
    stages.enter("reading")
    config, arguments, target = request.run.config, request.arguments, request.run.own_target
    table, widths = read_spaces(target.samples, config.vector_fields, config.patches_field)
    X = config.as_clustered(table.X, widths)
    fine = _fine_clusters(X, n_fine, arguments.seed, stages.enter("clustering"))
    chosen = _captioned(X, fine, arguments.n_exemplars, table.ids)
    job = _job(request, target, key, chosen)
    job.caption(chosen, stages.enter("captions"))
    groups = job.groups(stages.enter("groups"))
    sorted_into = job.sort([name for name, _ in groups], stages.enter("sorting"))
    row = {row_id: place for place, row_id in enumerate(table.ids)}
    captioned = [row[row_id] for row_id in job.captions]
    of_captions = [sorted_into.get(text, -1) for text in job.captions.values()]
    labels, confidence = place_images(X, fine, captioned, of_captions)
    if (labels < 0).all():
        raise ValueError(f"no caption was sorted into a group by {arguments.criterion!r}; try again")
    grouping = Grouping(table, X, widths, labels, confidence, groups)
    return _Grouped(job, table, keep_groups(request, grouping, job, stages))


def _fine_clusters(X: np.ndarray, n_fine: int, seed: int, report: Progress) -> np.ndarray:
    from ...models.clusterers import get_clusterer

    cutter = get_clusterer("kmeans")(n_clusters=min(n_fine, len(X)), n_init=1)
    return cutter.set_params(random_state=seed).fit(X, progress=report).labels_


def _captioned(X: np.ndarray, fine: np.ndarray, n: int, ids: list[str]) -> dict[int, list[str]]:
    """Return per fine cluster the ids of the images that are captioned: typical ones and varied ones."""
    from ...models.analysis.exemplars import varied_exemplars

    chosen = {}
    for cluster in np.unique(fine).tolist():
        rows = np.flatnonzero(fine == cluster)
        chosen[cluster] = [ids[row] for row in rows[varied_exemplars(X[rows], n)].tolist()]
    return chosen


def _job(request: CriterionRequest, target: Target, key: str | None, chosen: dict[int, list[str]]) -> CriterionJob:
    wanted = [row_id for ids in chosen.values() for row_id in ids]
    found, items = pictures_of(Rows.of(target.samples, target.patches_field), wanted)
    files = dict(zip(found, items, strict=True))
    rendering = rendering_of(target, request.run.config.vector_fields)
    return CriterionJob(request.run.dataset, request.choice, files, request.arguments, key, rendering)
