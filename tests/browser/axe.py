"""Findings of axe-core for people who use a keyboard or a screen reader, or who need contrast."""

# Of FiftyOne, not of our drawings: rules that its own widgets break wherever a panel uses them, and why they may stay
THEIRS: dict[str, str] = {}
RULES = {"label-content-name-mismatch": {"enabled": True}}  # still called experimental
# The App's buttons have an empty pseudo element that axe takes for a background it cannot read. Options are replaced as
# a whole: without the others the check fails on the first text, and no contrast is computed
_CONTRAST = {
    "ignoreUnicode": True,
    "ignoreLength": False,
    "ignorePseudo": True,
    "boldValue": 700,
    "boldTextPt": 14,
    "largeTextPt": 18,
    "contrastRatio": {"normal": {"expected": 4.5}, "large": {"expected": 3}},
    "pseudoSizeThreshold": 0.25,
    "shadowOutlineEmMax": 0.2,
    "textStrokeEmMin": 0.03,
}
_CONFIGURE = "options => axe.configure({checks: [{id: 'color-contrast', options}]})"
# A pressed button has its new text at once and its new ground a moment later
_RUN = """async ([place, rules]) => {
    const moving = document.getAnimations().filter(one => one instanceof CSSTransition);
    await Promise.allSettled(moving.map(one => one.finished));
    const found = await axe.run(place, {resultTypes: ['violations', 'incomplete', 'passes'], rules});
    const contrast = found.passes.find(rule => rule.id === 'color-contrast');
    return {...found, computed: contrast ? contrast.nodes.length : 0, passes: []};
}"""


def findings(page, place: str) -> list[str]:
    """List what is serious or critical in a part of the page, as ``rule: element``.

    Args:
        page: the page
        place: a selector
    """
    return [f"{rule}: {html} {message}" for rule, html, message in _found(page, place) if rule not in THEIRS]


def broken_rules(page, place: str) -> set[str]:
    """Return the rules whose breaking is serious or critical in a part of the page."""
    return {rule for rule, *_ in _found(page, place)}


def _found(page, place: str) -> list[tuple[str, str, str]]:
    """List rule, element and message of what is serious or critical."""
    from axe_playwright_python.base import AXE_SCRIPT

    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(AXE_SCRIPT)
        page.evaluate(_CONFIGURE, _CONTRAST)
    found = page.evaluate(_RUN, [place, RULES])
    assert found["computed"], "no contrast was computed"
    failed = [rule for rule in found["incomplete"] if any("error" in _message(node) for node in rule["nodes"])]
    return [
        (rule["id"], node["html"][:300], _message(node))
        for rule in found["violations"] + failed
        for node in rule["nodes"]
        if rule["impact"] in ("serious", "critical")
    ]


def _message(node: dict) -> str:
    """What a rule says of an element."""
    return next((why["message"] or "" for why in [*node["any"], *node["all"], *node["none"]]), "")
