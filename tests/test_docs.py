"""The documents say what is true: tables are current, and the example in CONTRIBUTING works as printed."""

import importlib.util
import re
import sys
from pathlib import Path

import numpy as np
from fiftyone.plugins.orgs.constellation.clusters.models import clusterers

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import docs


def test_the_tables_of_the_readme_are_current():
    text = (ROOT / "README.md").read_text()
    assert docs.render(text) == text, "run python scripts/docs.py"
    for name in clusterers.list_clusterers():
        assert f"| `{name}` |" in text


def test_every_picture_and_file_the_readme_names_exists():
    for document in ("README.md", "CONTRIBUTING.md"):
        for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / document).read_text()):
            assert target.startswith("http") or (ROOT / target).exists(), f"{document} names {target}"


def test_the_example_method_works_as_printed(tmp_path):
    code = re.search(r"## Add a method.*?```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(), re.DOTALL)[1]
    (tmp_path / "spectral.py").write_text(code)
    spec = importlib.util.spec_from_file_location(f"{clusterers.__name__}.spectral", tmp_path / "spectral.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(3, 20)) * 5)[np.arange(90) % 3] + rng.normal(size=(90, 20))
    found = module.Spectral(n_clusters=3).fit(X.astype(np.float32))
    assert len(set(zip(found.labels_, np.arange(90) % 3, strict=True))) == 3
    assert (found.predict(X[:6].astype(np.float32)) == found.labels_[:6]).all()
