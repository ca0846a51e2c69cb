"""What differs from a method's paper stands in its file, with the paper's figure beside ours."""

from importlib import import_module
from inspect import signature

import pytest

MODELS = "fiftyone.plugins.orgs.constellation.clusters.models"
# file, class, parameter, and the paper's figures
STATED = [
    ("clusterers.deep.turtle", "TURTLE", "steps", ["6,000", "10,000"]),
    ("clusterers.deep.spice", "SPICE", "n_neighbors", ["100"]),
    ("training.clustering.spice", "ImageSPICE", "n_neighbors", ["100", "5,000"]),
    ("training.simclr", "SimCLR", "temperature", ["0.5"]),
]


def default_of(cls, parameter):
    """Of the first class that declares it."""
    for known in cls.__mro__:
        found = signature(known.__init__).parameters.get(parameter)
        if found is not None:
            return found.default
    raise AssertionError(parameter)


@pytest.mark.parametrize(("file", "name", "parameter", "theirs"), STATED)
def test_ours_and_the_paper_s_figure_are_stated(file, name, parameter, theirs):
    module = import_module(f"{MODELS}.{file}")
    text = " ".join(module.__doc__.split()).partition("differs")[2]
    assert text, "what differs is not said"
    for figure in [f"{default_of(getattr(module, name), parameter):,}", *theirs]:
        assert f" {figure}" in text, figure


def test_one_section_has_one_number():
    """Reliable labels and the training on them are section 3.3 of SPICE's paper."""
    for file in ("clusterers.deep.spice", "training.clustering.spice"):
        text = import_module(f"{MODELS}.{file}").__doc__
        assert "3.3" in text and "3.4" not in text


def test_reliable_is_what_is_surer_than_the_median_of_all():
    """Not of those whose neighbors agree, which are surer than others anyway."""
    import torch

    spice = import_module(f"{MODELS}.clusterers.deep.spice")
    sure = torch.tensor([0.95, 0.9, 0.85, 0.8, 0.7, 0.6, 0.55, 0.54])
    P = torch.stack([sure, 1 - sure], 1)
    P = torch.cat([P, P.flip(1)])
    rows = torch.arange(16)
    neighbors = rows[:, None].clone()
    neighbors[5:8] = 8  # the less sure ones of the first cluster have a neighbor in the second
    found = spice.reliable(P, neighbors, 0.9)
    assert sorted(found.tolist()) == [0, 1, 2, 3, 4, 8, 9, 10, 11, 12]
    assert "median of all" in spice.reliable.__doc__


@pytest.mark.parametrize("channels", ["8-8-16"])
def test_the_convolutional_code_is_linear_as_in_its_paper(channels):
    import torch

    module = import_module(f"{MODELS}.training.conv_autoencoder")
    network = module.ConvAutoencoder(channels=channels).build(
        {"image_size": 16, "channels": 1, "filters": [8, 8, 16], "code": 4}
    )
    last = list(network.encoder.modules())[-1]
    assert isinstance(last, torch.nn.Linear) and "linear code" in module.__doc__
