"""Comparison of two clusterings as Markdown and a heat map."""

from collections.abc import Callable

from .markdown import escape
from .plots import HEIGHT, Plot, count_map, plot_label
from .verdicts import agreement

LONGEST = 100  # clusters drawn per side: beyond that a cell is smaller than a pixel or two
LISTED = 30
NUMBERED = 20  # rows and columns up to which the counts fit into the cells


def comparison_text(done: dict) -> str:
    """Return the result of :func:`operators.evaluation.comparison.compare_clusterings` as Markdown."""
    unit, key, other = done["unit"], done["run_key"], done["other_run_key"]
    lines = [
        f"**{agreement(done['ari']).capitalize()}**, ARI {done['ari']:.3f}, AMI {done['ami']:.3f}, over "
        f"{done['n_compared']:,} {unit} that have a label of both `{key}` and `{other}`"
    ]
    if "ari_assigned" in done:
        lines[0] += f" (without noise: {done['ari_assigned']:.3f} and {done['ami_assigned']:.3f})"
    lines += ["", f"**{done['n_moved']:,} {unit} moved** to another cluster than the one that theirs became"]
    if done["n_only_first"] or done["n_only_second"]:
        only = f"{done['n_only_first']:,} have a label of `{key}` only, {done['n_only_second']:,} of `{other}` only"
        lines += ["", f"Left out: {only}"]
    changed = changed_clusters(done)
    kept = len(done["clusters"]) - len(changed)
    lines += ["", f"{kept} of {len(done['clusters'])} clusters were kept" + (":" if changed else "")]
    lines += [f"- {line}" for line in _fates(changed, escape)]
    return "\n".join(lines)


def agreement_text(done: dict) -> str:
    """Return how far two clusterings agree, in words."""
    return f"{agreement(done['ari']).capitalize()} over {done['n_compared']:,} {done['unit']} that have a label of both"


def comparison_lines(done: dict) -> list[str]:
    """Return what became of the clusters, as lines of plain text.

    Args:
        done: a comparison, with its ``changed`` clusters and the number ``n_all`` of all
    """
    changed, n_all = done["changed"], done["n_all"]
    lines = [f"{n_all - done['n_changed']} of {n_all} clusters were kept"]
    if left_out := done["n_only_first"] + done["n_only_second"]:
        lines.append(f"{left_out:,} {done['unit']} have a label of only one of both and are left out")
    return lines + _fates(changed, str, done["n_changed"])


def changed_clusters(done: dict) -> list[dict]:
    """Return the clusters that were not kept, the largest first."""
    changed = [cluster for cluster in done["clusters"] if cluster["fate"] != "kept"]
    return sorted(changed, key=lambda cluster: -cluster["size"])


def _fates(changed: list[dict], quote: Callable[[str], str], n_changed: int | None = None) -> list[str]:
    n_changed = len(changed) if n_changed is None else n_changed
    lines = [f"{quote(one['label'])} ({one['size']:,}) {_fate(one, quote)}" for one in changed[:LISTED]]
    return [*lines, f"and {n_changed - LISTED:,} smaller ones"] if n_changed > LISTED else lines


def _fate(cluster: dict, quote: Callable[[str], str]) -> str:
    into = ", ".join(f"{quote(name)} ({count:,})" for name, count in cluster["into"].items())
    if cluster["fate"] == "split":
        return f"split into {into}"
    if cluster["fate"] == "merged":
        return f"merged into {into}"
    stayed = f"; the largest match is {quote(cluster['match'])} ({cluster['n_stayed']:,})" if cluster["match"] else ""
    return f"scattered{stayed}"


def comparison_plot(done: dict) -> Plot:
    """Plot the table of a comparison: the color of a cell is its share of the row, its number the count."""
    table = done["table"]
    counts = [row[:LONGEST] for row in table["counts"][:LONGEST]]
    rows, columns = axis_names(table)
    trace = count_map(
        counts,
        "%{y} → %{x}<br>%{customdata:,} (%{z:.0%} of the row)",
        numbers=len(rows) <= NUMBERED and len(columns) <= NUMBERED,
        x=columns,
        y=rows,
        colorbar={"title": {"text": "share of row"}, "tickformat": ".0%"},
    )
    left_out = max(table.get("n_rows", len(table["rows"])), table.get("n_columns", len(table["columns"]))) > LONGEST
    height = min(max(HEIGHT, 90 + 18 * len(rows)), 900)
    layout = {
        "height": height,
        "xaxis": {"type": "category", "automargin": True, "tickangle": -45},
        "yaxis": {"type": "category", "automargin": True, "autorange": "reversed"},
    }
    if left_out:
        layout["title"] = {"text": f"The first {LONGEST} clusters of each side"}
    return [trace], layout


def axis_names(table: dict) -> tuple[list[str], list[str]]:
    """Return the names on both axes of the plot of a comparison's table."""
    rows, columns = (_unique(table[side][:LONGEST]) for side in ("rows", "columns"))
    return rows, columns


def _unique(names: list[str]) -> list[str]:
    """Return names as labels of an axis: short, and different from each other, as Plotly joins equal ones."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        short = plot_label(name, 24)
        seen[short] = seen.get(short, 0) + 1
        found.append(short if seen[short] == 1 else f"{short} ({seen[short]})")
    return found
