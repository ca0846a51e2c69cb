"""Plan of a training: recipe, epochs and seed of a new encoder, or of one to continue."""

from typing import TYPE_CHECKING, NamedTuple

from ...models.parameters import validated

if TYPE_CHECKING:
    from ...models.training.recipe import Recipe

KIND = "simclr"
EPOCHS = 100
MOST_EPOCHS = 100_000
MAX_SEED = 2**32 - 1


class TrainingPlan(NamedTuple):
    """The checked settings of a training.

    Args:
        recipe: the kind with its parameters
        epochs: passes over the images, those before included
        seed: seed of everything random
        side: of the images in pixels, None to propose one
    """

    recipe: "Recipe"
    epochs: int
    seed: int
    side: int | None


def plan_training(
    name: str, kind: str | None, epochs: int | None, params: dict | None, resume: bool, seed: int
) -> TrainingPlan:
    """Check the settings of a training, of one to continue against its checkpoint.

    Args:
        name: the encoder's name
        kind: see :func:`operators.embedding.training.train_encoder`, as the other arguments
        epochs: likewise
        params: likewise
        resume: likewise
        seed: likewise

    Raises:
        ValueError: if a setting is refused, or there is no such encoder to continue
    """
    from ...models.training import recipe_class

    if epochs is not None and (not isinstance(epochs, int) or isinstance(epochs, bool) or not epochs >= 1):
        raise ValueError(f"epochs={epochs!r} is not valid; use an integer from 1 to {MOST_EPOCHS}")
    if epochs is not None and epochs > MOST_EPOCHS:
        raise ValueError(f"epochs={epochs} exceeds {MOST_EPOCHS}; use fewer")
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= MAX_SEED:
        raise ValueError(f"seed {seed!r} is not valid; use an integer from 0 to {MAX_SEED}")
    if resume:
        return _plan_of_checkpoint(name, kind, epochs, params)
    cls = recipe_class(kind or KIND)
    recipe = cls(**validated(cls, params))
    return TrainingPlan(recipe, epochs or EPOCHS, seed, recipe.image_size)


def _plan_of_checkpoint(name: str, kind: str | None, epochs: int | None, params: dict | None) -> TrainingPlan:
    from ...models.training import list_clusterings, recipe_class, store

    record = store.record_of(name)
    if record["kind"] in list_clusterings():
        raise ValueError(
            f"{name!r} clusters while it trains ({record['kind']}); repeat the call of compute_clusters with "
            f"train='images' and name={name!r} to continue it"
        )
    if kind not in (None, record["kind"]):
        raise ValueError(
            f"kind={kind!r}, but {name!r} is of kind {record['kind']!r}; leave it out, or choose a new name"
        )
    cls = recipe_class(record["kind"])
    wanted = validated(cls, record["params"])  # with defaults of what the version that started it did not have
    for key, value in (params or {}).items():
        validated(cls, {key: value})
        if wanted[key] != value:
            raise ValueError(
                f"{key}={value!r}, but {name!r} was started with {wanted[key]!r}; leave params out to resume, or train "
                "under a new name"
            )
    if epochs is not None and epochs < record["epochs"]:
        raise ValueError(
            f"epochs={epochs}, but {name!r} was started for {record['epochs']}; leave epochs out to resume"
        )
    recipe = cls(**wanted)
    return TrainingPlan(recipe, epochs or record["epochs"], record["seed"], record["architecture"]["image_size"])
