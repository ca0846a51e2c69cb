"""The second run of the numerics' tests takes another kernel of OpenBLAS, or says why there is none."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

import kernels

X86 = platform.machine().lower() in ("x86_64", "amd64")


@pytest.mark.parametrize(
    ("machine", "now", "works", "chosen"),
    [
        ("x86_64", "SkylakeX", {"Haswell", "Nehalem"}, "Haswell"),
        ("AMD64", "Zen", {"Haswell", "Nehalem"}, "Nehalem"),
        ("x86_64", "Haswell", {"Haswell", "Nehalem"}, "Nehalem"),
        ("x86_64", "Sandybridge", {"Nehalem"}, "Nehalem"),
        ("x86_64", "Nehalem", {"Nehalem"}, None),
        ("x86_64", None, {"Haswell", "Nehalem"}, None),
        ("aarch64", "neoversen1", {"Haswell", "Nehalem"}, None),
    ],
)
def test_the_kernel_is_another_one_that_works(machine, now, works, chosen):
    assert kernels.choose(machine, now, works.__contains__) == chosen


def test_pytest_runs_under_it_and_its_failures_count(tmp_path):
    test = tmp_path / "test_it.py"
    test.write_text("import os\n\ndef test_it():\n    assert 0, sorted(k for k in os.environ if 'OPENBLAS' in k)\n")
    command = [sys.executable, str(ROOT / "scripts" / "kernels.py"), "-q", "-p", "no:cacheprovider", str(test)]
    environment = {**os.environ, "OPENBLAS_L2_SIZE": "1000000"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    now = kernels.in_force(environment)
    if done.stdout.startswith(f"skipped: no second kernel to test with on {platform.machine()} beside "):
        assert done.returncode == 0 and (now in (None, "Nehalem") or not X86)
    else:
        assert done.stdout.startswith(f"OpenBLAS takes its kernel for {now} here; the tests run once more with that")
        assert done.returncode == 1 and "AssertionError: ['OPENBLAS_CORETYPE']" in done.stdout
