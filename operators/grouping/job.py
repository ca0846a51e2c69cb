"""Groups by what the user asks for, kept as a run of their own."""

import time
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from ...models.naming.criterion import place_images, plan
from ...models.parameters import typed
from ...models.vectors.normalize import l2_normalize
from ..dataset.files import files_of
from ..dataset.private import root_dataset
from ..dataset.rows import Rows
from ..dataset.targets import resolve_target
from ..dataset.vectors import read_vectors
from ..execution.locks import write_lock
from ..execution.stages import Stages
from ..naming.request import agreed, refuse_without_consent
from ..naming.server import choose_server, key_for, read_secrets
from ..naming.session import by_reason
from ..naming.store import keep_report
from ..runs.lifecycle import check_cluster_field, check_run_key
from ..runs.store import get_config
from .questions import CriterionJob
from .record import METHOD, keep_groups, name_groups

CRITERION_LETTERS = 200


def group_by_criterion(
    samples,
    run_key: str,
    criterion: str,
    new_run_key: str | None = None,
    n_groups: Annotated[int | None, Field(ge=2, le=100)] = None,
    n_fine: Annotated[int | None, Field(ge=2, le=2000)] = None,
    images: Annotated[int, Field(ge=1, le=20)] = 5,
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
    parallel: Annotated[int, Field(ge=1, le=64)] = 4,
    timeout: Annotated[float, Field(gt=0, le=3600)] = 60.0,
    seed: Annotated[int, Field(ge=0)] = 51,
    progress=None,
) -> dict:
    """Groups images by a criterion such as "action", "place" or "mood", with far fewer questions than images.

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
        images (5): captioned images of each
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
        parallel (4): questions at a time
        timeout (60): seconds that a question may take
        seed (51): everything random follows it
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        plain data: run_key, criterion, n_groups, groups (id, name, description, size), n_images, captions, calls,
        images_sent, tokens, cost, failures, seconds, text; with ``dry_run`` n_images, n_fine, images, calls, n_sent

    Raises:
        ValueError: in one sentence, if an argument is refused, the host was not agreed to, or the model gave no groups
    """
    given = {key: value for key, value in locals().items() if key not in ("samples", "progress")}
    return group_images(samples, given, read_secrets(), progress)


def check_criterion(samples, secrets: dict | None = None, progress=None, **given):
    """Refuses the arguments of :func:`group_by_criterion` that can be refused before any work.

    Returns:
        a tuple of the checked arguments, with ``new_run_key`` filled in, and the server

    Raises:
        ValueError: in one sentence
    """
    given = typed(group_by_criterion, given)
    dataset, run_key = root_dataset(samples), given["run_key"]
    get_config(dataset, run_key)
    given["criterion"] = " ".join(given["criterion"].split())
    if not given["criterion"] or len(given["criterion"]) > CRITERION_LETTERS:
        raise ValueError(
            f"the criterion {given['criterion'][:20]!r} has {len(given['criterion'])} letters; say in 1 to "
            f"{CRITERION_LETTERS} what to group by, such as 'action'"
        )
    given["new_run_key"] = given["new_run_key"] or propose_key(dataset, run_key)
    check_run_key(dataset, given["new_run_key"])
    check_cluster_field(_target(dataset, run_key), given["new_run_key"])
    secrets = read_secrets() if secrets is None else secrets
    choice = choose_server(given["base_url"], given["model"], given["api"], given["price"], secrets)
    if given["max_spend"] and choice.price is None:
        raise ValueError(
            f"max_spend={given['max_spend']:g} cannot be kept, for the price of {choice.model!r} is not known; "
            "give price=[<input>, <output>] in US dollars per million tokens"
        )
    if not given["dry_run"] and not agreed(choice, given):
        steps, n_images = plan_of(dataset, given)
        n_sent = min(steps["n_fine"] * steps["images"], n_images)
        refuse_without_consent(n_sent, given["image_size"], choice, given)
    return given, choice


def plan_of(dataset, given: dict) -> tuple[dict, int]:
    """How many questions a grouping takes, see :func:`models.naming.criterion.plan`, and of how many images."""
    n_images = _target(dataset, given["run_key"]).count()
    return plan(n_images, given["n_fine"], given["images"]), n_images


def propose_key(dataset, run_key: str) -> str:
    """The first free key for a grouping of a run."""
    taken = set(dataset.list_runs()) | set(dataset.get_field_schema())
    names = [f"{run_key}_by_criterion", *(f"{run_key}_by_criterion_{i}" for i in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def group_images(samples, given: dict, secrets: dict, progress=None) -> dict:
    """As :func:`group_by_criterion`, with the secrets that the operator's context holds."""
    given, choice = check_criterion(samples, secrets, **given)
    dataset, new_key = root_dataset(samples), given["new_run_key"]
    target = _target(dataset, given["run_key"])
    steps, n_images = plan_of(dataset, given)
    if given["dry_run"]:
        n_sent = min(steps["n_fine"] * steps["images"], n_images)
        return {"dry_run": True, "n_images": n_images, **steps, "n_sent": n_sent, "host": choice.host}
    key = key_for(choice, secrets)
    started = time.monotonic()
    stages = Stages(["reading", "clustering", "captions", "groups", "sorting", "writing"], progress)
    with write_lock(dataset, f"run key {new_key!r}", f"field {target.storage_path(new_key)!r}"):
        job, table, kept = _group(target, given, choice, key, steps["n_fine"], stages)
    name_groups(dataset, new_key, kept, job)
    text = f"{len(kept)} groups of {len(table.ids):,} images by {given['criterion']}, with {job.calls:,} calls"
    if job.failed:
        text += "; failed: " + ", ".join(f"{reason} ({n:,})" for reason, n in by_reason(job.failed).items())
    summary = {
        "run_key": new_key,
        "criterion": given["criterion"],
        "n_groups": len(kept),
        "groups": kept,
        "n_images": len(table.ids),
        "captions": len(job.captions),
        **job.used(),
        "failures": by_reason(job.failed),
        "seconds": round(time.monotonic() - started, 2),
        "text": text,
    }
    keep_report(dataset, new_key, {**summary, "source": METHOD, "consent": bool(given["consent"])})
    return summary


def _group(target, given, choice, key, n_fine, stages) -> tuple:
    """Does it; returns the job, the vectors' table and the groups as they were kept."""
    stages.enter("reading")
    dataset = target.dataset
    config = get_config(dataset, given["run_key"])
    table = read_vectors(target.samples, _field(config), config.patches_field)
    X = _scaled(table.X, config.normalize)
    fine = _fine_clusters(X, n_fine, given["seed"], stages.enter("clustering"))
    chosen = _captioned(X, fine, given["images"], table.ids)
    job = _job(dataset, target, choice, key, chosen, given)
    job.caption(chosen, stages.enter("captions"))
    groups = job.groups(stages.enter("groups"))
    sorted_into = job.sort([name for name, _ in groups], stages.enter("sorting"))
    row = {row_id: place for place, row_id in enumerate(table.ids)}
    captioned = [row[row_id] for row_id in job.captions]
    of_captions = [sorted_into.get(text, -1) for text in job.captions.values()]
    labels, confidence = place_images(X, fine, captioned, of_captions)
    if (labels < 0).all():
        raise ValueError(f"no caption was sorted into a group by {given['criterion']!r}; try again")
    return job, table, keep_groups(target, table, X, labels, confidence, groups, job, given, config, stages)


def _target(dataset, run_key):
    config = get_config(dataset, run_key)
    return resolve_target(dataset.load_run_view(run_key), config.patches_field)


def _field(config) -> str:
    return config.embeddings if isinstance(config.embeddings, str) else config.embeddings[0]


def _scaled(X, normalize):
    return l2_normalize(X) if normalize else X


def _fine_clusters(X, n_fine, seed, report) -> np.ndarray:
    from ...models.clusterers import get_clusterer

    cutter = get_clusterer("kmeans")(n_clusters=min(n_fine, len(X)), n_init=1)
    return cutter.set_params(random_state=seed).fit(X, progress=report).labels_


def _captioned(X, fine, n, ids) -> dict[int, list[str]]:
    """Per fine cluster, the ids of the images that are captioned: typical ones and varied ones."""
    from ...models.analysis.exemplars import varied_exemplars

    chosen = {}
    for cluster in np.unique(fine).tolist():
        rows = np.flatnonzero(fine == cluster)
        chosen[cluster] = [ids[row] for row in rows[varied_exemplars(X[rows], n)].tolist()]
    return chosen


def _job(dataset, target, choice, key, chosen, given) -> CriterionJob:
    wanted = [row_id for ids in chosen.values() for row_id in ids]
    found, items = files_of(Rows.of(target.samples, target.patches_field), wanted)
    return CriterionJob(dataset, choice, dict(zip(found, items, strict=True)), given["criterion"], key, given)
