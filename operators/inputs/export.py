"""Form input for the path of an export."""

from pathlib import Path

from ..export.formats import WRITERS


def propose_path(run_key: str, format: str) -> str:
    """Propose a path for an export that does not exist yet."""
    suffix = WRITERS[format][0] if format in WRITERS else ""
    name = f"{run_key}{suffix}" if suffix else f"{run_key}_{format}"
    base = Path.home() / "clusters" / name
    tries = (base.with_name(f"{run_key}_{i}{suffix}" if suffix else f"{name}_{i}") for i in range(2, 1000))
    return str(base if not base.exists() else next((path for path in tries if not path.exists()), base))
