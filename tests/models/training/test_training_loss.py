"""NT-Xent against a plain loop and lightly's; augmentations image by image; optimisers and the schedule."""

import itertools
import math

import numpy as np
import pytest
import torch
from fiftyone.plugins.orgs.constellation.clusters.models.training.augmentation import Augmentation
from fiftyone.plugins.orgs.constellation.clusters.models.training.nt_xent import nt_xent, trivial_loss
from fiftyone.plugins.orgs.constellation.clusters.models.training.optimizers import LARS, build_optimizer, learning_rate


def views(b, d, seed=0):
    generator = torch.Generator().manual_seed(seed)
    first, second = (torch.randn(b, d, generator=generator, dtype=torch.float32) for _ in range(2))
    return first.requires_grad_(), second.requires_grad_()


def plain_loop(first, second, temperature):
    """The definition, in float64, one anchor at a time."""
    z = torch.cat([first, second]).double()
    z = z / z.norm(dim=1, keepdim=True)
    n, total = len(first), 0.0
    for i in range(2 * n):
        others = [torch.exp(z[i] @ z[j] / temperature) for j in range(2 * n) if j != i]
        positive = torch.exp(z[i] @ z[(i + n) % (2 * n)] / temperature)
        total = total - torch.log(positive / sum(others))
    return total / (2 * n)


def both(loss, b, d, temperature):
    first, second = views(b, d)
    value = loss(first, second, temperature)
    value.backward()
    return float(value.detach()), torch.cat([first.grad, second.grad])


@pytest.mark.parametrize("temperature", [0.1, 0.2, 0.5])
@pytest.mark.parametrize(("b", "d"), [(2, 3), (7, 16), (32, 128)])
def test_nt_xent_and_its_gradient_equal_a_plain_loop_and_lightly(b, d, temperature):
    lightly = pytest.importorskip("lightly.loss")
    ours, gradient = both(nt_xent, b, d, temperature)
    for other in (plain_loop, lambda x, y, t: lightly.NTXentLoss(temperature=t)(x, y)):
        value, expected = both(other, b, d, temperature)
        assert abs(ours - value) < 1e-5
        assert (gradient - expected).abs().max() < 1e-5


def test_a_constant_embedding_scores_the_trivial_loss():
    same = torch.ones(16, 8)
    assert abs(float(nt_xent(same, same, 0.2)) - trivial_loss(16)) < 1e-5
    assert abs(trivial_loss(16) - math.log(31)) < 1e-12


def test_the_loss_ignores_lengths_and_autocast():
    first, second = views(16, 32)
    exact = float(nt_xent(first, second))
    assert abs(float(nt_xent(first * 100, second * 0.01)) - exact) < 1e-5
    with torch.autocast("cpu", torch.bfloat16):
        assert abs(float(nt_xent(first, second)) - exact) < 1e-6


def test_views_of_different_shapes_are_refused():
    with pytest.raises(ValueError, match="same shape"):
        nt_xent(torch.ones(4, 8), torch.ones(3, 8))
    with pytest.raises(ValueError, match="at least 2 images"):
        nt_xent(torch.ones(1, 8), torch.ones(1, 8))


@pytest.fixture(scope="module")
def photos():
    from skimage import data

    picture = torch.from_numpy(data.astronaut()).permute(2, 0, 1)
    return torch.stack([picture[:, y : y + 64, x : x + 64] for y in range(0, 256, 64) for x in range(0, 256, 64)])


def augmented(images, seed=0, **strengths):
    off = {"crop": 1.0, "flip": "none", "color": 0.0, "grey": 0.0}
    augmentation = Augmentation(**{**off, **strengths})
    return augmentation.draw(len(images), torch.Generator().manual_seed(seed))(images)


def test_without_any_strength_views_are_the_images(photos):
    assert (augmented(photos) - photos / 255).abs().max() < 1e-5


def test_flips_mirror_half_of_the_images(photos):
    found = augmented(photos, flip="horizontal")
    mirrored = [
        torch.allclose(view, image.flip(-1) / 255, atol=1e-5) for view, image in zip(found, photos, strict=True)
    ]
    same = [torch.allclose(view, image / 255, atol=1e-5) for view, image in zip(found, photos, strict=True)]
    assert 2 < sum(mirrored) < 14 and [a != b for a, b in zip(mirrored, same, strict=True)] == [True] * 16


def test_rotation_by_a_right_angle_turns_the_image(photos):
    augmentation = Augmentation(crop=1.0, flip="none", color=0.0, grey=0.0, rotation=90.0)
    u = torch.zeros(16, 7)
    u[:, 6] = 1.0
    draw = augmentation.draw(16, torch.Generator())
    object.__setattr__(draw, "geometry", augmentation._geometry(u))
    assert (draw(photos) - photos.rot90(1, (-2, -1)) / 255).abs().mean() < 1e-3


def test_grey_and_hue_keep_the_brightness(photos):
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    grey = augmented(photos, grey=1.0)
    assert (grey[:, :1] - grey[:, 1:]).abs().max() < 1e-6
    assert ((grey - photos / 255) * luma).sum(1).abs().max() < 1e-4


def test_colour_equals_torchvision_one_step_at_a_time(photos):
    """Brightness, contrast and saturation of each image against torchvision, where nothing is clamped."""
    from torchvision.transforms.v2 import functional as tv

    images = photos // 3 + 60
    augmentation = Augmentation(crop=1.0, flip="none", grey=0.0)
    for column, reference in ((0, tv.adjust_brightness), (1, tv.adjust_contrast), (2, tv.adjust_saturation)):
        u = torch.full((16, 6), 0.5)
        u[:, column] = torch.linspace(0, 1, 16)
        u[:, 4] = 0.0
        draw = augmentation.draw(16, torch.Generator())
        neutral = torch.eye(2, 3).expand(16, 2, 3)
        object.__setattr__(draw, "geometry", neutral)
        object.__setattr__(draw, "colors", augmentation._colors(u))
        factors = 1 + 0.4 * (2 * u[:, column] - 1)
        expected = torch.stack([reference(i / 255, float(f)) for i, f in zip(images, factors, strict=True)])
        assert (draw(images) - expected).abs().max() < 3e-3


def test_each_image_has_its_own_parameters_and_a_seed_repeats_them(photos):
    same = photos[:1].expand(16, -1, -1, -1)
    strong = {"crop": 0.2, "flip": "both", "color": 1.0, "grey": 0.2, "blur": 0.5, "rotation": 30.0}
    first, again, other = augmented(same, 1, **strong), augmented(same, 1, **strong), augmented(same, 2, **strong)
    assert torch.equal(first, again) and not torch.allclose(first, other)
    assert len({tuple(view.flatten()[:20].tolist()) for view in first}) == 16
    assert first.min() >= 0 and first.max() <= 1


def test_blur_smooths_only_its_share(photos):
    images = torch.nn.functional.interpolate(photos.float(), 224).byte()
    found = augmented(images, blur=0.5)
    changed = [bool((view - image / 255).abs().max() > 1e-3) for view, image in zip(found, images, strict=True)]
    assert 2 < sum(changed) < 14
    assert found.diff(dim=-1).abs().mean() < (images / 255).diff(dim=-1).abs().mean()


def test_the_rate_warms_up_and_ends_at_zero():
    rates = [learning_rate(step, 100, 10, 0.4) for step in range(100)]
    assert np.argmax(rates) in (9, 10) and max(rates) == 0.4 and abs(rates[0] - 0.04) < 1e-9 and rates[-1] < 1e-3
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


def test_lars_steps_in_proportion_to_the_weights():
    network = torch.nn.Linear(4, 3)
    optimizer = LARS(network.parameters(), lr=1.0, weight_decay=0.0, momentum=0.0, trust=0.01)
    before, bias = network.weight.detach().clone(), network.bias.detach().clone()
    network.weight.grad, network.bias.grad = torch.full((3, 4), 1e6), torch.ones(3)
    optimizer.step()
    assert abs((network.weight - before).norm() / before.norm() - 0.01) < 1e-5
    assert torch.allclose(network.bias, bias - 1)


@pytest.mark.parametrize("name", ["adamw", "sgd", "lars"])
def test_every_optimizer_descends(name):
    torch.manual_seed(0)
    network, x = torch.nn.Linear(4, 4), torch.randn(64, 4)
    optimizer, losses = build_optimizer(name, network, 1e-4), []
    for group in optimizer.param_groups:
        group["lr"] = {"adamw": 0.02, "sgd": 0.05, "lars": 5.0}[name]
    for _ in range(60):
        optimizer.zero_grad()
        loss = (network(x) - x).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
