"""Suggested number of clusters: Markdown, curves, and buttons that open the filled form."""

from typing import Any

import fiftyone.operators.types as types

from .plots import HEIGHT, curve

LEVELS = ("coarse", "natural", "fine")
CLUSTER = "@constellation/clusters/compute_clusters"
VERDICTS = {
    "clear": "The vectors fall into groups, and the natural number stands out",
    "weak": "The groups run into each other: take the number as a starting point and look at the clusters",
    "none": "**No number stands out**: two halves of the vectors agree about no groups, so choose by what you need",
}
AXES = {"n_clusters": "clusters", "min_cluster_size": "smallest cluster size"}
# The first two decide; what each is drawn against
CURVES = {
    "silhouette": "silhouette",
    "stability": "agreement",
    "coding_length": "coding length",
    "davies_bouldin": "Davies-Bouldin",
    "calinski_harabasz": "Calinski-Harabasz",
}


def count_text(done: dict) -> str:
    """Return the result of :func:`operators.clustering.count.suggest_cluster_count` as Markdown."""
    lines = [VERDICTS[done["verdict"]], "", "| | clusters | why |", "| --- | --- | --- |"]
    for level in LEVELS:
        size = "" if done["parameter"] == "n_clusters" else f" (size {done['params'][level]['min_cluster_size']})"
        lines.append(f"| **{level}** | **{done[level]}**{size} | {done['reasons'][level]} |")
    looked = f"Looked at {done['n_used']:,} of {done['n_vectors']:,} vectors in `{done['embeddings']}`"
    lines += ["", f"{looked}; took {sum(done['seconds'].values()):.1f} s"]
    return "\n".join([*lines, *(f"\nNote: {note}" for note in done["notes"])])


def count_curves(done: dict) -> list[dict]:
    """Return the curves of every score by what was swept, each from its worst (0) to its best (1)."""
    traces, before = [], "" if done["parameter"] == "n_clusters" else "size %{x}: "
    for name, title in CURVES.items():
        points = [trial for trial in done["trials"] if trial[name] is not None]
        if not points:
            continue
        values = [trial[name] for trial in points]
        low, high = min(values), max(values)
        best, worst = (low, high) if name in ("davies_bouldin", "coding_length") else (high, low)
        scaled = [(value - worst) / (best - worst) if best != worst else 1.0 for value in values]
        facts = f"%{{customdata[0]}} clusters, {title} %{{customdata[1]:.3g}}"
        options: dict[str, Any] = {
            "customdata": [[trial["n_clusters"], value] for trial, value in zip(points, values, strict=True)],
            "hovertemplate": f"{before}{facts}<extra></extra>",
        }
        if name not in ("silhouette", "stability"):
            options |= {"line": {"dash": "dot", "width": 1}, "opacity": 0.7}
        traces.append(curve(title, [trial["value"] for trial in points], scaled, **options))
    return traces


def count_output(done: dict) -> types.Property:
    """Return the output form with text, curves and a button per suggestion, to be filled by :func:`count_results`."""
    outputs = types.Object()
    outputs.str("text", view=types.MarkdownView())
    dash = {"dash": "dash", "width": 1, "color": "#ff6d04"}
    chosen = sorted(set(done["values"].values()))
    lines = [{"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": dash} for x in chosen]
    axis = AXES[done["parameter"]]
    layout = {
        "height": HEIGHT,
        "xaxis": {"title": {"text": axis}, "type": "log"},
        "showlegend": True,
        "shapes": lines,
        "legend": {"orientation": "h", "y": -0.3},
    }
    outputs.plot(
        "curves",
        label=f"Scores by {'number of clusters' if axis == 'clusters' else axis}, each from its worst to its best",
        layout=layout,
        config={"displaylogo": False},
    )
    buttons = outputs.h_stack("buttons", gap=2)
    for level, params in form_params(done).items():
        label = f"Cluster into {done[level]} ({level})"
        variant = "contained" if level == "natural" else "outlined"
        buttons.btn(level, label=label, on_click=CLUSTER, prompt=True, params=params, variant=variant)
    return types.Property(outputs, view=types.View(label="How many clusters"))


def count_results(done: dict) -> dict:
    """Return the values of :func:`count_output`."""
    return {"text": count_text(done), "curves": count_curves(done)}


def form_params(done: dict) -> dict[str, dict]:
    """Return the entries of the ``compute_clusters`` form for each different suggestion."""
    method = done["method"]
    found: dict[str, dict] = {}
    for level in LEVELS:
        entries = {"method": method, f"method_{method}": done["params"][level], "source": done["embeddings"]}
        if done["patches_field"]:
            entries["unit"] = done["patches_field"]
        entries["reduce"] = done["reduce"]
        if entries not in found.values():
            found[level] = entries
    if "natural" not in found:  # the same as coarse: the usual word for it is the better label
        found = {"natural": found.pop("coarse"), **found}
    return found
