"""Neighbor purity as Markdown."""


def neighbors_text(found: dict) -> str:
    """Return the result of ``check_neighbors`` as Markdown."""
    k, unit = found["n_neighbors"], found["unit"]
    lines = [
        f"The view shows {len(found['neighbors'])} {unit}, each followed by its {k} nearest in `{found['embeddings']}`"
    ]
    if found.get("agreement") is not None:
        at = ", ".join(f"{depth}: {share:.2f}" for depth, share in found["agreement_at"].items())
        lines += [
            f"**{100 * found['agreement']:.0f} % of neighbors are of one class**, of {found['n_classes']} classes; "
            f"{100 * found['chance']:.0f} % would be by chance",
            f"By number of neighbors {at}; where it falls, a smaller `n_neighbors` misleads less",
        ]
    rows = ["| | nearest | farthest |", "| --- | --- | --- |"]
    if found.get("agreement") is not None:
        rows = ["| | nearest | farthest | of its class |", "| --- | --- | --- | --- |"]
    for number, entry in enumerate(found["neighbors"], start=1):
        cells = [str(entry.get("label") or number), *(f"{entry['similarity'][i]:.2f}" for i in (0, -1))]
        if found.get("agreement") is not None:
            cells.append("" if entry["agreement"] is None else f"{100 * entry['agreement']:.0f} %")
        rows.append(f"| {' | '.join(cells)} |")
    lines += [f"Note: {note}" for note in found.get("notes") or []]
    if found["skipped"]:
        lines.append("Skipped: " + ", ".join(f"{count:,} {reason}" for reason, count in found["skipped"].items()))
    return "\n\n".join([*lines, "\n".join(rows)])
