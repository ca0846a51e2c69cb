"""What a job of the App found is kept with the job, for nobody waits for it at a dialog."""

from pathlib import Path

import fiftyone.operators as foo
import pytest
from fiftyone.operators.executor import Executor
from fiftyone.plugins.orgs.constellation.clusters.operators.execution import worker

from ..conftest import get

OPERATORS = Path(__file__).resolve().parents[3] / "operators"
STREAMING = [path for path in sorted(OPERATORS.glob("*.py")) if "yield from stream(" in path.read_text()]


@pytest.mark.parametrize("path", STREAMING, ids=lambda path: path.stem)
def test_every_operator_that_may_go_on_in_the_background_keeps_what_it_found(path):
    assert len(STREAMING) > 10 and "report_result(" in path.read_text()


CALLS = {
    "evaluate_clusters": ({}, "silhouette"),
    "build_cluster_hierarchy": ({"n_coarse": 2}, "group"),
    "edit_clusters": ({"action": "merge", "clusters": ["0", "1"]}, "Merged"),
    "find_cluster_duplicates": ({"min_similarity": 0.9, "tag": "copies"}, "too many, tagged copies"),
}


@pytest.mark.parametrize("name", CALLS)
def test_its_words_are_those_of_the_dialog(blobs, compute, monkeypatch, name):
    compute(blobs, run_key="km", embeddings="emb", params={"n_clusters": 4})
    kept = {}
    monkeypatch.setitem(worker._current, "id", "job")
    monkeypatch.setattr(worker, "change_job", lambda job, **changes: kept.update(changes))
    params, words = CALLS[name]
    request = {"dataset_name": blobs.name, "params": {"run_key": "km", **params}, "delegated": True}
    ctx = foo.ExecutionContext(request, executor=Executor())
    list(get(name).execute(ctx))
    assert words in kept["result"]
