"""Run tests once more with another kernel of OpenBLAS than the one in force: ``python scripts/kernels.py [ARGS]``.

The last bit of a matrix product depends on the kernel, and with some also on a row's place in the matrix; what a test
says of vectors must hold with all of them. The arguments are pytest's. Where there is no second kernel, on other
processors than x86 or with another library than OpenBLAS, it says so and ends well.
"""

import os
import platform
import subprocess
import sys

# Haswell's wants AVX2, Nehalem's works on every x86-64; Zen's is Haswell's with another block size.
KERNELS = ("Haswell", "Nehalem")
_SAME = {"Zen": "Haswell"}
_PROBE = """
import numpy as np, threadpoolctl
for kind in (np.float32, np.float64):
    np.ones((300, 300), kind) @ np.ones((300, 300), kind)
print(*[info["architecture"] for info in threadpoolctl.threadpool_info() if info["internal_api"] == "openblas"][:1])
"""


def main() -> int:
    """Choose a kernel and run pytest; return the exit status."""
    machine, now = platform.machine(), in_force(os.environ)
    other = choose(machine, now, lambda name: in_force(with_kernel(name)) == name)
    if other is None:
        print(f"skipped: no second kernel to test with on {machine} beside {now or 'a library that is not OpenBLAS'}")
        return 0
    print(f"OpenBLAS takes its kernel for {now} here; the tests run once more with that for {other}", flush=True)
    return subprocess.call([sys.executable, "-m", "pytest", *sys.argv[1:]], env=with_kernel(other))


def choose(machine: str, now: str | None, works) -> str | None:
    """Choose the kernel to test with.

    Args:
        machine: as :func:`platform.machine` says it
        now: the kernel in force, None with another library than OpenBLAS
        works: called with a kernel's name; whether this processor and this OpenBLAS have it

    Returns:
        a name in ``KERNELS``, or None
    """
    if now is None or machine.lower() not in ("x86_64", "amd64"):
        return None
    return next((name for name in KERNELS if name != _SAME.get(now, now) and works(name)), None)


def with_kernel(name: str) -> dict[str, str]:
    """Return the environment of a process that takes a kernel, with the cache size that OpenBLAS finds by itself."""
    kept = {key: value for key, value in os.environ.items() if key != "OPENBLAS_L2_SIZE"}
    return {**kept, "OPENBLAS_CORETYPE": name}


def in_force(environment) -> str | None:
    """Return the kernel of NumPy's OpenBLAS in an environment, None if it takes none or cannot compute with it."""
    # tried and not looked up: a kernel that the processor lacks ends the process
    done = subprocess.run([sys.executable, "-c", _PROBE], env=dict(environment), capture_output=True, text=True)
    return done.stdout.strip() or None


if __name__ == "__main__":
    sys.exit(main())
