"""The browser modules of the panel: what is in git is what runs, and nothing is fetched from elsewhere."""

import re
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import panel_digest

MODULES = sorted(panel_digest.FOLDER.glob("*.js"))


def test_the_stub_carries_the_digest_of_all_modules():
    assert panel_digest.written() == panel_digest.digest(), "run `python scripts/panel_digest.py`"
    assert yaml.safe_load((ROOT / "fiftyone.yml").read_text())["js_bundle"] == "assets/panel/index.js"


def test_a_change_of_any_module_changes_the_digest(tmp_path, monkeypatch):
    for path in MODULES:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(panel_digest, "FOLDER", tmp_path)
    monkeypatch.setattr(panel_digest, "STUB", tmp_path / "index.js")
    before = panel_digest.digest()
    for path in MODULES:
        if path.name != "index.js":
            (tmp_path / path.name).write_bytes(path.read_bytes() + b"\n")
            assert panel_digest.digest() != before
            (tmp_path / path.name).write_bytes(path.read_bytes())


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_loads_its_siblings_only_and_writes_no_markup(path):
    text = path.read_text()
    assert not re.search(
        r"https?://|innerHTML|outerHTML|insertAdjacentHTML|dangerouslySet|eval\(|document\.write", text
    )
    for found in re.findall(r"import\(([^)]*)\)", text):
        assert re.match(r'`\./(\w+|\$\{name\})\.js\$\{query\}`$|new URL\("\./main\.js|"\./\w+\.js"$', found), found
    assert not re.search(r"^import .* from", text, re.M)  # without the query it would be an old one after an upgrade
    assert "\n/**" in f"\n{text}" or path.name == "index.js"  # each says what it is
