"""When a stage of clustering ends, and which of its epochs is kept: as the papers do, by losses and clusters alone."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep.steps import stopped_growing
from fiftyone.plugins.orgs.constellation.clusters.models.training.checkpoint import read_record, read_tensors
from fiftyone.plugins.orgs.constellation.clusters.operators.clustering.trained import training_summary

from .test_image_clustering import CONV, Enough, after, digits, recipe_of, training_of  # noqa: F401

pytestmark = pytest.mark.slow


def losses(record):
    return [entry["loss"] for entry in record["curve"]]


@pytest.mark.parametrize(("method", "params"), [("dec", {}), ("idec", {}), ("idec", CONV)])
def test_dec_ends_when_images_keep_their_clusters(method, params, digits, tmp_path):  # noqa: F811
    pixels, truth = digits
    training = training_of(recipe_of(method, epochs=25, **params), pixels, tmp_path / "whole", truth)
    seen, plain = [], training.recipe.diagnostics
    training.recipe.diagnostics = lambda t: (plain(t), seen.append(getattr(training.recipe, "labels", None)))[0]
    record = training.run()
    done = len(record["curve"]) - 2
    assert 5 <= done < 25 and record["epoch"] == record["planned"] == done + 2
    changed = [float((a != b).float().mean()) for a, b in pairwise(seen[2:])]
    assert changed[-1] < 1e-3 and all(share >= 1e-3 for share in changed[3:-1])
    (remark,) = record["memory"]["remarks"]
    assert remark == (
        f"{method} ended after epoch {done} of 25: 0.00% of the images changed their cluster, fewer than tol=0.001"
    )
    stage = training_summary(record)["stages"][-1]
    assert stage["epochs"] == stage["kept"] == done and stage["ended"] in remark

    share = (len(record["curve"]) - 0.5) / 27  # in the epoch that is the last one, as nobody knows yet
    with pytest.raises(Enough):
        training_of(recipe_of(method, epochs=25, **params), pixels, tmp_path / "parts", truth).run(
            progress=after(share)
        )
    resumed = training_of(recipe_of(method, epochs=25, **params), pixels, tmp_path / "parts", truth).run(resume=True)
    np.testing.assert_allclose(losses(resumed), losses(record), atol=1e-4)
    assert resumed["memory"] == record["memory"]


def test_a_tolerance_of_0_never_ends_dec(digits, tmp_path):  # noqa: F811
    record = training_of(recipe_of("dec", epochs=12, tol=0.0, learning_rate=1e-9), digits[0], tmp_path).run()
    assert len(record["curve"]) == 14 and "remarks" not in record["memory"]
    assert training_summary(record)["stages"][-1]["ended"] == "all epochs are done"


def known_losses(recipe, values):
    """Lets the epochs of SCAN's own stage have these losses."""
    left, plain = list(values), recipe.comparable_loss

    def loss(training):
        return None if plain(training) is None else left.pop(0)

    recipe.comparable_loss = loss
    return recipe


def test_scan_keeps_the_epoch_of_the_lowest_loss(digits, tmp_path):  # noqa: F811
    pixels, truth = digits
    given = [3.0, 1.0, 2.0, 1.5]
    recipe = known_losses(recipe_of("scan", epochs=4, self_label_epochs=0), given)
    training, networks = training_of(recipe, pixels, tmp_path / "whole", truth), []
    plain = recipe.diagnostics
    recipe.diagnostics = lambda t: (
        networks.append({n: v.clone() for n, v in t.network.state_dict().items()}),
        plain(t),
    )[1]
    record = training.run()
    kept, weights = networks[3], training.network.state_dict()  # after two of SimCLR, the second
    names = [name for name in kept if name != "chosen"]
    assert all(torch.equal(kept[name], weights[name]) for name in names)
    assert not all(torch.equal(networks[-1][name], weights[name]) for name in names)
    assert record["memory"]["best"] == {"scan": {"epoch": 4, "loss": 1.0}}
    assert torch.equal(recipe.labels, recipe.assignments(training).argmax(1))
    (features, scan) = training_summary(record)["stages"]
    assert features["kept"] == features["epochs"] == 2 and (scan["kept"], scan["epochs"]) == (2, 4)
    assert scan["ended"] == "all epochs are done"

    with pytest.raises(Enough):  # in the fourth epoch, when the best is two back
        training_of(known_losses(recipe_of("scan", epochs=4, self_label_epochs=0), given), pixels, tmp_path / "p").run(
            progress=after(5.3 / 6)
        )
    again = training_of(
        known_losses(recipe_of("scan", epochs=4, self_label_epochs=0), given[3:]), pixels, tmp_path / "p"
    )
    again.run(resume=True)
    assert all(torch.equal(weights[name], value) for name, value in again.network.state_dict().items())


def test_the_loss_that_chooses_is_that_of_all_images_and_their_neighbors_as_a_loop(digits, tmp_path):  # noqa: F811
    recipe = recipe_of("scan", epochs=1, self_label_epochs=0, balance="uniform")
    training, found = training_of(recipe, digits[0], tmp_path), []
    review = recipe.review

    def compared(training):
        if training.stages[training.epoch - 1] == "scan":
            P = recipe.assignments(training).double()
            expected = 0.0
            for i in range(len(P)):
                for j in training.state["neighbors"][i, :5].tolist():
                    expected -= float((P[i] * P[j]).sum().log()) / (5 * len(P))
            expected += 5 * float((P.mean(0) * P.mean(0).log()).sum())
            found.append((min(recipe.losses), expected))
        review(training)

    recipe.review = compared
    training.run()
    ((loss, expected),) = found
    assert loss == pytest.approx(expected, rel=1e-4)


def test_self_labeling_ends_when_confident_images_are_no_longer_more(digits, tmp_path):  # noqa: F811
    pixels, truth = digits
    given = {"epochs": 1, "self_label_epochs": 30, "threshold": 0.5}
    training = training_of(recipe_of("scan", **given), pixels, tmp_path / "whole", truth)
    record = training.run()
    shares = [entry["health"]["confident"] for entry in record["curve"] if entry["stage"] == "self-label"]
    assert 4 <= len(shares) < 30 and max(shares[-3:]) < max(shares[:-3]) + 1e-3
    assert record["memory"]["remarks"][0].startswith(f"self-label ended after epoch {len(shares)} of 30: the confident")
    with pytest.raises(Enough):
        training_of(recipe_of("scan", **given), pixels, tmp_path / "parts", truth).run(progress=after(5.5 / 33))
    resumed = training_of(recipe_of("scan", **given), pixels, tmp_path / "parts", truth).run(resume=True)
    np.testing.assert_allclose(losses(resumed), losses(record), atol=1e-4)
    assert resumed["planned"] == record["planned"] == 3 + len(shares)


@pytest.mark.parametrize(
    ("shares", "stopped"),
    [
        ([0.1, 0.2, 0.3], False),
        ([0.1, 0.2, 0.3, 0.3], False),
        ([0.1, 0.3, 0.3, 0.2, 0.3004], True),
        ([0.1, 0.3, 0.3, 0.2, 0.31], False),
        ([0.0] * 9, False),
        ([0.9, 0.8, 0.7, 0.6], True),
    ],
)
def test_growth_counts_from_a_thousandth_on(shares, stopped):
    assert stopped_growing(shares) == stopped


def test_a_stage_that_ended_early_is_followed_by_the_next_also_after_a_stop(digits, tmp_path):  # noqa: F811
    pixels, truth = digits

    def recipe():
        made = recipe_of("scan", epochs=6, self_label_epochs=2)
        made.ended = lambda t: "enough" if t.epoch == 3 else None  # one of SCAN's six
        return made

    record = training_of(recipe(), pixels, tmp_path / "whole", truth).run()
    stages = [entry["stage"] for entry in record["curve"]]
    assert stages == ["simclr"] * 2 + ["scan"] + ["self-label"] * 2
    assert record["memory"]["ended"] == {"scan": 1} and record["epoch"] == record["planned"] == 5
    with pytest.raises(Enough):  # the last epoch
        training_of(recipe(), pixels, tmp_path / "parts", truth).run(progress=after(4.3 / 5))
    kept = tmp_path / "parts" / "e.safetensors"
    assert read_record(kept)["planned"] == 5 and read_record(kept)["epoch"] == 4
    resumed = training_of(recipe(), pixels, tmp_path / "parts", truth).run(resume=True)
    np.testing.assert_allclose(losses(resumed), losses(record), atol=1e-4)
    assert not read_tensors(kept, "state.")


def test_a_collapse_after_an_early_end_has_all_epochs_again(digits, tmp_path):  # noqa: F811
    recipe = recipe_of("scan", epochs=3, self_label_epochs=1, learning_rate=1e-9)
    recipe.ended = lambda t: "enough" if t.epoch == 3 and not t.memory.get("attempt") else None
    conclude = recipe.conclude

    def collapsed(training, stage):
        if not training.memory.get("attempt"):
            recipe.labels = torch.zeros(90, dtype=torch.int64)
        conclude(training, stage)

    recipe.conclude = collapsed
    record = training_of(recipe, digits[0], tmp_path).run()
    assert [entry["stage"] for entry in record["curve"]] == ["simclr"] * 2 + ["scan"] * 3 + ["self-label"]
    assert record["planned"] == 6 and "scan" not in record["memory"]["ended"]
