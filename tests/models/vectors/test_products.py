"""The library and number format of matrix products."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.vectors import products
from fiftyone.plugins.orgs.constellation.clusters.models.vectors.products import Fastest, Product


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    """A file of choices of its own, and nothing known yet."""
    monkeypatch.delenv(products.ENVIRONMENT, raising=False)
    monkeypatch.setattr(products, "_file", lambda: tmp_path / "new" / "products.json")
    products.fastest.cache_clear()
    yield tmp_path / "new" / "products.json"
    products.fastest.cache_clear()


@pytest.mark.parametrize(("format", "error"), [("numpy", 1e-6), ("torch", 1e-6), ("bfloat16", 8e-3)])
@pytest.mark.parametrize("rows", [slice(5, 25), np.array([7, 3, 3, 40])])
def test_every_format_multiplies(format, error, rows):
    X = np.random.default_rng(0).normal(size=(50, 64)).astype(np.float32)
    found = Product(X, 1, format=format)(rows, X[:9])
    assert found.dtype == np.float32
    # rounding is a share of the lengths, whose product bounds the scalar product
    lengths = np.linalg.norm(X, axis=1)
    wrong = np.abs(found - X[rows].astype(np.float64) @ X[:9].T)
    assert (wrong <= error * lengths[rows][:, None] * lengths[:9]).all()


def test_float64_and_small_work_are_numpys():
    X = np.zeros((4, 3))
    assert Product(X, 1e15).format == "numpy"
    assert Product(X.astype(np.float32), 100).format == "numpy"
    assert not products._file().exists()


def test_it_is_measured_once_and_every_process_takes_that(file, monkeypatch):
    asked = []
    monkeypatch.setattr(products, "measure", lambda: asked.append(1) or Fastest("torch", "bfloat16"))
    assert products.fastest_for(1e13) == "torch" and products.fastest_for(1e13, rough=True) == "bfloat16"
    assert list(json.loads(file.read_text()).values()) == [["torch", "bfloat16"]]
    products.fastest.cache_clear()
    monkeypatch.setattr(products, "measure", lambda: Fastest("numpy", "numpy"))
    assert products.fastest() == Fastest("torch", "bfloat16") and asked == [1]
    assert [path.name for path in file.parent.iterdir()] == ["products.json"]


@pytest.mark.parametrize("text", ["", "[1]", '{"here": 3}', "{", None])
def test_a_file_that_says_nothing_useful_is_replaced(file, monkeypatch, text):
    monkeypatch.setattr(products, "_machine", lambda: "here")
    monkeypatch.setattr(products, "measure", lambda: Fastest("numpy", "numpy"))
    if text is None:
        file.parent.write_text("a file where the folder should be")
    else:
        file.parent.mkdir()
        file.write_text(text)
    assert products.fastest() == Fastest("numpy", "numpy")
    if text is not None:
        assert json.loads(file.read_text())["here"] == ["numpy", "numpy"]


def test_the_faster_one_is_taken_if_it_is_clearly_faster(monkeypatch):
    def taken(numpy, torch, bfloat16=None):
        times = {"numpy": numpy, "torch": torch, "bfloat16": bfloat16}
        monkeypatch.setattr(products, "_seconds", lambda X, others, name: times[name])
        precision = "float32" if bfloat16 is None else "bfloat16"
        monkeypatch.setattr(sys.modules[products.__package__[:-8] + ".devices"], "best_precision", lambda *_: precision)
        return products.measure()

    from fiftyone.plugins.orgs.constellation.clusters.models import devices  # noqa: F401, patched above

    assert taken(1.0, 3.0) == ("numpy", "numpy") and taken(1.0, 0.9) == ("numpy", "numpy")
    assert taken(3.0, 1.0) == ("torch", "torch")
    assert taken(1.0, 3.0, 0.5) == ("numpy", "bfloat16") and taken(1.0, 3.0, 0.9) == ("numpy", "numpy")


def test_this_machine_can_be_measured():
    found = products.measure()
    assert found.exact in ("numpy", "torch") and found.rough in (found.exact, "bfloat16")


def test_the_environment_decides_and_is_checked(monkeypatch):
    monkeypatch.setenv(products.ENVIRONMENT, "bfloat16")
    assert products.fastest_for(1, rough=True) == "bfloat16" and products.fastest_for(1) == "torch"
    monkeypatch.setenv(products.ENVIRONMENT, "float8")
    with pytest.raises(
        ValueError, match="CONSTELLATION_PRODUCTS='float8' is not known; use one of numpy, torch, bfloat16"
    ):
        products.fastest_for(1)


def test_small_work_loads_no_torch():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import numpy as np; from models.clusterers.kmeans import KMeans;"
        "KMeans(3).fit(np.random.default_rng(0).normal(size=(500, 40)).astype('f4')); print('torch' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(root)], capture_output=True, text=True)
    assert done.stdout.strip() == "False", done.stderr
