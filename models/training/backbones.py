"""Networks that turn images into features, built from plain data so that a checkpoint can rebuild its own.

``small`` is made for two CPU cores: four 3 x 3 convolutions (32-64-128-256 channels, 0.39 million weights) with maxima
between them, the Conv-4 network of Vinyals et al., NIPS 2016, with more channels. The ResNets get the stem for small
images below 64 pixels, a 3 x 3 convolution with stride 1 and no pooling, as in appendix B.9 of SimCLR: the usual stem
would leave a 32-pixel image 1 x 1 features. Of pretrained weights everything but that stem is kept then.
"""

from typing import Any, cast

import torch
from torch import nn

from ..weights import from_hub, load_lite0

SMALL_IMAGE = 64
_SMALL_CHANNELS = (32, 64, 128, 256)
_LITE0_CONSTANTS = (0.5, 0.5, 0.5)


def small() -> nn.Module:
    """Four convolutions with batch normalization; halves the image three times, then averages: 256 features.

    Maxima halve it, for on a CPU the gradients of convolutions with stride 2 take three times as long as of others.
    They stand before the ReLU, which then has a quarter of the work: the order makes no difference to the values.
    """
    layers, previous = [], 3
    for channels in _SMALL_CHANNELS:
        layers += [nn.Conv2d(previous, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels)]
        layers += [nn.MaxPool2d(2)] if channels < _SMALL_CHANNELS[-1] else []
        layers += [nn.ReLU(inplace=True)]
        previous = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


def build_backbone(architecture: dict, pretrained: bool = False) -> nn.Module:
    """A network whose ``forward`` maps float images ``(b, 3, side, side)`` to features ``(b, d)``.

    Args:
        architecture: ``backbone`` (see :class:`models.training.simclr.SimCLR`), ``timm_model`` and ``image_size``
        pretrained (False): start from published weights instead of random ones

    Returns:
        the network, in float32 on the CPU

    Raises:
        ValueError: if there is no such model, its weights are not to be had, or the images are
            smaller than its stride
    """
    backbone, side = architecture["backbone"], architecture["image_size"]
    if backbone == "small":
        if pretrained:
            raise ValueError("backbone='small' has no pretrained weights; set pretrained=False or choose resnet18")
        network = small()
    elif backbone == "efficientnet_lite0":
        network = _lite0(pretrained)
    else:
        name = architecture["timm_model"] if backbone == "timm" else backbone
        network = _timm(name, side, pretrained)
        if backbone.startswith("resnet") and side < SMALL_IMAGE:
            network.conv1 = nn.Conv2d(3, cast(nn.Conv2d, network.conv1).out_channels, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(network.conv1.weight, mode="fan_out")
            network.maxpool = nn.Identity()
    _check_side(network, architecture)
    return network


def pretrained_constants(architecture: dict) -> tuple[tuple, tuple] | None:
    """Per-channel mean and standard deviation that published weights expect; None if they are not known.

    Args:
        architecture: as of :func:`build_backbone`
    """
    if architecture["backbone"] == "efficientnet_lite0":
        return _LITE0_CONSTANTS, _LITE0_CONSTANTS
    import timm

    name = architecture["timm_model"] if architecture["backbone"] == "timm" else architecture["backbone"]
    if not name or not timm.is_model(name):
        return None
    known = timm.get_pretrained_cfg(name)
    if known is None:
        return None
    return tuple(known.mean), tuple(known.std)


def stride(backbone: str, side: int) -> int:
    """By how much a backbone shrinks an image of ``side`` pixels, its smallest useful input; timm models vary."""
    if backbone == "small" or (backbone.startswith("resnet") and side < SMALL_IMAGE):
        return 8
    return 32


def _check_side(network: nn.Module, architecture: dict) -> None:
    side = architecture["image_size"]
    least = stride(architecture["backbone"], side)
    if architecture["backbone"] == "timm":
        reductions = [info["reduction"] for info in getattr(network, "feature_info", None) or []]
        least = max(reductions, default=1)
    if side < least:
        raise ValueError(
            f"image_size={side} is below the stride {least} of {architecture['backbone']}, which would leave no "
            f"pixel; use at least {least}, or backbone='small' from 8"
        )


def _timm(name: str | None, side: int, pretrained: bool) -> nn.Module:
    import timm

    if not name or not timm.is_model(name):
        close = timm.list_models(f"*{name}*")[:3] if name else []
        hint = f"did you mean {' or '.join(close)}?" if close else "see timm.list_models()"
        raise ValueError(f"timm_model={name!r} is not a model of timm; {hint}")

    def create() -> nn.Module:
        options: dict[str, Any] = {"pretrained": pretrained, "num_classes": 0}
        try:
            return timm.create_model(name, img_size=side, **options)
        except TypeError:  # convolutional networks take any size and no such option
            return timm.create_model(name, **options)

    return from_hub(create, f"timm's {name}") if pretrained else create()


def _lite0(pretrained: bool) -> nn.Module:
    import timm

    network: Any = load_lite0() if pretrained else timm.create_model("tf_efficientnet_lite0", pretrained=False)
    network.reset_classifier(0)
    return network.train()


def count_weights(network: nn.Module) -> int:
    """Count the trainable numbers of a network."""
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)


def features_of(network: nn.Module, side: int) -> int:
    """The length of a feature vector, from one blank image."""
    training = network.training
    with torch.inference_mode():
        length = network.eval()(torch.zeros(1, 3, side, side)).shape[1]
    network.train(training)
    return int(length)
