"""Comparison of two clusterings as Markdown and a heat map."""

from .markdown import escape
from .plots import HEIGHT, Plot, count_map, plot_label

LONGEST = 100  # clusters drawn per side: beyond that a cell is smaller than a pixel or two
LISTED = 30
NUMBERED = 20  # rows and columns up to which the counts fit into the cells


def comparison_text(done: dict) -> str:
    """Return the result of :func:`operators.evaluation.comparison.compare_clusterings` as Markdown."""
    unit, key, other = done["unit"], done["run_key"], done["other_run_key"]
    lines = [
        f"**ARI {done['ari']:.3f}, AMI {done['ami']:.3f}** over {done['n_compared']:,} {unit} that have a label "
        f"of both `{key}` and `{other}`"
    ]
    if "ari_assigned" in done:
        lines[0] += f" (without noise: {done['ari_assigned']:.3f} and {done['ami_assigned']:.3f})"
    lines += ["", f"**{done['n_moved']:,} {unit} moved** to another cluster than the one that theirs became"]
    if done["n_only_first"] or done["n_only_second"]:
        only = f"{done['n_only_first']:,} have a label of `{key}` only, {done['n_only_second']:,} of `{other}` only"
        lines += ["", f"Left out: {only}"]
    changed = [cluster for cluster in done["clusters"] if cluster["fate"] != "kept"]
    kept = len(done["clusters"]) - len(changed)
    lines += ["", f"{kept} of {len(done['clusters'])} clusters were kept" + (":" if changed else "")]
    for cluster in sorted(changed, key=lambda c: -c["size"])[:LISTED]:
        lines += [f"- {escape(cluster['label'])} ({cluster['size']:,}) {_fate(cluster)}"]
    if len(changed) > LISTED:
        lines += [f"- and {len(changed) - LISTED:,} smaller ones"]
    return "\n".join(lines)


def _fate(cluster: dict) -> str:
    into = ", ".join(f"{escape(name)} ({count:,})" for name, count in cluster["into"].items())
    if cluster["fate"] == "split":
        return f"split into {into}"
    if cluster["fate"] == "merged":
        return f"merged into {into}"
    stayed = f"; the largest match is {escape(cluster['match'])} ({cluster['n_stayed']:,})" if cluster["match"] else ""
    return f"scattered{stayed}"


def comparison_plot(done: dict) -> Plot:
    """Plot the table of a comparison: the color of a cell is its share of the row, its number the count."""
    table = done["table"]
    counts = [row[:LONGEST] for row in table["counts"][:LONGEST]]
    rows, columns = (_unique(table[side][:LONGEST]) for side in ("rows", "columns"))
    trace = count_map(
        counts,
        "%{y} → %{x}<br>%{customdata:,} (%{z:.0%} of the row)",
        numbers=len(rows) <= NUMBERED and len(columns) <= NUMBERED,
        x=columns,
        y=rows,
        colorbar={"title": {"text": "share of row"}, "tickformat": ".0%"},
    )
    left_out = max(len(table["rows"]), len(table["columns"])) > LONGEST
    height = min(max(HEIGHT, 90 + 18 * len(rows)), 900)
    layout = {
        "height": height,
        "xaxis": {"type": "category", "automargin": True, "tickangle": -45},
        "yaxis": {"type": "category", "automargin": True, "autorange": "reversed"},
    }
    if left_out:
        layout["title"] = {"text": f"The first {LONGEST} clusters of each side"}
    return [trace], layout


def _unique(names: list[str]) -> list[str]:
    """Return names as labels of an axis: short, and different from each other, as Plotly joins equal ones."""
    seen: dict[str, int] = {}
    found = []
    for name in names:
        short = plot_label(name, 24)
        seen[short] = seen.get(short, 0) + 1
        found.append(short if seen[short] == 1 else f"{short} ({seen[short]})")
    return found
