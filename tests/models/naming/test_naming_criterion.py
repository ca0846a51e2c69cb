"""Grouping by criterion without a server: the plan, what is read of answers, and where images go."""

import json

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.naming import criterion
from fiftyone.plugins.orgs.constellation.clusters.models.naming.answers import Unusable
from fiftyone.plugins.orgs.constellation.clusters.models.vectors import neighbors


@pytest.mark.parametrize(("n", "most"), [(2000, 0.05), (10_000, 0.05), (100_000, 0.01)])
def test_far_fewer_questions_than_images(n, most):
    steps = criterion.plan(n)
    assert steps["calls"] <= most * n and 4 <= steps["n_fine"] <= 200
    assert criterion.plan(3)["n_fine"] == 3


def test_captions_are_joined_by_their_numbers():
    entries = [{"image": 2, "caption": "b."}, {"image": "1", "caption": "a\n<i>"}, {"image": 2, "caption": "c"}]
    strange = [{"image": 9, "caption": "x"}, {"image": True, "caption": "x"}, "x", {"caption": "x"}, {"image": 0}]
    assert criterion.read_captions(json.dumps({"captions": [*entries, *strange]}), 3) == ["a", "b", ""]
    for text in ("{}", '{"captions": 5}', "prose", '{"captions": [{"image": 9, "caption": "x"}]}'):
        with pytest.raises(Unusable):
            criterion.read_captions(text, 3)


def test_groups_have_names_of_their_own():
    groups = [
        {"name": "Run"},
        {"name": "run"},
        {"name": "Sit", "description": "d"},
        {"name": "<b></b>"},
        {"name": "Lie"},
    ]
    text = json.dumps({"groups": groups})
    assert criterion.read_groups(text) == [("Run", ""), ("Sit", "d"), ("Lie", "")]
    assert len(criterion.read_groups(text, 2)) == 2
    with pytest.raises(Unusable, match="fewer than two"):
        criterion.read_groups('{"groups": [{"name": "all"}]}')


def test_captions_are_sorted_into_groups_that_exist():
    entries = [
        {"caption": 1, "group": 2},
        {"caption": 2, "group": 0},
        {"caption": 3, "group": 99},
        {"caption": 1, "group": 1},
    ]
    assert criterion.read_sorted(json.dumps({"captions": entries}), 4, 2) == [1, -1, -1, -1]
    with pytest.raises(Unusable, match="no caption was sorted"):
        criterion.read_sorted('{"captions": []}', 2, 2)


def test_images_follow_the_captions_of_their_fine_cluster():
    rng = np.random.default_rng(0)
    centers = rng.normal(size=(3, 8)) * 5
    fine = np.arange(60) % 3
    X = centers[fine] + 0.1 * rng.normal(size=(60, 8))
    side = rng.normal(size=8)
    X[fine == 2] += np.where(np.arange(20) % 2 == 0, 1, -1)[:, None] * side  # the third has two halves
    captioned = [0, 3, 1, 2, 5, 8]
    labels, confidence = criterion.place_images(X, fine, captioned, [0, 0, -1, 1, 2, 1])
    halves = labels[fine == 2]
    assert (labels[fine == 0] == 0).all() and (halves == np.where(np.arange(20) % 2 == 0, 1, 2)).all()
    assert (labels[fine == 1] >= 0).all()  # nobody there has a group: the nearest elsewhere decide
    assert ((confidence >= 0) & (confidence <= 1)).all() and (confidence[fine == 0] > 0.99).all()
    labels, confidence = criterion.place_images(X, fine, [0], [-1])
    assert (labels == -1).all() and (confidence == 0).all()


def test_copies_of_an_image_follow_one_caption(monkeypatch):
    exact = neighbors.vote

    def rounded(queries, *args):
        labels, confidence = exact(queries, *args)
        return np.where(np.arange(len(labels)) % 7, labels, labels[::-1]), confidence * np.linspace(0.9, 1, len(labels))

    monkeypatch.setattr(neighbors, "vote", rounded)
    rng = np.random.default_rng(0)
    which = rng.permutation(np.arange(200) % 20)
    X = rng.normal(size=(20, 8))[which]
    labels, confidence = criterion.place_images(X, which % 2, [0, 1, 2, 3, 4, 5], [0, 1, 2, 0, 1, 2])
    assert all(len({*zip(labels[which == i], confidence[which == i], strict=True)}) == 1 for i in range(20))


def test_the_users_words_are_text_in_the_prompt():
    question = criterion.caption_question([b"x"], "mood {0} %s", "photos", "German")
    assert "mood {0} %s" in question.text and "photos" in question.system and "German" in question.text
    assert "exactly 3" in criterion.group_question(["a"], "mood", 3).system
    assert "1. in {0}\n2. b" in criterion.sort_question(["a"], ["in {0}", "b"], "mood").text
