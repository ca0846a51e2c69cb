"""Clustering by training on images: every method learns, resumes, survives kill -9, and none collapses in silence."""

import math
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep.losses import balance_loss, consistency
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep.networks import probabilities
from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters, validated
from fiftyone.plugins.orgs.constellation.clusters.models.training import (
    clustering_class,
    list_clusterings,
    list_recipes,
    recipe_class,
)
from fiftyone.plugins.orgs.constellation.clusters.models.training.augmentation import Augmentation
from fiftyone.plugins.orgs.constellation.clusters.models.training.checkpoint import read_record, read_tensors
from fiftyone.plugins.orgs.constellation.clusters.models.training.clustering.base import Start
from fiftyone.plugins.orgs.constellation.clusters.models.training.clustering.strong_augmentation import (
    StrongAugmentation,
)
from fiftyone.plugins.orgs.constellation.clusters.models.training.network import encoder_from
from fiftyone.plugins.orgs.constellation.clusters.models.training.pixels import describe
from fiftyone.plugins.orgs.constellation.clusters.models.training.trainer import Training
from sklearn.datasets import load_digits

ROOT = Path(__file__).resolve().parents[4]
METHODS = list_clusterings()
HEADS = ["scan", "cc", "pica", "spice"]
QUICK = {
    "n_clusters": 3,
    "epochs": 2,
    "pretrain_epochs": 2,
    "batch_size": 30,
    "flip": "none",
    "color": 0.0,
    "heads": 2,
    "first_clusters": "kmeans",
    "n_neighbors": 10,
    "self_label_epochs": 1,
    "semi_epochs": 1,
    "code": 4,
    "precision": "float32",
    "device": "cpu",
}


pytestmark = pytest.mark.usefixtures("one_thread")


def digits_of(classes, n=90, factor=2):
    """The first ``n`` digits of some classes, enlarged to 16 x 16 pixels, and their classes."""
    X, truth = load_digits(return_X_y=True)
    rows = np.flatnonzero(np.isin(truth, classes))[:n]
    images = (X[rows].reshape(-1, 1, 8, 8) * 15).astype(np.uint8)
    array = np.ascontiguousarray(images.repeat(factor, 2).repeat(factor, 3).repeat(3, 1))
    return describe(array, [str(row) for row in rows], {}), truth[rows].tolist()


@pytest.fixture(scope="module")
def digits():
    return digits_of([0, 1, 4])


def recipe_of(method, **params):
    cls = clustering_class(method)
    known = {key: value for key, value in {**QUICK, **params}.items() if key in parameters(cls)}
    return cls(**validated(cls, known))


def training_of(recipe, pixels, path, truth=None, seed=0):
    return Training(recipe, pixels, path / "e.safetensors", recipe.epochs, seed, {"name": "x"}, truth)


class Enough(Exception):
    """Stops a training."""


def after(share):
    def stop(fraction, message=""):
        if fraction > share:
            raise Enough

    return stop


CONV = {"autoencoder": "conv_autoencoder"}


@pytest.mark.parametrize(("method", "params"), [(name, {}) for name in METHODS] + [("dec", CONV), ("idec", CONV)])
def test_every_method_goes_through_its_stages_and_a_resumed_run_has_the_same_curve(method, params, digits, tmp_path):
    pixels, truth = digits
    whole = training_of(recipe_of(method, **params), pixels, tmp_path / "whole", truth)
    record = whole.run()
    convolutions = any(isinstance(module, torch.nn.Conv2d) for module in whole.network.modules())
    assert convolutions == (method in HEADS or params == CONV)
    stages = list(dict.fromkeys(entry["stage"] for entry in record["curve"]))
    assert method in stages and record["epoch"] == record["planned"]
    clustered = [entry for entry in record["curve"] if entry["stage"] != recipe_of(method).pretext]
    assert all(entry["health"]["used"] <= 3 and entry["scores"]["acc"] <= 1 for entry in clustered)
    assert all(abs(sum(entry["parts"].values()) - entry["loss"]) < 1e-3 for entry in clustered)

    path = tmp_path / "parts"
    share = (len(record["curve"]) - 0.9) / len(record["curve"])  # in the last epoch, of the last stage
    with pytest.raises(Enough):
        training_of(recipe_of(method, **params), pixels, path, truth).run(progress=after(share))
    assert read_record(path / "e.safetensors")["epoch"] == record["planned"] - 1
    again = training_of(recipe_of(method, **params), pixels, path, truth)
    resumed = again.run(resume=True)
    first, second = ([entry["loss"] for entry in r["curve"]] for r in (record, resumed))
    np.testing.assert_allclose(first, second, atol=1e-4)
    assert resumed["memory"] == record["memory"]
    assert torch.equal(again.recipe.labels, whole.recipe.labels)
    check_what_is_kept(again, resumed, pixels)


def check_what_is_kept(training, record, pixels):
    """The encoder and the plain head from the checkpoint against the network that learned."""
    weights = read_tensors(training.path, "network.")
    encoder = encoder_from(read_record(training.path), weights, "x")
    mean, std = (torch.tensor(record["preprocessing"][key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    with torch.inference_mode():
        vectors = encoder((torch.from_numpy(pixels.array).float() / 255 - mean) / std)
    vectors = vectors if record["raw_codes"] else torch.nn.functional.normalize(vectors)
    found = probabilities(vectors.numpy(), *training.network.to_arrays())
    np.testing.assert_allclose(found, training.recipe.assignments(training).numpy(), atol=1e-3)
    assert not read_tensors(training.path, "state."), "what only training needs goes when it is done"


def test_stages_begin_with_what_a_trained_encoder_left(digits, tmp_path):
    pixels, _ = digits
    simclr = recipe_class("simclr")(batch_size=30, hidden=32, projection=16, precision="float32", device="cpu")
    Training(simclr, pixels, tmp_path / "s.safetensors", 1, 0, {"name": "s"}).run()
    weights = read_tensors(tmp_path / "s.safetensors", "network.")
    for method in HEADS:
        recipe = recipe_of(method, self_label_epochs=0, semi_epochs=0)
        recipe.start = Start("s", read_record(tmp_path / "s.safetensors"), weights)
        training = training_of(recipe, pixels, tmp_path / method)
        assert set(training.stages) == {method}
        training._start()
        assert all(torch.equal(t, weights[f"encoder.{n}"]) for n, t in training.network.encoder.state_dict().items())
        assert all(
            torch.equal(t, weights[f"projector.{n}"]) for n, t in training.network.projector.state_dict().items()
        )
        assert training.mean.flatten().tolist() == pytest.approx(recipe.start.record["preprocessing"]["mean"])
    for method in ("dec", "idec"):
        with pytest.raises(ValueError, match="in the code of an autoencoder, but 's' is of kind 'simclr'"):
            clustering_class(method).check_start("s", "simclr")


def test_a_decoder_comes_along(digits, tmp_path):
    pixels, _ = digits
    kind = recipe_class("autoencoder")(layers="32", code=4, batch_size=30, device="cpu")
    Training(kind, pixels, tmp_path / "a.safetensors", 1, 0, {"name": "a"}).run()
    recipe = recipe_of("idec", epochs=1)
    recipe.check_start("a", "autoencoder")
    recipe.start = Start(
        "a", read_record(tmp_path / "a.safetensors"), read_tensors(tmp_path / "a.safetensors", "network.")
    )
    record = training_of(recipe, pixels, tmp_path / "idec").run()
    assert [entry["stage"] for entry in record["curve"]] == ["idec"] and record["dimension"] == 4
    assert (tmp_path / "idec" / "reconstruction.png").is_file()
    kept = tmp_path / "idec" / "e.safetensors"
    for method in ("dec", "scan"):  # what one clustering learned is where another may begin
        recipe = recipe_of(method)
        recipe.check_start("i", "idec")
        recipe.start = Start("i", read_record(kept), read_tensors(kept, "network."))
        training = training_of(recipe, pixels, tmp_path / method)
        training._start()
        ours = training.network.encoder.state_dict()
        assert all(torch.equal(t, recipe.start.weights[f"autoencoder.encoder.{n}"]) for n, t in ours.items())


@pytest.fixture(scope="module")
def scanned(digits, tmp_path_factory):
    """The result of SCAN without self-labelling, as a start for others."""
    pixels, truth = digits
    path = tmp_path_factory.mktemp("scan")
    training = training_of(recipe_of("scan", self_label_epochs=0), pixels, path, truth)
    training.run()
    kept = path / "e.safetensors"
    return Start("before", read_record(kept), read_tensors(kept, "network.")), training


@pytest.mark.parametrize(("method", "stage"), [("scan", "self-label"), ("spice", "semi")])
def test_refining_starts_from_the_clusters_that_an_earlier_training_left(method, stage, digits, scanned, tmp_path):
    pixels, truth = digits
    start, before = scanned
    recipe = recipe_of(method, epochs=0, heads=1)
    recipe.start = start
    training = training_of(recipe, pixels, tmp_path / "whole", truth)
    assert training.stages == [stage]
    training._start()
    assert torch.allclose(recipe.assignments(training), before.recipe.assignments(before), atol=1e-5)
    record = training.run()
    assert [entry["stage"] for entry in record["curve"]] == [stage] and record["memory"]["inherited"] > 0.5
    known = record["memory"]["scores"]
    assert known["inherited"]["acc"] == read_record(before.path)["memory"]["scores"]["scan"]["acc"]
    assert {"k-means", stage} < set(known) and not read_tensors(training.path, "state.")
    with pytest.raises(Enough):
        training_of(recipe, pixels, tmp_path / "parts", truth).run(progress=after(0.5))
    resumed = training_of(recipe, pixels, tmp_path / "parts", truth).run(resume=True)
    assert resumed["curve"][-1]["loss"] == pytest.approx(record["curve"][-1]["loss"], abs=1e-4)


def test_an_inherited_clustering_that_is_spoiled_comes_back(digits, scanned, tmp_path, monkeypatch):
    pixels, _ = digits
    start, before = scanned
    recipe = recipe_of("scan", epochs=0, learning_rate=1e-9)
    recipe.start = start
    refine = recipe.refine
    monkeypatch.setattr(recipe, "refine", lambda training: (refine(training), one_cluster(training)))
    training = training_of(recipe, pixels, tmp_path)
    (remark,) = training.run()["memory"]["remarks"]
    assert remark.startswith("self-label was in vain: 1 of 3 clusters were used")
    assert torch.equal(recipe.assignments(training).argmax(1), before.recipe.assignments(before).argmax(1))


def test_clusters_that_are_not_there_cannot_be_refined(scanned):
    start, _ = scanned
    for given, begin, words in (
        ({}, None, "epochs=0 has no clusters to refine; start from the encoder='trained:<name>' of a cc, pica, scan"),
        ({}, start._replace(record={"kind": "simclr"}), "epochs=0 has no clusters to refine"),
        ({"self_label_epochs": 0}, start, "epochs=0 leaves scan nothing to train; use at least 1"),
        (
            {"n_clusters": 4},
            start,
            "n_clusters=4, but 'before' has 3 clusters to refine with epochs=0; use n_clusters=3",
        ),
    ):
        recipe = recipe_of("scan", epochs=0, **given)
        recipe.start = begin
        with pytest.raises(ValueError, match=words) as error:
            recipe.check(90)
        assert "\n" not in str(error.value)


def test_a_repeated_dec_evens_sizes_out_more(digits, tmp_path, monkeypatch):
    from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import losses as _losses

    plain, seen = _losses.target_distribution, []

    def watched(q, evening=1.0):
        seen.append(evening)
        return plain(q, evening)

    monkeypatch.setattr(_losses, "target_distribution", watched)
    recipe = recipe_of("dec", epochs=1, pretrain_epochs=1)
    enough = recipe.review

    def collapsed(training):
        if training.stages[training.epoch - 1] == "dec":
            recipe.labels = torch.zeros(90, dtype=torch.int64)
        enough(training)

    monkeypatch.setattr(recipe, "review", collapsed)
    record = training_of(recipe, digits[0], tmp_path).run()
    assert seen == [1.0, 2.0] and record["memory"]["collapsed"] == ["1 of 3 clusters were used"] * 2


@pytest.mark.parametrize(("width", "scale"), [(0.5, 2.0), (20.0, 1.0)])
def test_narrow_codes_are_widened_and_wide_ones_stay(width, scale, digits, tmp_path):
    training = training_of(recipe_of("dec", epochs=1), digits[0], tmp_path)
    network = SimpleNamespace(scale=torch.ones(()), centers=torch.zeros(3, 4))
    codes = torch.zeros(90, 4)
    codes[:, 0] = width * (torch.arange(90) % 2 * 2 - 1)  # two groups in each, a width from their middle
    codes[:, 1] = 1000.0 * (torch.arange(90) // 30)
    begun = SimpleNamespace(
        all_features=lambda: codes, network=network, seed=0, memory={}, state={}, truth=None, recipe=training.recipe
    )
    training.recipe.begin(begun)
    assert float(network.scale) == pytest.approx(scale)
    by_place = network.centers[network.centers[:, 1].argsort()]
    assert by_place[:, 1].tolist() == pytest.approx([0, 1000 * scale, 2000 * scale], abs=0.1)


SCRIPT = """
import sys
sys.path.insert(0, {root!r})
import pathlib, time, numpy as np, torch
torch.set_num_threads(1)
from models.training import clustering_class
from models.training.pixels import describe
from models.training.trainer import Training
array = np.load({array!r})
pixels = describe(array, [str(i) for i in range(len(array))], {{}})
recipe = clustering_class("scan")(**{params!r})
def wait_to_be_killed(fraction, message=""):
    print(fraction, flush=True)
    if fraction > {at}:
        time.sleep(600)
Training(recipe, pixels, pathlib.Path({path!r}), 2, 0, {{"name": "x"}}).run(progress=wait_to_be_killed)
"""


def test_kill_9_in_the_second_stage_then_resume(digits, tmp_path):
    pixels, _ = digits
    params = {key: value for key, value in QUICK.items() if key in parameters(clustering_class("scan"))}
    pixels = describe(pixels.array, [str(i) for i in range(len(pixels))], {})
    whole = training_of(recipe_of("scan"), pixels, tmp_path / "whole").run()
    np.save(tmp_path / "array.npy", pixels.array)
    path = tmp_path / "killed" / "e.safetensors"
    at = 0.65  # in the fourth of five epochs, the second of SCAN
    names = {"root": str(ROOT), "array": str(tmp_path / "array.npy"), "params": params, "path": str(path), "at": at}
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(SCRIPT).format(**names)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if float(line) > at:
            process.send_signal(signal.SIGKILL)
            break
    assert process.wait(60) == -signal.SIGKILL
    assert read_record(path)["epoch"] == 3 and "neighbors" in read_tensors(path, "state.")
    resumed = training_of(recipe_of("scan"), pixels, path.parent).run(resume=True)
    np.testing.assert_allclose(*([e["loss"] for e in r["curve"]] for r in (whole, resumed)), atol=1e-4)


def one_cluster(training):
    """Makes every head say the first cluster, whatever it sees."""
    with torch.no_grad():
        for head in training.network.heads:
            head.linear.weight.zero_()
            head.linear.bias.copy_(torch.tensor([50.0, 0.0, 0.0]))


def test_a_collapse_is_repeated_and_then_replaced_by_kmeans(digits, tmp_path, monkeypatch):
    pixels, truth = digits
    recipe = recipe_of("scan", learning_rate=1e-9)
    begin = recipe.begin
    boosts = []

    def collapsed(training):
        begin(training)
        boosts.append(recipe.boost(training))
        one_cluster(training)

    monkeypatch.setattr(recipe, "begin", collapsed)
    training = training_of(recipe, pixels, tmp_path, truth)
    record = training.run()
    again, instead = record["memory"]["remarks"]
    assert again == "scan collapsed: 1 of 3 clusters were used; it was trained again with twice the balance"
    assert instead.endswith("these clusters are those of k-means instead") and record["memory"]["fallback"]
    assert boosts == [1.0, 2.0]
    expected = recipe.kmeans(training).labels_
    assert (recipe.assignments(training).argmax(1).numpy() == expected).all()


def test_a_refinement_that_collapses_is_undone(digits, tmp_path, monkeypatch):
    pixels, _ = digits
    recipe = recipe_of("scan", learning_rate=1e-9)
    before = {}

    def collapsed(training):
        before["labels"] = recipe.assignments(training).argmax(1)
        one_cluster(training)

    monkeypatch.setattr(recipe, "refine", collapsed)
    training = training_of(recipe, pixels, tmp_path)
    record = training.run()
    assert record["memory"]["remarks"] == [
        "self-label was in vain: 1 of 3 clusters were used; the clusters are those before it"
    ]
    assert torch.equal(recipe.assignments(training).argmax(1), before["labels"])


def test_a_refinement_that_parts_neighbours_is_undone(digits, tmp_path, monkeypatch):
    pixels, truth = digits
    recipe = recipe_of("scan", learning_rate=1e-9)
    before = {}

    def spoiled(training):
        before["labels"] = recipe.assignments(training).argmax(1)
        with torch.no_grad():
            for head in training.network.heads:  # the largest cluster falls apart at random, none is lost
                head.linear.weight.add_(0.5 * torch.randn(head.linear.weight.shape, generator=torch.manual_seed(0)))

    monkeypatch.setattr(recipe, "refine", spoiled)
    training = training_of(recipe, pixels, tmp_path, truth)
    record = training.run()
    (remark,) = record["memory"]["remarks"]
    assert remark.startswith("self-label was in vain: ") and "of the neighbors are in one cluster" in remark
    assert torch.equal(recipe.assignments(training).argmax(1), before["labels"])
    assert record["memory"]["scores"]["self-label"] == record["memory"]["scores"]["scan"]


@pytest.mark.parametrize("method", ["cc", "pica"])
def test_heads_from_random_weights_see_features_of_one_size_in_every_epoch(method, digits, tmp_path):
    pixels, truth = digits
    recipe = recipe_of(method, pretrain_epochs=0, epochs=4, batch_size=30)
    training, squares = training_of(recipe, pixels, tmp_path / "whole", truth), []
    diagnostics = recipe.diagnostics

    def watched(training):
        found = diagnostics(training)
        unit = recipe.vectors(training)
        with torch.no_grad():
            squares.extend(float(head.eval().standard(unit).square().mean()) for head in training.network.heads)
            some = training.network.heads[0].train().standard(unit[:30])
        squares.append(float(some.square().mean()))
        assert float(some.mean(0).abs().max()) < 1e-4
        return found

    recipe.diagnostics = watched
    record = training.run()
    assert squares == pytest.approx([1.0] * len(squares), abs=1e-3) and len(squares) >= 8
    # neighbors in the features of random weights say nothing
    assert all("agreement" not in entry["health"] for entry in record["curve"])
    check_what_is_kept(training, record, pixels)

    with pytest.raises(Enough):
        training_of(recipe_of(method, pretrain_epochs=0, epochs=4), pixels, tmp_path / "parts", truth).run(
            progress=after(0.8)
        )
    again = training_of(recipe_of(method, pretrain_epochs=0, epochs=4), pixels, tmp_path / "parts", truth)
    resumed = again.run(resume=True)
    np.testing.assert_allclose(*([entry["loss"] for entry in r["curve"]] for r in (record, resumed)), atol=1e-4)


def test_heads_on_features_that_are_there_keep_their_constants(digits, tmp_path):
    training = training_of(recipe_of("cc", epochs=2), digits[0], tmp_path)
    constants, diagnostics = [], training.recipe.diagnostics
    training.recipe.diagnostics = lambda t: (constants.append(t.network.heads[0].scale.clone()), diagnostics(t))[1]
    training.run()
    assert torch.equal(*constants[2:]) and not training.network.heads[0].by_batch


def test_cc_needs_no_features_first_and_falls_back_on_its_own(digits, tmp_path, monkeypatch):
    pixels, _ = digits
    recipe = recipe_of("cc", pretrain_epochs=0, epochs=1, heads=1)
    enough = recipe.review

    def collapsed(training):
        recipe.labels = torch.zeros(len(pixels), dtype=torch.int64)
        enough(training)

    monkeypatch.setattr(recipe, "review", collapsed)
    training = training_of(recipe, pixels, tmp_path)
    record = training.run()
    assert {entry["stage"] for entry in record["curve"]} == {"cc"} and record["memory"]["fallback"]
    expected = recipe.kmeans(training).labels_
    assert (recipe.assignments(training).argmax(1).numpy() == expected).all()


def test_neighbors_that_would_lead_out_of_their_cluster_are_not_used_and_said(digits, tmp_path):
    training = training_of(recipe_of("scan", n_neighbors=25, epochs=1, self_label_epochs=0), digits[0], tmp_path)
    seen, before_epoch = [], training.recipe.before_epoch
    training.recipe.before_epoch = lambda t: (before_epoch(t), seen.append(t.state["neighbors"].shape[1]))
    said = "scan: n_neighbors=25 would lead out of clusters of some 30 samples; the 10 nearest were used"
    assert training.run()["memory"]["remarks"] == [said] and seen == [10]


@pytest.mark.parametrize("method", ["scan", "idec"])
def test_fewer_distinct_images_than_clusters(method, tmp_path):
    """Two images, many times: two clusters, k-means's, and nothing fails."""
    pixels, _ = digits_of([0, 1], 2)
    pixels = describe(pixels.array.repeat(20, 0), [str(row) for row in range(40)], {})
    recipe = recipe_of(method, n_clusters=6, epochs=1, self_label_epochs=0, batch_size=20)
    training = training_of(recipe, pixels, tmp_path)
    record = training.run()
    assert record["memory"]["fallback"] and "2 of 6 clusters were used" in record["memory"]["remarks"][-1]
    assert sorted(recipe.assignments(training).argmax(1).bincount().tolist())[-2:] == [20, 20]


def test_nan_stops_with_step_and_part(digits, tmp_path, monkeypatch):
    pixels, _ = digits
    recipe = recipe_of("scan")
    calls = []

    def spoiled(first, second, boost):
        calls.append(1)
        nan = first.sum() * (math.nan if len(calls) == 4 else 0.0)
        return {"consistency": consistency(first, second), "balance": nan}

    monkeypatch.setattr(recipe, "_losses", spoiled)
    with pytest.raises(ValueError, match="the loss part 'balance' became nan in step 2 of epoch 3; lower") as error:
        training_of(recipe, pixels, tmp_path).run()
    assert "\n" not in str(error.value) and read_record(tmp_path / "e.safetensors")["epoch"] == 2


def keras_example(Z, seed, k=10, steps=400):
    """The head of the well-known Keras example, wired as it is: its entropy term is never called.

    Features as they come, a softmax, the product of probabilities taken for a logit, cross-entropy against 1.
    """
    torch.manual_seed(seed)
    head = torch.nn.Linear(Z.shape[1], k)
    optimizer = torch.optim.Adam(head.parameters(), lr=1e-3)
    neighbors = (Z @ Z.T).fill_diagonal_(-1e9).topk(5).indices
    for _ in range(steps):
        rows = torch.randint(len(Z), (256,))
        near = neighbors[rows, torch.randint(5, (256,))]
        similarity = (head(Z[rows]).softmax(1) * head(Z[near]).softmax(1)).sum(1)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(similarity, torch.ones_like(similarity))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return head(Z).argmax(1), float(loss)


def test_the_keras_example_s_wiring_collapses_and_ours_does_not():
    from fiftyone.plugins.orgs.constellation.clusters.models.analysis.metrics import clustering_accuracy
    from fiftyone.plugins.orgs.constellation.clusters.models.clusterers import get_clusterer

    X, truth = load_digits(return_X_y=True)
    X = X.astype(np.float32)
    labels, loss = keras_example(torch.from_numpy(10 * X), seed=0)
    # ln(1 + 1/e): all probability in one cluster, and nothing that could notice
    assert loss < 0.32 and labels.bincount(minlength=10).max() > 0.5 * len(X)
    ours = get_clusterer("scan")(n_clusters=10, steps=100, heads=1, start="kmeans", random_state=0).fit(10 * X)
    assert len(np.unique(ours.labels_)) == 10 and np.bincount(ours.labels_).max() < 0.25 * len(X)
    assert clustering_accuracy(truth, ours.labels_) > clustering_accuracy(truth, labels.numpy()) + 0.3


def test_a_collapsed_assignment_costs_more_than_a_balanced_sure_one():
    collapsed, balanced = torch.eye(10)[torch.zeros(100, dtype=torch.int64)], torch.eye(10)[torch.arange(100) % 10]
    for kind in ("uniform", "hinge"):
        price = [
            float(consistency(100 * p, 100 * p) + 5 * balance_loss(p.mean(0), kind)) for p in (collapsed, balanced)
        ]
        assert price[0] > price[1] + 1


def test_strong_views_follow_their_seed_and_leave_images_recognisable():
    images = torch.randint(0, 256, (8, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    strong = StrongAugmentation(Augmentation())
    first, second = (strong.draw(8, torch.Generator().manual_seed(1))(images) for _ in range(2))
    assert torch.equal(first, second) and first.shape == images.shape
    assert float(first.min()) >= 0 and float(first.max()) <= 1
    assert torch.equal(strong.draw(8, torch.Generator().manual_seed(1))[2:5](images[2:5]), first[2:5])
    none = StrongAugmentation(Augmentation(1.0, "none", 0.0, 0.0), strength=0.0, cutout=0.0)
    torch.testing.assert_close(none.draw(8, torch.Generator())(images), images / 255, atol=1e-5, rtol=0)


def test_the_square_has_its_size_and_the_mean_colour():
    images = torch.randint(0, 256, (50, 3, 20, 20), dtype=torch.uint8)
    plain = Augmentation(1.0, "none", 0.0, 0.0)
    found = StrongAugmentation(plain, strength=0.0, cutout=0.5).draw(50, torch.Generator().manual_seed(0))(images)
    cut = (found - images / 255).abs().amax(1) > 1e-4
    assert 20 <= cut.flatten(1).sum(1).max() <= 100 and cut.flatten(1).any(1).all()


def test_colour_stays_where_it_is_the_signal():
    images = torch.zeros(40, 3, 16, 16, dtype=torch.uint8)
    images[:, 0] = 200
    plain = Augmentation(0.5, "none", 0.0, 0.0)
    found = StrongAugmentation(plain).draw(40, torch.Generator().manual_seed(0))(images)
    torch.testing.assert_close(found, images / 255, atol=1e-5, rtol=0)
    colored = StrongAugmentation(Augmentation(0.5, "none", 0.5, 0.0), cutout=0.0)
    assert (colored.draw(40, torch.Generator().manual_seed(0))(images) - images / 255).abs().max() > 0.1


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"n_clusters": 20}, "batch_size=30 is below 40, two images per cluster"),
        ({"n_clusters": 91, "batch_size": 200}, "n_clusters=91 exceeds the 90 readable images"),
        ({"batch_size": 91}, "batch_size=91 exceeds the 90 readable images"),
        ({"pretrain_epochs": 0}, "pretrain_epochs=0 leaves scan without features to cluster; use at least 1"),
    ],
)
def test_what_cannot_work_is_refused_in_one_sentence(params, words, digits, tmp_path):
    with pytest.raises(ValueError, match=words) as error:
        training_of(recipe_of("scan", **params), digits[0], tmp_path)
    assert "\n" not in str(error.value)
    with pytest.raises(ValueError, match="in one process, not 2"):
        recipe_of("scan").check(90, processes=2)


def test_every_parameter_says_what_it_is():
    assert not set(METHODS) & set(list_recipes())
    for method in METHODS:
        cls = clustering_class(method)
        assert cls.kind == method and cls.when and recipe_class(method) is cls
        assert all(info.description for info in parameters(cls).values())
        assert set(cls.of_features()) <= set(parameters(cls)) and "epochs" in cls.relevant({"started": True})
    with pytest.raises(ValueError, match="method 'kmeans' does not train on images; choose scan"):
        clustering_class("kmeans")
