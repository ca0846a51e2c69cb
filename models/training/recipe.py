"""What every way of training shares: its parameters, its network, its inputs, and the loss of a batch.

A recipe is one file in this folder with one subclass of :class:`Recipe`. Its constructor carries its own form, see
``models/parameters.py``; constructing it loads nothing. A recipe may train in stages, and look at all images before and
after an epoch; what it finds out there belongs into the training's ``state`` or ``memory``, which checkpoints keep.
"""

from typing import Annotated, Literal

from pydantic import Field

from ..images.preprocessing import Preprocessing
from .pixels import propose_side

Backbone = Annotated[
    Literal["small", "resnet18", "resnet34", "resnet50", "efficientnet_lite0", "timm"],
    Field(description="small suits a CPU; ResNets and timm models need a GPU"),
]
TimmModel = Annotated[str | None, Field(description="timm's name of the model if the backbone is timm")]
Pretrained = Annotated[bool, Field(description="Start from published weights instead of random ones")]
Flip = Annotated[
    Literal["none", "horizontal", "both"],
    Field(description="Which mirror images count as the same; none for digits and text, both seen from above"),
]
Crop = Annotated[float, Field(gt=0, le=1, description="Smallest share of the area that a crop keeps; 1 is no cropping")]
Color = Annotated[float, Field(ge=0, le=2, description="Strength of colour jitter; 0 where colour is the signal")]
Grey = Annotated[float, Field(ge=0, le=1, description="Share of views without colour")]
Rotation = Annotated[float, Field(ge=0, le=180, description="Largest angle in degrees; 180 where up means nothing")]
Temperature = Annotated[
    float, Field(ge=0.01, le=1, description="Lower values push the most similar images apart; 0.1 to 0.5")
]
ImageSize = Annotated[
    int | None,
    Field(ge=8, le=1024, description="Side in pixels to which images are scaled; left out, proposed from the images"),
]
BatchSize = Annotated[int, Field(ge=2, le=65536, description="Images per step")]
MicroBatch = Annotated[
    int | None,
    Field(
        ge=1,
        description="Images per pass through the network where a whole batch does not fit into memory; the loss still "
        "sees the whole batch, batch normalisation only the part",
    ),
]
Optimizer = Annotated[
    Literal["adamw", "sgd", "lars"],
    Field(description="adamw is safe, sgd with momentum is the papers' choice, lars is for batches above 1,000"),
]
LearningRate = Annotated[
    float | None,
    Field(gt=0, description="Peak rate; left out, the optimiser's usual one for this batch size"),
]
WeightDecay = Annotated[float, Field(ge=0, le=1, description="Pulls weights towards zero")]
Warmup = Annotated[int, Field(ge=0, description="Epochs in which the rate rises to its peak")]
Resize = Annotated[
    Literal["shortest", "squash", "longest"],
    Field(
        description="shortest cuts a centred square out of longer images, squash ignores the aspect ratio, longest "
        "adds borders"
    ),
]
Precision = Annotated[
    Literal["auto", "float32", "bfloat16", "float16"],
    Field(description="auto computes in 16 bits where the hardware does; float32 is the reference"),
]


class Recipe:
    """Base of all ways of training.

    Attributes:
        kind: the value in the drop-down, equal to the file's name
        title: the method's usual name
        when: one line that says when to choose it
        loss_name: what the loss is, for the curve
        raw_codes: whether the lengths of its vectors mean something
        usual_rates: learning rates for a batch of 256 by optimiser, where they are not ``optimizers.DEFAULT_RATES``
        network: set by the trainer, has an ``encoder``
    """

    kind = ""
    title = ""
    when = ""
    loss_name = "loss"
    raw_codes = False
    usual_rates = {}

    def check(self, n: int, processes: int = 1):
        """Refuses parameters that cannot work on ``n`` images in several processes.

        Raises:
            ValueError: in one sentence with the remedy
        """
        if self.batch_size > n:
            raise ValueError(f"batch_size={self.batch_size} exceeds the {n} readable images; choose at most {n}")
        if self.batch_size % processes:
            raise ValueError(
                f"batch_size={self.batch_size} does not divide among {processes} processes; choose a multiple of it"
            )

    def propose_side(self, items: list[tuple]) -> int:
        """The side in pixels that suits these ``(filepath, relative box or None)`` pairs."""
        return propose_side(items)

    def check_side(self, side: int):
        """Refuses an image size that the network cannot take, before any image is read.

        Raises:
            ValueError: in one sentence with the remedy
        """

    def seconds_per_image(self, side: int) -> float:
        """Of an epoch, on one CPU core, to the order of magnitude."""
        raise NotImplementedError

    def preprocessing(self, side: int, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)) -> Preprocessing:
        """How an image becomes the network's input."""
        return Preprocessing((side, side), tuple(mean), tuple(std), "bicubic", self.resize)

    def constants(self, pixels) -> tuple[tuple, tuple]:
        """Per-channel mean and standard deviation that the network's input is normalised with."""
        return pixels.mean, pixels.std

    def architecture(self, pixels) -> dict:
        """What :meth:`build` needs, as plain data."""
        raise NotImplementedError

    def build(self, architecture: dict, pretrained: bool = False):
        """The network: a ``torch.nn.Module`` with a sub-module ``encoder``, float32, on the CPU."""
        raise NotImplementedError

    def stages(self, epochs: int) -> list[str]:
        """The name of what each epoch trains, one per epoch."""
        return [self.kind] * epochs

    def enter(self, network, stage: str):
        """Tells the network which stage comes."""

    def augmentation(self):
        """The variation under which neighbours should stay the same."""
        raise NotImplementedError

    def inputs(self, images, generator, batch: int, rows: slice) -> tuple:
        """Random network inputs for a batch, and what the loss compares the outputs with.

        Args:
            images: uint8 ``(b, 3, side, side)`` on the training device, this process's part of the batch
            generator: of the epoch, the same in every process
            batch: how many images the whole batch has; random numbers are drawn for all of them
            rows: this process's part of it

        Returns:
            a tuple of inputs and targets (or None)
        """
        raise NotImplementedError

    def draw(self, training, positions, generator) -> tuple:
        """Inputs and targets of a batch.

        Args:
            training: the :class:`models.training.trainer.Training`
            positions: ``(b,)`` which images the whole batch has
            generator: as for :meth:`inputs`

        Returns:
            a tuple as of :meth:`inputs`
        """
        rows = training.engine.rows(len(positions))
        return self.inputs(training.images(positions[rows]), generator, len(positions), rows)

    def objective(self, outputs, targets, engine):
        """The loss of the whole batch, of all processes, differentiable in this process's outputs.

        A scalar, or a dict of scalars by name whose sum it is; the curve then shows each.
        """
        raise NotImplementedError

    def prepare(self, training):
        """Called before every epoch, after :meth:`enter`; what it does must follow from the checkpoint alone."""

    def review(self, training):
        """Called after every epoch, before it is kept; may set ``training.epoch`` back to repeat a stage."""

    def signs(self, training) -> dict:
        """What the curve says of an epoch besides the usual, plain JSON."""
        return {}

    def verdict(self, loss: float, trivial: float, spread: float) -> str | None:
        """Why the last stage has learned nothing, in a sentence, or None if it has."""
        from .signs import verdict

        return verdict(loss, trivial, spread, self.kind == "simclr")

    def trivial(self, pixels, engine) -> float:
        """The loss of a network that ignores its input."""
        raise NotImplementedError

    def peak_rate(self, stage: str) -> float:
        """The learning rate of a stage at the end of its warm-up."""
        from .optimizers import DEFAULT_RATES

        return self.learning_rate or {**DEFAULT_RATES, **self.usual_rates}[self.optimizer] * self.batch_size / 256
