"""Each stage shows the views that its paper shows, by name, or those chosen; FixMatch's average of weights."""

from collections import defaultdict

import numpy as np
import pytest
import torch

from .test_image_clustering import Enough, after, digits, recipe_of, training_of  # noqa: F401

COLORED = {"color": 0.5, "flip": "horizontal"}


def shown_by(recipe, pixels, path):
    """The record, and the names of the views that each stage showed."""
    names, view = defaultdict(set), recipe.view

    def watched(name):
        names[recipe.stage].add(name)
        return view(name)

    recipe.view = watched
    return training_of(recipe, pixels, path).run(), names


@pytest.mark.parametrize(
    ("method", "chosen", "expected"),
    [
        ("scan", {}, {"scan": {"strong"}, "self-label": {"strong"}}),
        ("spice", {}, {"spice": {"strong"}, "semi": {"weak", "strong"}}),
        ("cc", {}, {"cc": {"simclr"}}),
        ("pica", {}, {"pica": {"simclr"}}),
        ("scan", {"views": "simclr", "refinement_views": "weak"}, {"scan": {"simclr"}, "self-label": {"weak"}}),
        ("spice", {"views": "weak", "taught_views": "simclr"}, {"spice": {"weak"}, "semi": {"simclr", "strong"}}),
        ("cc", {"views": "strong"}, {"cc": {"strong"}}),
        ("pica", {"views": "weak"}, {"pica": {"weak"}}),
    ],
)
def test_stages_show_the_views_of_their_papers_or_those_chosen(method, chosen, expected, digits, tmp_path):  # noqa: F811
    recipe = recipe_of(method, epochs=1, pretrain_epochs=1, **chosen)
    record, names = shown_by(recipe, digits[0], tmp_path)
    assert names == expected
    assert all(record["params"][key] == value for key, value in chosen.items())
    with pytest.raises(ValueError, match="views"):
        recipe_of(method, views="hard")


def test_weak_views_are_flipped_and_shifted_by_an_eighth_and_nothing_else():
    draw = recipe_of("spice", **COLORED).view("weak").draw(2000, torch.Generator().manual_seed(0))
    x, y = draw.geometry[:, 0], draw.geometry[:, 1]
    assert set(x[:, 0].tolist()) == {-1.0, 1.0} and (y[:, 1] == 1).all()
    assert float(x[:, 1].abs().max()) < 1e-6 and float(y[:, 0].abs().max()) < 1e-6
    for shift in (x[:, 2], y[:, 2]):  # of a side of 2
        assert 0.24 < float(shift.max()) <= 0.25 and -0.25 <= float(shift.min()) < -0.24
    torch.testing.assert_close(draw.colors, torch.eye(3, 4).expand(2000, 3, 4))
    assert (draw.blur < 0).all()
    assert (recipe_of("spice", flip="none").view("weak").draw(99, torch.Generator()).geometry[:, 0, 0] == 1).all()


def test_strong_views_are_weak_ones_with_distortions():
    plain = recipe_of("scan", **COLORED, operations=0, cutout=0.0)
    first, second = (plain.view(name).draw(50, torch.Generator().manual_seed(0)) for name in ("strong", "weak"))
    assert torch.equal(first.view.geometry, second.geometry) and torch.equal(first.view.colors, second.colors)
    colored = recipe_of("scan", **COLORED).view("strong").draw(50, torch.Generator().manual_seed(0))
    grey = recipe_of("scan", flip="horizontal", color=0.0).view("strong").draw(50, torch.Generator().manual_seed(0))
    assert float(colored.pixels.abs().max()) > 0 == float(grey.pixels.abs().max())
    # no crop from a fifth of the image, as SimCLR's: distortions leave four fifths of the width at least
    widths = colored.view.geometry[:, :, :2].det().abs()
    assert float(widths.min()) > 0.6


def test_spice_ends_with_the_average_of_its_weights_as_a_loop(digits, tmp_path, monkeypatch):  # noqa: F811
    from fiftyone.plugins.orgs.constellation.clusters.models.training.clustering import guard

    monkeypatch.setattr(guard, "parted", lambda *arguments: None)  # ninety images may well part some neighbors
    pixels, truth = digits
    given = {"epochs": 1, "pretrain_epochs": 1, "semi_epochs": 3, "heads": 1}
    recipe = recipe_of("spice", **given)
    weights, refine, step = [], recipe.refine, recipe.after_step

    def noted(training):
        weights.append({name: w.detach().clone() for name, w in training.network.named_parameters()})

    def refined(training):
        refine(training)
        noted(training)

    def stepped(training, number):
        step(training, number)
        if training.stage == "semi":
            noted(training)

    recipe.refine, recipe.after_step = refined, stepped
    training = training_of(recipe, pixels, tmp_path / "whole", truth)
    record = training.run()
    average = weights[0]
    for done, now in enumerate(weights[1:]):
        decay = min(0.999, (1 + done) / (10 + done))
        average = {name: decay * average[name] + (1 - decay) * now[name] for name in now}
    assert len(weights) == 1 + 3 * (90 // 30) and not record["memory"].get("remarks")
    for name, weight in training.network.named_parameters():
        torch.testing.assert_close(weight.detach(), average[name], atol=1e-6, rtol=1e-6)
    moved = [float((weights[-1][name] - average[name]).abs().max()) for name in average]
    assert max(moved) > 1e-5, "the last weights would be seen"

    with pytest.raises(Enough):  # in the last of five epochs
        training_of(recipe_of("spice", **given), pixels, tmp_path / "parts", truth).run(progress=after(4.3 / 5))
    again = training_of(recipe_of("spice", **given), pixels, tmp_path / "parts", truth)
    resumed = again.run(resume=True)
    np.testing.assert_allclose(*([entry["loss"] for entry in r["curve"]] for r in (record, resumed)), atol=1e-4)
    for one, other in zip(training.network.parameters(), again.network.parameters(), strict=True):
        torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)
