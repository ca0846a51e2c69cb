"""Training of an encoder on a view. Called by the operator, Python and delegated workers."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import fiftyone as fo
from pydantic import Field

from ...models.parameters import SEED, typed
from ...models.progress import Progress
from ..dataset.files import picture_field, pictures_of
from ..dataset.ground_truth import read_truth, truth_path
from ..dataset.rows import Rows
from ..dataset.targets import Target, resolve_target
from ..execution.locks import write_lock
from ..execution.stages import Stages
from ..execution.stopping import Stopped
from .plan import KIND, plan_training

if TYPE_CHECKING:
    from ...models.training.pixels import Pixels
    from ...models.training.recipe import Recipe

_PROBED = 64  # images whose size is read to propose one


def train_encoder(
    samples: fo.core.collections.SampleCollection,
    name: str | None = None,
    kind: str | None = None,
    epochs: int | None = None,
    params: dict | None = None,
    resume: bool = False,
    patches_field: str | None = None,
    ground_truth: str | None = None,
    seed: int = SEED,
    num_workers: Annotated[int | None, Field(ge=0)] = None,
    progress: Progress | None = None,
) -> dict:
    """Train an encoder on images, or patches of a label field; it becomes ``trained:<name>``.

    Every epoch is kept, so a stopped or killed training continues with ``resume=True``, to the same curve as one that
    was not interrupted.

    Args:
        samples: a dataset or view
        name (None): the encoder's name, by default ``<kind>_1``, ``<kind>_2``...
        kind (None): ``simclr`` (the default), ``autoencoder`` or ``conv_autoencoder``
        epochs (None): passes over the images, by default 100
        params (None): parameters of the kind by name; missing ones have the defaults of its signature
        resume (False): continue the encoder of that name; kind, params and seed are then those of its checkpoint, and
            ``epochs`` may be larger than before
        patches_field (None): train on the patches of this label field
        ground_truth (None): a field of classes; their k-NN accuracy is reported and never used
        seed (51): everything random follows it
        num_workers (None): threads that read images, by default one per core
        progress (None): a callable ``(fraction, message)``, which may raise to stop

    Returns:
        a summary, plain data: name, encoder, kind, epochs, loss (per epoch), trivial_loss, curve, agreement,
        images_per_second, images, skipped, note, seconds, path...

    Raises:
        ValueError: if an argument or the images are refused
        Stopped: if the user stopped it
    """
    from ...models.training import store

    target = picture_target(samples, patches_field)
    several, first = _processes()
    if name is None and several:
        raise ValueError(f"{several} processes need one name; pass name=")
    name = propose_name(kind or KIND) if name is None else name
    path = store.path_of(name)
    typed(train_encoder, {"num_workers": num_workers})
    plan = plan_training(name, kind, epochs, params, resume, seed)
    if ground_truth:
        truth_path(target, ground_truth)
    from ...models.training.trainer import Training  # heavy, so after all checks

    with _writing(target.dataset, name) if first else nullcontext():
        if not resume and first:
            store.check_free(name)
        stages = Stages(["reading", "training"], progress)
        try:
            pixels = read_pixels(target, plan.recipe, plan.side, path, num_workers, stages.enter("reading"))
            truth = read_truth(target, ground_truth, pixels.ids) if ground_truth else None
            about = {"name": name, "dataset": target.dataset.name, "unit": target.unit}
            training = Training(plan.recipe, pixels, path, plan.epochs, plan.seed, about, truth)
            record = training.run(resume, stages.enter("training"))
        except Stopped as stop:
            raise Stopped(f"{stop}{_kept(name)}") from None
        stages.leave()
    return summarize(record, path, stages.seconds)


def check_training(
    samples: fo.core.collections.SampleCollection,
    name: str | None,
    kind: str | None,
    epochs: int | None,
    params: dict | None,
    resume: bool,
    patches_field: str | None,
    ground_truth: str | None,
    seed: int,
    num_workers: int | None,
    progress: Progress | None = None,
) -> None:
    """Refuse arguments of :func:`train_encoder` before they are queued for a worker.

    Raises:
        ValueError: if an argument is refused
    """
    from ...models.training import store

    target = picture_target(samples, patches_field)
    name = propose_name(kind or KIND) if name is None else name
    if not resume:
        store.check_free(name)
    typed(train_encoder, {"num_workers": num_workers})
    plan_training(name, kind, epochs, params, resume, seed)
    if ground_truth:
        truth_path(target, ground_truth)


def picture_target(samples: fo.core.collections.SampleCollection, patches_field: str | None) -> Target:
    """Resolve what is trained on.

    Raises:
        ValueError: if it has no pictures
    """
    target = resolve_target(samples, patches_field)
    picture_field(target.source, target.patches_field)
    return target


def propose_name(kind: str) -> str:
    """Return the first free name of the form ``<kind>_<number>``."""
    from ...models.training import store

    taken = set(store.names(unfinished=True))
    number = 1
    while f"{kind}_{number}" in taken:
        number += 1
    return f"{kind}_{number}"


def summarize(record: dict, path: Path, seconds: dict) -> dict:
    """Return a checkpoint's record as the summary of :func:`train_encoder`."""
    from ...models.training.store import PICTURE

    picture, last = path.parent / PICTURE, record["curve"][-1] if record["curve"] else {}
    return {
        "name": record["name"],
        "encoder": f"trained:{record['name']}",
        "kind": record["kind"],
        "params": record["params"],
        "epochs": record["epoch"],
        "planned": record["planned"],
        "loss_name": record["loss_name"],
        "loss": [entry["loss"] for entry in record["curve"]],
        "trivial_loss": record["trivial_loss"],
        "agreement": last.get("agreement"),
        "knn_accuracy": last.get("knn_accuracy"),
        "images_per_second": last.get("images_per_second"),
        "curve": record["curve"],
        "note": record["note"],
        "images": record["data"]["n"],
        "skipped": record["data"]["skipped"],
        "image_size": record["architecture"]["image_size"],
        "dimension": record["dimension"],
        "weights": record["weights"],
        "seed": record["seed"],
        "seconds": seconds,
        "path": str(path),
        "picture": str(picture) if picture.is_file() else None,
    }


def _processes() -> tuple[int, bool]:
    """Return the number of processes that a launcher started, 0 for none, and whether this is the one that writes."""
    number = int(os.environ.get("WORLD_SIZE", "1"))
    return number if number > 1 else 0, os.environ.get("RANK", "0") == "0"


@contextmanager
def _writing(dataset: fo.Dataset, name: str) -> Iterator[None]:
    """Hold the right to write an encoder: on this dataset in any process, and on this machine for any dataset."""
    from ...models.training import store

    with write_lock(dataset, f"encoder {name!r}"), store.claimed(name):
        yield


def proposed_side(target: Target, recipe: "Recipe") -> int:
    """Return the side in pixels at which a recipe would train, judged by the first images or patches; for forms.

    Args:
        target: the images or patches
        recipe: the recipe
    """
    if recipe.image_size:
        return recipe.image_size
    rows = Rows.of(target.samples.limit(_PROBED), target.patches_field)
    return recipe.propose_side(pictures_of(rows, rows.ids[:_PROBED])[1])


def read_pixels(
    target: Target, recipe: "Recipe", side: int | None, path: Path, num_workers: int | None, report: Progress
) -> "Pixels":
    """Decode the images in the order of their ids, so that the order of a view makes no difference.

    Args:
        target: the images or patches
        recipe: the recipe
        side: in pixels, None to propose one
        path: of the checkpoint; what does not fit into memory goes beside it
        num_workers: threads that read images, None for one per core
        report: a callable ``(fraction, message)``

    Returns:
        :class:`models.training.pixels.Pixels`
    """
    from ...models.training.pixels import decode

    rows = Rows.of(target.samples, target.patches_field)
    ids, items = zip(*sorted(zip(*pictures_of(rows, rows.ids), strict=True), key=lambda pair: pair[0]), strict=True)
    if recipe.batch_size > len(ids):
        recipe.check(len(ids))
    side = side or recipe.propose_side(list(items))
    recipe.check_side(side)
    return decode(items, ids, recipe.preprocessing(side), path.parent.parent, num_workers, report)


def _kept(name: str) -> str:
    from ...models.training import store

    try:
        record = store.record_of(name)
    except ValueError:
        return ", before its first epoch; nothing was kept"
    done = re.sub(r"^0 of", "none of", f"{record['epoch']} of {record['planned']}")
    return f", {done} epochs are kept; resume=True continues"
