"""A suggested number of clusters for people: Markdown, curves, and buttons that open the filled form."""

import fiftyone.operators.types as types

LEVELS = ("coarse", "natural", "fine")
CLUSTER = "@constellation/clusters/compute_clusters"
VERDICTS = {
    "clear": "The vectors fall into groups, and the natural number stands out",
    "weak": "The groups run into each other: take the number as a starting point and look at the clusters",
    "none": "**No number stands out**: two halves of the vectors agree about no groups, so choose by what you need",
}
# The first two decide; what each is drawn against
CURVES = {
    "silhouette": "silhouette",
    "stability": "agreement",
    "coding_length": "coding length",
    "davies_bouldin": "Davies-Bouldin",
    "calinski_harabasz": "Calinski-Harabasz",
}


def count_text(done: dict) -> str:
    """What :func:`operators.suggest_cluster_count.suggest_cluster_count` found, as Markdown."""
    lines = [VERDICTS[done["verdict"]], "", "| | clusters | why |", "| --- | --- | --- |"]
    for level in LEVELS:
        lines.append(f"| **{level}** | **{done[level]}** | {done['reasons'][level]} |")
    looked = f"Looked at {done['n_used']:,} of {done['n_vectors']:,} vectors in `{done['embeddings']}`"
    lines += ["", f"{looked}; took {sum(done['seconds'].values()):.1f} s"]
    return "\n".join([*lines, *(f"\nNote: {note}" for note in done["notes"])])


def curve_plot(done: dict) -> list[dict]:
    """Plotly traces: every score by number of clusters, each from its worst (0) to its best (1)."""
    trials = sorted(done["trials"], key=lambda trial: trial["n_clusters"])
    traces = []
    for name, title in CURVES.items():
        points = [(trial["n_clusters"], trial[name]) for trial in trials if trial[name] is not None]
        if not points:
            continue
        values = [value for _, value in points]
        low, high = min(values), max(values)
        best, worst = (low, high) if name in ("davies_bouldin", "coding_length") else (high, low)
        scaled = [(value - worst) / (best - worst) if best != worst else 1.0 for value in values]
        trace = {"x": [k for k, _ in points], "y": scaled, "customdata": values, "name": title}
        trace["hovertemplate"] = f"%{{x}} clusters: {title} %{{customdata:.3g}}<extra></extra>"
        if name not in ("silhouette", "stability"):
            trace |= {"line": {"dash": "dot", "width": 1}, "opacity": 0.7}
        traces.append({"type": "scatter", "mode": "lines", **trace})
    return traces


def count_output(done: dict) -> types.Property:
    """The output form with text, curves and a button per suggestion, to be filled by :func:`count_results`."""
    outputs = types.Object()
    outputs.str("text", view=types.MarkdownView())
    dash = {"dash": "dash", "width": 1, "color": "#ff6d04"}
    lines = [{"type": "line", "x0": k, "x1": k, "y0": 0, "y1": 1, "line": dash} for k in {done[x] for x in LEVELS}]
    layout = {
        "height": 320,
        "xaxis": {"title": {"text": "clusters"}, "type": "log"},
        "showlegend": True,
        "shapes": lines,
        "legend": {"orientation": "h", "y": -0.3},
    }
    outputs.plot(
        "curves",
        label="Scores by number of clusters, each from its worst to its best",
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
    """What :func:`count_output` shows."""
    return {"text": count_text(done), "curves": curve_plot(done)}


def form_params(done: dict) -> dict[str, dict]:
    """The entries of the ``compute_clusters`` form for each different suggestion."""
    method, found = done["method"], {}
    for level in LEVELS:
        entries = {"method": method, f"method_{method}": done["params"][level], "source": done["embeddings"]}
        if done["patches_field"]:
            entries["unit"] = done["patches_field"]
        if done["reduce"] == "umap":
            entries["reduce"] = "umap"
        if entries not in found.values():
            found[level] = entries
    if "natural" not in found:  # the same as coarse: the usual word for it is the better label
        found = {"natural": found.pop("coarse"), **found}
    return found
