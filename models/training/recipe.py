"""Common base of all ways of training: their parameters, its network, its inputs, and the loss of a batch.

A recipe is one file in this folder, or in ``clustering``, with one subclass of :class:`Recipe`, whose ``kind`` is the
name of the file. Its constructor carries its own form, see ``models/parameters.py``; constructing it loads nothing. A
recipe may train in stages, and look at all images before and after an epoch; what it finds out there belongs into the
training's ``state`` or ``memory``, which checkpoints keep.
"""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..devices import Device
from ..images.preprocessing import Preprocessing
from ..parameters import parameters
from .pixels import Pixels, propose_side
from .state import TrainingState

if TYPE_CHECKING:
    import numpy as np
    import torch

    from .augmentation import Augmentation
    from .engine import Engine

Triple = tuple[float, float, float]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16", "float16"],
    Field(description="auto computes in 16 bits where the hardware does; float32 is the reference"),
]
# Every recipe whose file was imported, by kind
KINDS: dict[str, type["Recipe"]] = {}


class Recipe:
    """Base of all ways of training.

    Args:
        batch_size: images per step
        image_size: side in pixels, proposed from the images if left out
        optimizer: ``adamw``, ``sgd`` or ``lars``
        learning_rate: peak rate, by default the optimizer's usual one
        weight_decay: of filters and matrices
        warmup_epochs: epochs until the peak rate
        micro_batch: images per pass through the network
        resize: how images become square
        precision: number format
        device: where to compute

    Attributes:
        kind: the value in the drop-down, equal to the file's name
        title: the method's usual name
        when: one line that says when to choose it
        order: position in the drop-down
        clusters: whether it finds clusters, and is a method of ``compute_clusters``
        loss_name: what the loss is, for the curve
        raw_codes: whether the lengths of its vectors mean something
        pretrained: whether published weights are where it starts
        usual_rates: learning rates for a batch of 256 by optimizer, where they are not ``optimizers.DEFAULT_RATES``
    """

    kind = ""
    title = ""
    when = ""
    order = 100
    clusters = False
    loss_name = "loss"
    raw_codes = False
    pretrained = False
    usual_rates: ClassVar[dict[str, float]] = {}

    def __init_subclass__(cls, **options: Any):
        """Make a subclass with a ``kind`` of its own known by it.

        Raises:
            ValueError: if another class has that kind
        """
        super().__init_subclass__(**options)
        if kind := vars(cls).get("kind"):
            known = KINDS.setdefault(kind, cls)
            if (known.__module__, known.__qualname__) != (cls.__module__, cls.__qualname__):
                raise ValueError(f"kind {kind!r} of {cls.__module__} is taken by {known.__module__}; choose another")
            KINDS[kind] = cls

    def __init__(
        self,
        *,
        batch_size: Annotated[int, Field(ge=2, le=65536, description="Images per step")] = 256,
        image_size: Annotated[
            int | None,
            Field(
                ge=8,
                le=1024,
                description="Side in pixels to which images are scaled; left out, proposed from the images",
            ),
        ] = None,
        optimizer: Annotated[
            Literal["adamw", "sgd", "lars"],
            Field(
                description="adamw is safe, sgd with momentum is the papers' choice, lars is for batches above 1,000"
            ),
        ] = "adamw",
        learning_rate: Annotated[
            float | None, Field(gt=0, description="Peak rate; left out, the optimizer's usual one for this batch size")
        ] = None,
        weight_decay: Annotated[float, Field(ge=0, le=1, description="Pulls weights towards zero")] = 1e-4,
        warmup_epochs: Annotated[int, Field(ge=0, description="Epochs in which the rate rises to its peak")] = 1,
        micro_batch: Annotated[
            int | None,
            Field(
                ge=1,
                description="Images per pass through the network where a whole batch does not fit into memory; the "
                "loss still sees the whole batch, batch normalization only the part",
            ),
        ] = None,
        resize: Annotated[
            Literal["shortest", "squash", "longest"],
            Field(
                description="shortest cuts a centered square out of longer images, squash ignores the aspect ratio, "
                "longest adds borders"
            ),
        ] = "shortest",
        precision: Precision = "auto",
        device: Device = "auto",
    ):
        self.batch_size = batch_size
        self.image_size = image_size
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_epochs = warmup_epochs
        self.micro_batch = micro_batch
        self.resize = resize
        self.precision = precision
        self.device = device

    def matching(self, cls: "type[Recipe]") -> "Recipe":
        """A recipe of another class that has this one's values for the parameters of both."""
        own = parameters(type(self))
        return cls(**{name: getattr(self, name) for name in parameters(cls) if name in own})

    def check(self, n: int, processes: int = 1) -> None:
        """Refuse parameters that cannot work on ``n`` images in several processes.

        Raises:
            ValueError: if one is refused
        """
        if self.batch_size > n:
            raise ValueError(f"batch_size={self.batch_size} exceeds the {n} readable images; choose at most {n}")
        if self.batch_size % processes:
            raise ValueError(
                f"batch_size={self.batch_size} does not divide among {processes} processes; choose a multiple of it"
            )

    def check_pixels(self, pixels: Pixels, processes: int = 1) -> None:
        """Refuse as :meth:`check`, and say why images are missing where there would have been enough.

        Raises:
            ValueError: if a parameter is refused
        """
        try:
            self.check(len(pixels), processes)
        except ValueError as error:
            if not pixels.skipped:
                raise
            try:
                self.check(len(pixels) + sum(pixels.skipped.values()), processes)
            except ValueError:
                raise error from None
            raise ValueError(f"{error}; the others cannot be read ({pixels.reasons})") from None

    def propose_side(self, items: list[tuple]) -> int:
        """The side in pixels that suits these ``(filepath, relative box or None)`` pairs."""
        return propose_side(items)

    def check_side(self, side: int) -> None:
        """Refuse an image size that the network cannot take, before any image is read.

        Raises:
            ValueError: if one is refused
        """

    def seconds_per_image(self, side: int) -> float:
        """Of an epoch, on one CPU core, to the order of magnitude."""
        raise NotImplementedError(f"{type(self).__name__} lacks seconds_per_image; implement seconds_per_image(side)")

    def preprocessing(self, side: int, mean: Triple = (0.0, 0.0, 0.0), std: Triple = (1.0, 1.0, 1.0)) -> Preprocessing:
        """The preprocessing that makes an image the network's input."""
        return Preprocessing((side, side), mean, std, "bicubic", self.resize)

    def constants(self, pixels: Pixels) -> tuple[Triple, Triple]:
        """Per-channel mean and standard deviation that the network's input is normalized with."""
        return pixels.mean, pixels.std

    def architecture(self, pixels: Pixels) -> dict:
        """The arguments of :meth:`build` as plain data."""
        raise NotImplementedError(f"{type(self).__name__} lacks architecture; implement architecture(pixels)")

    def build(self, architecture: dict, pretrained: bool = False) -> Any:
        """The network: a ``torch.nn.Module`` with a sub-module ``encoder``, float32, on the CPU."""
        raise NotImplementedError(f"{type(self).__name__} lacks build; implement build(architecture, pretrained)")

    def stages(self, epochs: int) -> list[str]:
        """The name of what each epoch trains, one per epoch."""
        return [self.kind] * epochs

    def enter(self, network: Any, stage: str) -> None:
        """Tell the network which stage comes."""

    def augmentation(self) -> "Augmentation":
        """The variation under which neighbors should stay the same."""
        raise NotImplementedError(f"{type(self).__name__} lacks augmentation; implement augmentation()")

    def inputs(self, images: "torch.Tensor", generator: "torch.Generator", batch: int, rows: slice) -> tuple:
        """Random network inputs for a batch, and what the loss compares the outputs with.

        Args:
            images: uint8 ``(b, 3, side, side)`` on the training device, this process's part of the batch
            generator: of the epoch, the same in every process
            batch: how many images the whole batch has; random numbers are drawn for all of them
            rows: this process's part of it

        Returns:
            a tuple of inputs and targets (or None)
        """
        raise NotImplementedError(
            f"{type(self).__name__} lacks inputs; implement inputs(images, generator, batch, rows)"
        )

    def draw(self, training: TrainingState, positions: "np.ndarray", generator: "torch.Generator") -> tuple:
        """Inputs and targets of a batch.

        Args:
            training: what it is a part of
            positions: ``(b,)`` which images the whole batch has
            generator: as for :meth:`inputs`

        Returns:
            a tuple as of :meth:`inputs`
        """
        rows = training.engine.rows(len(positions))
        return self.inputs(training.images(positions[rows]), generator, len(positions), rows)

    def objective(self, outputs: "torch.Tensor", targets: Any, engine: "Engine") -> Any:
        """The loss of the whole batch, of all processes, differentiable in this process's outputs.

        A scalar, or a dict of scalars by name whose sum it is; the curve then shows each.
        """
        raise NotImplementedError(
            f"{type(self).__name__} lacks objective; implement objective(outputs, targets, engine)"
        )

    def prepare(self, training: TrainingState) -> None:
        """Called before every epoch, after :meth:`enter`; what it does must follow from the checkpoint alone."""

    def after_step(self, training: TrainingState, step: int) -> None:
        """Called after step number ``step`` of an epoch, from 0."""

    def review(self, training: TrainingState) -> None:
        """Called after every epoch, before it is kept; may set ``training.epoch`` back to repeat a stage."""

    def diagnostics(self, training: TrainingState) -> dict:
        """Return further entries of an epoch's curve, plain JSON."""
        return {}

    def verdict(self, loss: float, trivial: float, spread: float) -> str | None:
        """Return a sentence that says why the last stage has learned nothing, or None if it has."""
        from .diagnostics import verdict

        return verdict(loss, trivial, spread, contrastive=False)

    def trivial(self, pixels: Pixels, engine: "Engine") -> float:
        """The loss of a network that ignores its input."""
        raise NotImplementedError(f"{type(self).__name__} lacks trivial; implement trivial(pixels, engine)")

    def peak_rate(self, stage: str) -> float:
        """The learning rate of a stage at the end of its warm-up."""
        from .optimizers import DEFAULT_RATES

        return self.learning_rate or {**DEFAULT_RATES, **self.usual_rates}[self.optimizer] * self.batch_size / 256
