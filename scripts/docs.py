"""Tables of the README, written from the signatures they describe: ``python scripts/docs.py``; ``--check`` compares.

A table lies between ``<!-- methods -->`` and ``<!-- /methods -->``, and likewise for ``encoders`` and ``reductions``.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"


def main():
    """Rewrite the tables, or with ``--check`` exit with 1 if they are not current."""
    current = README.read_text()
    fresh = render(current)
    if "--check" in sys.argv:
        sys.exit(0 if fresh == current else "README.md is not current; run python scripts/docs.py")
    README.write_text(fresh)


def render(text: str) -> str:
    """Return ``text`` with every table written again."""
    for name, table in tables().items():
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"README.md has no place for the table {name!r}; add <!-- {name} --> and <!-- /{name} -->")
        text = pattern.sub(lambda found, rows=table: f"{found[1]}{rows}\n{found[2]}", text)
    return text


def tables() -> dict[str, str]:
    """Return each table's Markdown by name."""
    load_plugin()
    from fiftyone.plugins.orgs.constellation.clusters.models import clusterers, encoders
    from fiftyone.plugins.orgs.constellation.clusters.models.vectors.reduction import REDUCTIONS

    methods = list(clusterers.all_clusterers())
    kinds = [encoders.encoder_class(name) for name in encoders.list_encoders() if ":" not in name]
    return {
        "methods": table("method", methods, "when to choose it", lambda cls: cls.when + optional(cls)),
        "reductions": table("reduce", REDUCTIONS.values(), "when it helps", lambda cls: cls.when),
        "encoders": table("encoder", kinds, "when to choose it", lambda cls: cls.when),
    }


def table(head: str, classes, second: str, describe) -> str:
    """Return a row per class: name, one line, parameters with their defaults."""
    rows = [f"| {head} | {second} | parameters |", "| --- | --- | --- |"]
    rows += [f"| `{cls.name}` | {describe(cls)} | {parameters_text(cls)} |" for cls in classes]
    return "\n".join(rows)


def optional(cls) -> str:
    """Return a note on packages that the plugin's requirements leave out."""
    return f" (needs `pip install {' '.join(cls.requires)}`)" if cls.requires else ""


def parameters_text(cls) -> str:
    """Return the parameters of a signature: ``n_clusters`` 10, ..."""
    from fiftyone.plugins.orgs.constellation.clusters.models.parameters import parameters

    shown = (f"`{name}`" + ("" if info.is_required() else f" {info.default}") for name, info in parameters(cls).items())
    return ", ".join(shown) or "none"


def load_plugin():
    """Make the plugin importable, as FiftyOne would, without a database."""
    import os

    os.environ.setdefault("FIFTYONE_DISABLE_SERVICES", "1")
    from fiftyone.plugins.context import PluginContext
    from fiftyone.plugins.definitions import PluginDefinition

    PluginContext(PluginDefinition.from_disk(str(ROOT / "fiftyone.yml"))).register_all()


if __name__ == "__main__":
    main()
