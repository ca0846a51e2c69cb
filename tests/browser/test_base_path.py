"""The App behind a reverse proxy, under a base path."""

import fiftyone.operators as foo
import pytest
from app import User
from base_path import BASE, BasePath
from test_panel import Panel


@pytest.fixture
def proxy(simple_server):
    running = BasePath(simple_server.port)
    yield running
    running.stop()


def test_cards_show_pictures_behind_a_base_path(proxy, chromium, digits):
    compute = foo.get_operator("@constellation/clusters/compute_clusters")
    compute(digits, run_key="four", embeddings="emb", params={"n_clusters": 4}, visualize=False)
    context = chromium.new_context()
    user = User(context.new_page(), proxy.url)
    user.page.goto(f"{proxy.url}/datasets/{digits.name}?proxy={BASE}/")
    user.settle()
    Panel(user).open()  # waits until every picture is there
    context.close()
    assert not [path for path in proxy.refused if "media" in path]
