"""Losses of deep clustering: known answers, second versions written as loops, and what a collapse must cost."""

import math

import pytest
import torch
from fiftyone.plugins.orgs.constellation.clusters.models.clusterers.deep import losses

LN10 = math.log(10)


pytestmark = pytest.mark.usefixtures("one_thread")


def soft(rows=12, k=4, seed=0):
    return torch.randn(rows, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).softmax(dim=1)


def one_hot(labels, k):
    return torch.eye(k, dtype=torch.float64)[torch.tensor(labels)]


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / math.sqrt(sum(x * x for x in a) * sum(y * y for y in b))


def column(p, j):
    return [float(row[j]) for row in p]


def mean_entropy(p):
    n, k = p.shape
    means = [sum(column(p, j)) / n for j in range(k)]
    return -sum(m * math.log(m) for m in means if m > 0)


def test_scan_known_answers():
    p = one_hot(range(10), 10)
    sure = 1000 * p
    assert float(losses.consistency(sure, sure)) == pytest.approx(0, abs=1e-7)
    total = losses.consistency(sure, sure) + 5 * losses.balance_loss(p.mean(dim=0), "uniform")
    assert float(total) == pytest.approx(-11.513, abs=1e-3)


def test_consistency_as_loops():
    p, q = soft(), soft(seed=1)
    expected = -sum(math.log(sum(float(p[i, c] * q[i, c]) for c in range(4))) for i in range(12)) / 12
    assert float(losses.consistency(p.log(), q.log() + 7)) == pytest.approx(expected)


@pytest.mark.parametrize("gap", [1.0, 20.0, 60.0])
def test_neighbors_that_are_sure_of_different_clusters_have_a_gradient(gap):
    """The official loss is the binary cross-entropy of the product of both probabilities, with target 1."""
    logits = gap * one_hot([0], 2).float(), gap * one_hot([1], 2).float()
    first, second = (x.clone().requires_grad_() for x in logits)
    losses.consistency(first, second).backward()
    exact, other = (x.double().requires_grad_() for x in logits)
    similarity = (exact.softmax(dim=1) * other.softmax(dim=1)).sum(dim=1)
    torch.nn.functional.binary_cross_entropy(similarity, torch.ones(1, dtype=torch.float64)).backward()
    if gap <= 20:  # beyond, cross-entropy of probabilities clamps, too
        assert torch.allclose(first.grad.double(), exact.grad, atol=1e-5)
    assert float(first.grad.norm()) == pytest.approx(0.707, abs=0.001 if gap > 1 else 0.5)


def test_temi_s_students_that_are_sure_of_another_cluster_have_a_gradient():
    student = 20 * one_hot([0], 3).float()
    student.requires_grad_()
    teacher, prior = 20 * one_hot([1], 3).float(), torch.full((3,), 1 / 3)
    losses.pointwise_information(student, teacher, prior, torch.ones(1)).backward()
    # beta times the probabilities that are off, at first cluster 0 in place of 1
    assert float(student.grad.norm()) > 0.2


@pytest.mark.parametrize("loss", ["consistency", "pointwise_information"])
def test_gradients_as_finite_differences(loss):
    first, second, prior = 3 * soft(), 3 * soft(seed=1), soft(1, seed=2)[0]
    more = () if loss == "consistency" else (prior, soft(seed=3)[:, 0])
    function = getattr(losses, loss)
    assert torch.autograd.gradcheck(lambda x: function(x, second, *more), first.clone().requires_grad_())


def test_balance():
    p = soft()
    assert float(losses.balance_loss(p.mean(dim=0), "uniform")) == pytest.approx(-mean_entropy(p))
    one = one_hot([0] * 6, 4).mean(dim=0)
    assert float(losses.balance_loss(one, "hinge", 0.9)) == pytest.approx(0.9 * math.log(4))
    # as unequal as the hinge allows, at no cost
    assert float(losses.balance_loss(p.mean(dim=0), "hinge", 0.9)) == 0 < 0.9 * math.log(4) < mean_entropy(p)


def test_partition_uncertainty_as_loops():
    p, q = soft(), soft(seed=1)
    expected = 0
    for i in range(4):
        row = [cosine(column(p, i), column(q, j)) for j in range(4)]
        expected -= math.log(math.exp(row[i]) / sum(math.exp(value) for value in row)) / 4
    assert float(losses.partition_uncertainty(p, q)) == pytest.approx(expected)
    # at its best the similarities are the identity
    best = one_hot([0, 1, 2, 3], 4)
    assert float(losses.partition_uncertainty(best, best)) == pytest.approx(math.log(math.e + 3) - 1)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_cluster_contrast_as_loops(temperature):
    p, q = soft(), soft(seed=1)
    columns = [column(p, j) for j in range(4)] + [column(q, j) for j in range(4)]
    expected = 0
    for i in range(8):
        similarity = [math.exp(cosine(columns[i], columns[j]) / temperature) for j in range(8)]
        expected -= math.log(similarity[(i + 4) % 8] / (sum(similarity) - similarity[i])) / 8
    assert float(losses.cluster_contrast(p, q, temperature)) == pytest.approx(expected)


def test_temi_known_answer():
    p = one_hot([0, 1, 2, 3], 10)
    prior = torch.full((10,), 0.1, dtype=torch.float64)
    weight = torch.full((4,), 0.7, dtype=torch.float64)
    assert float(losses.pointwise_information(1000 * p, 1000 * p, prior, weight)) == pytest.approx(-0.7 * LN10)


def test_temi_as_loops():
    p, q, prior = soft(), soft(seed=1), soft(1, seed=2)[0]
    heads = torch.stack([p, q]), torch.stack([q, soft(seed=3)])
    weight = losses.pair_weight(*heads)
    for i in range(12):
        by_hand = sum(float(heads[0][h, i, c] * heads[1][h, i, c]) for h in range(2) for c in range(4)) / 2
        assert float(weight[i]) == pytest.approx(by_hand)
    expected = 0
    for i in range(12):
        inner = sum(float((p[i, c] * q[i, c]) ** 0.6 / prior[c]) for c in range(4))
        expected -= float(weight[i]) * math.log(inner) / 12
    assert float(losses.pointwise_information(p.log(), q.log() - 3, prior, weight, 0.6)) == pytest.approx(expected)


def test_dec_known_answers():
    z = torch.tensor([[-2.0, -2.0]], dtype=torch.float64)
    centers = torch.tensor([[-1.0, -1.0], [1.0, 1.0]], dtype=torch.float64)
    whole = 1 / 3 + 1 / 19
    assert losses.student_t(z, centers)[0].tolist() == pytest.approx([1 / 3 / whole, 1 / 19 / whole])
    target = losses.target_distribution(torch.tensor([[0.5, 0.5], [0.0, 1.0]], dtype=torch.float64))
    assert target.flatten().tolist() == pytest.approx([0.75, 0.25, 0, 1])


def test_dec_as_loops():
    q, target = soft(), soft(seed=1)
    frequency = [sum(column(q, j)) for j in range(4)]
    sharpened = losses.target_distribution(q)
    expected = 0
    for i in range(12):
        weights = [float(q[i, j]) ** 2 / frequency[j] for j in range(4)]
        assert sharpened[i].tolist() == pytest.approx([weight / sum(weights) for weight in weights])
        expected += sum(float(target[i, j]) * math.log(float(target[i, j] / q[i, j])) for j in range(4)) / 12
    assert float(losses.divergence(target, q)) == pytest.approx(expected)
    # some rows with the sizes of all have the targets that they have among all
    some = losses.target_distribution(q[3:7], sizes=q.sum(dim=0))
    assert torch.allclose(some, sharpened[3:7])
    assert not torch.allclose(losses.target_distribution(q[3:7]), sharpened[3:7])


def test_cross_entropies_as_loops():
    logits, target, labels = soft(seed=4) * 5, soft(seed=5), torch.arange(12) % 4
    weights = torch.tensor([1.0, 2.0, 0.5, 3.0], dtype=torch.float64)
    log_p = [[float(v) - math.log(sum(math.exp(float(u)) for u in row)) for v in row] for row in logits]
    soft_expected = -sum(float(target[i, j]) * log_p[i][j] for i in range(12) for j in range(4)) / 12
    plain = -sum(log_p[i][i % 4] for i in range(12)) / 12
    weighted = -sum(float(weights[i % 4]) * log_p[i][i % 4] for i in range(12)) / float(weights[labels].sum())
    assert float(losses.soft_cross_entropy(logits, target)) == pytest.approx(soft_expected)
    assert float(losses.label_cross_entropy(logits, labels)) == pytest.approx(plain)
    assert float(losses.label_cross_entropy(logits, labels, weights)) == pytest.approx(weighted)


def test_the_double_softmax_as_loops():
    logits, labels = soft(seed=4) * 5, torch.arange(12) % 4
    expected = 0
    for i, row in enumerate(logits):
        p = [math.exp(float(v)) / sum(math.exp(float(u)) for u in row) for v in row]
        expected -= math.log(math.exp(p[i % 4]) / sum(math.exp(v) for v in p)) / 12
    assert float(losses.double_softmax_cross_entropy(logits, labels)) == pytest.approx(expected)
    # even when it is right and sure
    sure = one_hot([0, 1, 2, 3], 4) * 1000
    least = math.log(math.e + 3) - 1
    assert float(losses.double_softmax_cross_entropy(sure, torch.arange(4))) == pytest.approx(least)


def test_what_is_not_sure_teaches_nothing_as_loops():
    logits, guess, sure = soft(seed=4) * 5, torch.arange(12) % 4, torch.arange(12) % 3 == 0
    expected = 0
    for i in range(0, 12, 3):
        whole = sum(math.exp(float(v)) for v in logits[i])
        expected -= math.log(math.exp(float(logits[i, i % 4])) / whole) / 12
    assert float(losses.sure_cross_entropy(logits, guess, sure)) == pytest.approx(expected)
    assert float(losses.sure_cross_entropy(logits, guess, torch.zeros(12))) == 0


def test_a_stronger_target_evens_sizes_out_more_as_loops():
    q = soft()
    frequency = [sum(column(q, j)) for j in range(4)]
    target = losses.target_distribution(q, 2.0)
    for i in range(12):
        weights = [float(q[i, j]) ** 2 / frequency[j] ** 2 for j in range(4)]
        assert target[i].tolist() == pytest.approx([weight / sum(weights) for weight in weights])
    skewed = torch.tensor([[0.7, 0.3]] * 8 + [[0.4, 0.6]] * 2, dtype=torch.float64)
    plain, stronger = (losses.target_distribution(skewed, power).mean(dim=0) for power in (1.0, 2.0))
    assert float(stronger.max()) < float(plain.max())


def scan(p, kind):
    return float(losses.consistency(p.log(), p.log()) + 5 * losses.balance_loss(p.mean(dim=0), kind))


def cc(p, kind):
    return float(losses.cluster_contrast(p, p) + 2 * losses.balance_loss(p.mean(dim=0), kind))


def pica(p, kind):
    return float(losses.partition_uncertainty(p, p) + 2 * losses.balance_loss(p.mean(dim=0), kind))


@pytest.mark.parametrize("kind", ["uniform", "hinge"])
@pytest.mark.parametrize("loss", [scan, cc, pica])
def test_a_collapsed_assignment_costs_more_than_a_balanced_one(loss, kind):
    sure = one_hot([i % 10 for i in range(100)], 10)
    nearly_one = (one_hot([0] * 100, 10) * 30).softmax(dim=1)
    assert loss(nearly_one, kind) > loss(sure, kind) + 1


@pytest.mark.parametrize("zero", [0.0, 1e-30])
def test_empty_clusters_leave_every_gradient_finite(zero):
    for loss in (losses.cluster_contrast, losses.partition_uncertainty):
        p = one_hot([0, 1, 0, 1], 4).clamp(min=zero).requires_grad_()
        (loss(p, p.clone()) + losses.balance_loss(p.mean(dim=0), "uniform")).backward()
        assert torch.isfinite(p.grad).all()
    logits = (1e4 * one_hot([0, 1, 0, 1], 4)).requires_grad_()
    (losses.consistency(logits, logits) + losses.balance_loss(logits.softmax(dim=1).mean(dim=0), "uniform")).backward()
    assert torch.isfinite(logits.grad).all()


def test_a_saturated_start_still_learns():
    # every sample in cluster 0 with near certainty, as unnormalised features make of a fresh softmax head
    X = torch.randn(64, 8, generator=torch.Generator().manual_seed(0)) + 4
    for kind in ("uniform", "hinge"):
        head = torch.nn.Linear(8, 10)
        with torch.no_grad():
            head.weight.zero_()
            head.bias.copy_(torch.tensor([12.0] + [0.0] * 9))
        logits = head(X)
        p = logits.softmax(dim=1)
        assert float(p[:, 0].detach().min()) > 0.999
        (losses.consistency(logits, logits) + 5 * losses.balance_loss(p.mean(dim=0), kind)).backward()
        assert float(head.weight.grad.abs().max()) > 1e-4
