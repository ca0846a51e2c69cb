"""What axe-core finds wrong for people who use a keyboard or a screen reader, or who need contrast."""

# Of FiftyOne, not of our drawings: rules that its own widgets break wherever a panel uses them, and why they may stay
THEIRS: dict[str, str] = {}
RULES = {"label-content-name-mismatch": {"enabled": True}}  # still called experimental
# The App's buttons have an empty pseudo element that axe takes for a background it cannot read
_CONFIGURE = "axe.configure({checks: [{id: 'color-contrast', options: {ignorePseudo: true}}]})"


def findings(page, place: str) -> list[str]:
    """List what is serious or critical in a part of the page, as ``rule: element``.

    Args:
        page: the page
        place: a selector
    """
    from axe_playwright_python.base import AXE_SCRIPT

    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(AXE_SCRIPT)
        page.evaluate(_CONFIGURE)
    found = page.evaluate("([place, rules]) => axe.run(place, {resultTypes: ['violations'], rules})", [place, RULES])
    return [
        f"{rule['id']}: {node['html'][:300]} {[why['message'] for why in node['any']][:1]}"
        for rule in found["violations"]
        for node in rule["nodes"]
        if rule["impact"] in ("serious", "critical") and rule["id"] not in THEIRS
    ]
