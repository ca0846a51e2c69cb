"""The plugin as FiftyOne sees it: manifest, installation, beside others, and quick to load."""

import functools
import http.server
import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import fiftyone.operators as foo
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
SHIPPED = ("fiftyone.yml", "__init__.py", "requirements.txt", "README.md", "LICENSE", "assets", "models", "operators")
MANIFEST = yaml.safe_load((ROOT / "fiftyone.yml").read_text())


def run(code: str, **environment) -> str:
    """Runs Python code in a process of its own and returns what it printed last."""
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environment})
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1]


def test_the_manifest_names_what_is_registered():
    names = {o.name for o in foo.list_operators(type="operator") if o.uri.startswith("@constellation/clusters/")}
    assert names == set(MANIFEST["operators"])
    assert MANIFEST["license"] == "Apache-2.0" and MANIFEST["name"] == "@constellation/clusters"
    assert "Apache License" in (ROOT / "LICENSE").read_text()


@pytest.mark.parametrize("name", MANIFEST["operators"])
def test_every_operator_is_described_and_declares_its_risk(name):
    config = foo.get_operator(f"@constellation/clusters/{name}").config
    assert config.risk_level.value in ("low", "medium", "high")
    assert config.unlisted or (config.description and config.label.startswith("Clusters: "))


@pytest.fixture(scope="module")
def served_zip(tmp_path_factory):
    """The plugin as a zip on a loopback web server, the way a repository host serves it."""
    folder = tmp_path_factory.mktemp("web")
    with zipfile.ZipFile(folder / "main.zip", "w") as archive:
        for name in SHIPPED:
            paths = [ROOT / name] if (ROOT / name).is_file() else sorted((ROOT / name).rglob("*"))
            for path in paths:
                if path.is_file() and "__pycache__" not in path.parts:
                    archive.write(path, Path("clusters-main") / path.relative_to(ROOT))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/main.zip"
    server.shutdown()


@pytest.mark.slow
def test_download_and_requirements(served_zip, tmp_path):
    environment = {**os.environ, "FIFTYONE_PLUGINS_DIR": str(tmp_path / "plugins"), "NO_PROXY": "127.0.0.1"}
    fiftyone = str(Path(sys.executable).with_name("fiftyone"))
    # Another plugin, with top-level modules named like ours
    other = tmp_path / "plugins" / "other plugin"
    (other / "models").mkdir(parents=True)
    (other / "fiftyone.yml").write_text("name: '@someone/other'\noperators: []\n")
    (other / "__init__.py").write_text("import sys, os\nsys.path.insert(0, os.path.dirname(__file__))\nimport models\n")
    (other / "models" / "__init__.py").write_text("WHOSE = 'theirs'\n")
    for command in (
        ["plugins", "download", served_zip],
        ["plugins", "requirements", "@constellation/clusters", "--install"],
    ):
        done = subprocess.run([fiftyone, *command], env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    listed = subprocess.run([fiftyone, "plugins", "list"], env=environment, capture_output=True, text=True).stdout
    assert "@constellation/clusters" in listed
    code = """
import fiftyone.operators as foo, json
found = [o.uri for o in foo.list_operators(type="operator")]
print(json.dumps([u for u in found if u.startswith("@constellation")]))
"""
    found = json.loads(run(code, FIFTYONE_PLUGINS_DIR=str(tmp_path / "plugins")))
    assert found == [f"@constellation/clusters/{name}" for name in sorted(MANIFEST["operators"])] or set(found) == {
        f"@constellation/clusters/{name}" for name in MANIFEST["operators"]
    }


@pytest.mark.parametrize("name", ["clusters", "1 odd-name"])
def test_symlinks_and_any_folder_name(tmp_path, name):
    real = tmp_path / "real"
    real.mkdir()
    (real / name).symlink_to(ROOT)
    (tmp_path / "linked").symlink_to(real)
    code = "import fiftyone.operators as foo; print(foo.get_operator('@constellation/clusters/compute_clusters').uri)"
    assert run(code, FIFTYONE_PLUGINS_DIR=str(tmp_path / "linked")).endswith("compute_clusters")


# What FiftyOne itself has loaded of scikit-learn and SciPy does not count; what comes on top of it does.
HEAVY = ["torch", "torchvision", "sklearn", "scipy", "umap", "hdbscan", "evoc", "numba", "timm", "open_clip"]
HEAVY += ["transformers", "safetensors", "accelerate", "openai"]


def test_the_plugin_imports_in_a_blink_beside_fiftyone():
    """Measured: a tenth of the CPU time that FiftyOne itself takes."""
    code = """
import sys, time
start = time.process_time()
import fiftyone, fiftyone.operators as foo, fiftyone.brain
theirs = time.process_time() - start
from fiftyone.plugins.context import PluginContext
from fiftyone.plugins.definitions import PluginDefinition
before, start = set(sys.modules), time.process_time()
context = PluginContext(PluginDefinition.from_disk(ROOT + "/fiftyone.yml"))
context.register_all()
ours = time.process_time() - start
assert not context.errors, context.errors
foo.list_operators()
print(ours / theirs, *sorted({m for m in set(sys.modules) - before if m.split(".")[0] in HEAVY}))
""".replace("ROOT", repr(str(ROOT))).replace("HEAVY", repr(HEAVY))
    share, *loaded = min((run(code) for _ in range(3)), key=lambda line: float(line.split()[0])).split()
    assert float(share) < 0.5 and loaded == []


def test_no_form_loads_a_heavy_library_or_reaches_the_network(clustered_name):
    code = """
import socket, sys
import fiftyone as fo, fiftyone.operators as foo, fiftyone.brain
real = socket.socket.connect
def connect(self, address):
    assert address[0] in ("127.0.0.1", "localhost"), address
    return real(self, address)
socket.socket.connect = connect
fo.load_dataset(NAME).first()
before, drawn = set(sys.modules), 0
entered = [{}, {"run_key": "km"}, {"run_key": "km", "ground_truth": "classes", "other": "hdb", "name": "a"}]
further = {
    "compute_clusters": [
        {"method": "scan", "train": "images"},
        {"method": "hdbscan", "reduce": "umap"},
        {"method": "dec", "reduce": "pca", "visualize": True},
        *({"encoder": name, "source": "compute new vectors"} for name in ("clip", "timm", "zoo", "efficientnet_lite0")),
    ],
    "compute_embeddings": [{"encoder": name} for name in ("clip", "timm", "zoo", "efficientnet_lite0")],
    "train_encoder": [{"kind": kind} for kind in ("simclr", "autoencoder", "conv_autoencoder")],
    "edit_clusters": [
        {"action": action}
        for action in ("rename", "merge", "split", "move", "dissolve", "absorb_noise", "undo", "redo")
    ],
    "label_clusters": [{"source": source} for source in ("llm", "vocabulary", "classifier", "field")],
    "suggest_cluster_count": [{"method": method} for method in ("kmeans", "hdbscan")],
    "export_clusters": [{"format": format} for format in ("html", "csv", "folders")],
}
ours = [op for op in foo.list_operators(type="operator") if op.uri.startswith("@constellation/clusters/")]
for op in ours:
    for params in entered + further.get(op.name, []):
        ctx = foo.ExecutionContext({"dataset_name": NAME, "params": params}, operator_uri=op.uri)
        form = op.resolve_type(ctx, "inputs")
        drawn += form is not None and form.to_json() is not None
        op.resolve_execution_options(ctx)
print(len(ours), drawn, *sorted({m for m in set(sys.modules) - before if m.split(".")[0] in HEAVY}))
""".replace("NAME", repr(clustered_name)).replace("HEAVY", repr(HEAVY))
    operators, drawn, *loaded = run(code).split()
    assert int(operators) == len(MANIFEST["operators"]) < int(drawn) and loaded == []


@pytest.fixture
def clustered_name(dataset):
    """The name of a dataset with classes, boxes and two runs, one of them edited."""
    import fiftyone as fo

    dataset.add_samples(
        [
            fo.Sample(
                filepath=f"/n/{i}.png",
                emb=[1.0 * i, 2.0 + i % 3, 3.0],
                classes=fo.Classification(label="abc"[i % 3]),
                boxes=fo.Detections(detections=[fo.Detection(label="a", bounding_box=[0, 0, 0.5, 0.5])]),
            )
            for i in range(30)
        ],
        progress=False,
    )
    compute_clusters = foo.get_operator("@constellation/clusters/compute_clusters")
    options = {"embeddings": "emb", "visualize": False}
    compute_clusters(dataset, run_key="km", params={"n_clusters": 3}, **options)
    compute_clusters(dataset, run_key="hdb", method="hdbscan", params={"min_cluster_size": 5}, **options)
    rename = {"action": "rename", "names": {0: "first"}}
    foo.get_operator("@constellation/clusters/edit_clusters")(dataset, run_key="km", **rename)
    return dataset.name
