"""Suggested number of clusters: Markdown, curves, and the forms that go on from it, filled in."""

from typing import Any

from .plots import HEIGHT, curve

LEVELS = ("coarse", "natural", "fine")
CLUSTER = "compute_clusters"
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


def count_shown(done: dict) -> dict[str, Any]:
    """Return what the Clusters panel shows of a suggestion: ``result``, ``plot`` and ``forms`` of a job's record."""
    dash = {"dash": "dash", "width": 1, "color": "#ff6d04"}
    chosen = sorted(set(done["values"].values()))
    lines = [{"type": "line", "x0": x, "x1": x, "y0": 0, "y1": 1, "line": dash} for x in chosen]
    axis = AXES[done["parameter"]]
    scores = f"Scores by {'number of clusters' if axis == 'clusters' else axis}, each from its worst to its best"
    layout = {
        "height": HEIGHT,
        "title": {"text": scores, "font": {"size": 13}},
        "xaxis": {"title": {"text": axis}, "type": "log"},
        "showlegend": True,
        "shapes": lines,
        "legend": {"orientation": "h", "y": -0.3},
        "margin": {"l": 40, "r": 12, "t": 36, "b": 40},
    }
    forms = [
        {"label": f"Cluster into {done[level]} ({level})", "operator": CLUSTER, "params": params}
        for level, params in form_params(done).items()
    ]
    return {"result": count_text(done), "plot": {"data": count_curves(done), "layout": layout}, "forms": forms}


def numbers_text(done: dict) -> str:
    """Return the numbers in a line: ``coarse 4, natural 9, fine 18``."""
    return ", ".join(f"{level} {done[level]}" for level in LEVELS)


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
