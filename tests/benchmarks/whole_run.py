"""Everything but embedding, on 20,000 x 512 vectors: a whole run against the steps of the plugin it replaces.

Both start from a dataset whose vector field is filled, cluster into k = 10 and leave labels and a run behind, each in
a process of its own. The other plugin's steps, re-enacted here from its behaviour: vectors read into Python lists and
float64, scikit-learn's KMeans with n_init = 10, all vectors written back, labels as strings.

    python tests/benchmarks/whole_run.py [--n 20000] [--d 512] [--repeats 3]
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from stack import Mongod, fiftyone_environment
from verdict import claim, finish


def main():
    """Makes the dataset, runs both in turn and prints the ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=20_000)
    parser.add_argument("--d", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--child", choices=["ours", "theirs"], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps({"ours": ours, "theirs": theirs}[options.child]()))
        return
    mongod = Mongod()
    try:
        os.environ.update(fiftyone_environment(mongod.uri, Path(tempfile.mkdtemp()), ROOT))
        fill(options.n, options.d)
        rows = [{name: child(name) for name in ("theirs", "ours")} for _ in range(options.repeats)]
    finally:
        mongod.stop()
    print(f"{options.n:,} x {options.d}, k = 10, {options.repeats} repeats, each in its own process\n")
    print("| | CPU s | added memory, MB | inertia per vector |\n| --- | --- | --- | --- |")
    for name, title in (("theirs", "re-enacted steps"), ("ours", "compute_clusters")):
        found = [row[name] for row in rows]
        columns = [spread([f[key] for f in found], digits) for key, digits in COLUMNS]
        print(f"| {title} | {' | '.join(columns)} |")
    for key, title in (("cpu", "CPU seconds"), ("memory", "memory")):
        ratios = [row["ours"][key] / row["theirs"][key] for row in rows]
        claim(f"\n{title}: ours / theirs = {spread(ratios, 2)}, mean at most 0.5", sum(ratios) <= 0.5 * len(ratios))
    claim("\nstored vectors unchanged by ours", all(row["ours"]["unchanged"] for row in rows))
    finish()


COLUMNS = (("cpu", 1), ("memory", 0), ("inertia", 4))


def spread(values, digits: int) -> str:
    """Mean and range."""
    mean = sum(values) / len(values)
    return f"{mean:.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def child(name: str) -> dict:
    """Runs one side in a process of its own."""
    command = [sys.executable, "-W", "ignore", __file__, "--child", name]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout.strip().splitlines()[-1])


def fill(n: int, d: int):
    """A dataset of unit vectors around 100 directions that share a common one, as CLIP's do."""
    import fiftyone as fo
    import numpy as np

    rng = np.random.default_rng(0)
    centers = rng.normal(size=(100, d)) + 2.0 * rng.normal(size=d)
    X = (centers[rng.integers(100, size=n)] + rng.normal(size=(n, d)) * 1.2).astype(np.float32)
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    dataset = fo.Dataset("bench", persistent=True)
    dataset.add_sample_field("emb", fo.VectorField)
    dataset.add_samples([fo.Sample(filepath=f"/none/{i}.png", emb=x) for i, x in enumerate(X)], progress=False)


def measured(work) -> dict:
    """CPU seconds and added peak memory of ``work(dataset)``, which returns its labels' field."""
    import fiftyone as fo
    import fiftyone.operators as foo
    import numpy as np
    import sklearn.cluster
    import sklearn.metrics

    foo.get_operator("@constellation/clusters/compute_clusters")  # loading the plugin is not the run
    dataset = fo.load_dataset("bench")
    warm = sklearn.cluster.KMeans(2, n_init=1).fit(np.random.default_rng(0).normal(size=(50, 4)))
    sklearn.metrics.silhouette_score(np.eye(4), [0, 0, 1, 1])
    assert len(warm.labels_) == 50
    before = resource.getrusage(resource.RUSAGE_SELF)
    label_field = work(dataset)
    after = resource.getrusage(resource.RUSAGE_SELF)
    vectors = np.stack(dataset.values("emb")).astype(np.float64)
    labels = np.array(dataset.values(label_field))
    centers = {label: vectors[labels == label].mean(axis=0) for label in set(labels)}
    inertia = np.mean([((x - centers[label]) ** 2).sum() for x, label in zip(vectors, labels, strict=True)])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": cpu, "memory": (after.ru_maxrss - before.ru_maxrss) / 1024, "inertia": inertia}


def ours() -> dict:
    """The operator; the stored bytes of all vectors are hashed before and after."""
    import fiftyone as fo
    import fiftyone.operators as foo

    def work(dataset):
        op = foo.get_operator("@constellation/clusters/compute_clusters")
        op(dataset, run_key="ours", params={"n_clusters": 10}, embeddings="emb", visualize=False)
        return "ours.cluster"

    before = stored_hash()
    found = measured(work)
    after = stored_hash()
    foo.get_operator("@constellation/clusters/delete_clustering_run")(fo.load_dataset("bench"), run_key="ours")
    return {**found, "unchanged": before == after}


def stored_hash() -> str:
    """A hash of the vectors as they lie in the database."""
    import fiftyone as fo

    total = hashlib.sha256()
    for document in fo.load_dataset("bench")._sample_collection.find({}, {"emb": 1}).sort("_id"):
        total.update(document["emb"])
    return total.hexdigest()


def theirs() -> dict:
    """The steps of the plugin that it replaces."""
    import numpy as np
    from sklearn.cluster import KMeans

    def work(dataset):
        run = dataset.init_run(method="kmeans")
        dataset.register_run("theirs", run)
        embeddings = np.array([vector.tolist() for vector in dataset.values("emb")])
        labels = KMeans(n_clusters=10, n_init=10, random_state=51).fit_predict(embeddings)
        dataset.set_values("emb", list(embeddings))
        dataset.set_values("theirs", [str(label) for label in labels])
        dataset.save_run_results("theirs", dataset.init_run_results("theirs"))
        return "theirs"

    found = measured(work)
    import fiftyone as fo

    dataset = fo.load_dataset("bench")
    dataset.set_values("emb", [vector.astype(np.float32) for vector in dataset.values("emb")])
    dataset.delete_run("theirs")
    dataset.delete_sample_field("theirs")
    return found


if __name__ == "__main__":
    main()
