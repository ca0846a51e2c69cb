"""Every benchmark script still starts: its imports are there, and it prints how to run it."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "tests" / "benchmarks"
SCRIPTS = sorted(path.name for path in FOLDER.glob("*.py") if "ArgumentParser" in path.read_text())


def test_all_benchmarks_are_scripts_with_help():
    others = {path.name for path in FOLDER.glob("*.py")} - set(SCRIPTS)
    assert len(SCRIPTS) >= 12 and others == {"verdict.py"}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_benchmark_starts(name):
    command = [sys.executable, "-W", "ignore", str(FOLDER / name), "--help"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "usage:" in done.stdout, done.stderr[-2000:]
