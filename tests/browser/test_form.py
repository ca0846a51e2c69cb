"""The form of compute_clusters: what it refuses while one types, and how it follows the choices."""

import json
import re
import urllib.request

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.brief


@pytest.fixture
def form(user, digits):
    digits.register_run("taken", digits.init_run(method="other"))
    user.open(digits)
    form = user.open_form("compute_clusters")
    assert not form.get_by_text("Run key", exact=True).count()  # folded away
    user.tick(form, "More")
    return form


@pytest.mark.parametrize(
    ("label", "text", "sentence"),
    [
        ("Run key", "not a key", "run key 'not a key' .+"),
        ("Run key", "taken", "run key 'taken' .+"),
        ("Cluster field", "filepath", "'filepath' .+"),
    ],
)
def test_names_are_checked_while_typing(user, form, label, text, sentence):
    user.fill(form, label, text)
    expect(user.field(form, label)).to_contain_text(re.compile(sentence))
    expect(user.button(form)).to_be_disabled()


def test_the_parameters_follow_the_method(user, form):
    def shown(name):
        return expect(form.get_by_role("paragraph").filter(has_text=re.compile(f"^{name}$")))

    shown("swaps").to_be_visible()
    shown("tol").to_have_count(0)
    user.tick(form, "All parameters (2 more)")
    shown("tol").to_be_visible()
    shown("max_iter").to_be_visible()

    assert user.captions(form, "Method")[:2] == ["— Classical —", "— Deep, on embeddings or from images —"]
    user.choose(form, "Method", "Agglomerative")
    shown("swaps").to_have_count(0)
    shown("Number of clusters").to_be_visible()
    user.choose(form, "stop", "distance_threshold")
    shown("Number of clusters").to_have_count(0)
    user.choose(form, "linkage", "average")
    assert "cosine" in user.options(form, "metric")
    user.choose(form, "linkage", "ward")
    assert user.options(form, "metric") == ["euclidean"]


def test_the_server_loads_the_plugin_without_errors(server, digits):
    body = json.dumps({"dataset_name": digits.name}).encode()
    request = urllib.request.Request(f"{server.url}/operators", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        answer = json.load(response)
    assert answer["errors"] == []
    ours = {o["config"]["name"] for o in answer["operators"] if o["plugin_name"] == "@constellation/clusters"}
    assert {"compute_clusters", "compute_embeddings", "get_clustering_run_info"} <= ours
