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


def test_the_plugin_imports_in_a_blink():
    code = """
import fiftyone, fiftyone.operators as foo, fiftyone.brain, time, sys
from fiftyone.plugins.context import PluginContext
from fiftyone.plugins.definitions import PluginDefinition
before = set(sys.modules)
start = time.process_time()
context = PluginContext(PluginDefinition.from_disk(ROOT + "/fiftyone.yml"))
context.register_all()
seconds = time.process_time() - start
assert not context.errors, context.errors
heavy = {m.split(".")[0] for m in set(sys.modules) - before} & {"torch", "sklearn", "scipy", "umap", "hdbscan", "timm"}
print(seconds, *heavy)
""".replace("ROOT", repr(str(ROOT)))
    best = min((run(code) for _ in range(3)), key=lambda line: float(line.split()[0]))
    assert float(best.split()[0]) < 0.2 and best.split()[1:] == []


def test_opening_a_form_loads_no_torch_and_no_network(blobs_name):
    code = """
import socket, sys
import fiftyone as fo, fiftyone.operators as foo
real = socket.socket.connect
def connect(self, address):
    assert address[0] in ("127.0.0.1", "localhost"), address
    return real(self, address)
socket.socket.connect = connect
assert "torch" not in sys.modules
for name in ("compute_clusters", "compute_embeddings"):
    op = foo.get_operator("@constellation/clusters/" + name)
    for params in ({}, {"encoder": "clip", "source": "compute new vectors"}, {"method": "hdbscan", "reduce": "umap"}):
        ctx = foo.ExecutionContext({"dataset_name": NAME, "params": params}, operator_uri=op.uri)
        form = op.resolve_type(ctx, "inputs").to_json()
        op.resolve_execution_options(ctx)
print(*({"torch", "umap", "hdbscan", "timm", "open_clip"} & set(sys.modules)), "none")
""".replace("NAME", repr(blobs_name))
    assert run(code) == "none"


@pytest.fixture
def blobs_name(dataset):
    import fiftyone as fo

    dataset.add_samples([fo.Sample(filepath=f"/n/{i}.png", emb=[1.0 * i, 2.0, 3.0]) for i in range(5)], progress=False)
    return dataset.name
