"""The map in the browser as a person uses it: pictures, lasso, legend, keys, fingers; and what cannot be drawn."""

import re

import fiftyone.operators as foo
import pytest
from axe import findings
from playwright.sync_api import expect
from test_panel import CONTENT, Panel

pytestmark = pytest.mark.brief

MAP = '[data-cy="constellation-map"]'
BOX = '[data-cy="constellation-map-box"]'
TIP = '[data-cy="constellation-tip"]'
REST = 2000  # milliseconds in which nothing happens
ODD = "<b>zwei</b> חתול 🐈"


class WidgetMap:
    """The moves of a user on the map."""

    def __init__(self, panel: Panel):
        self.panel, self.page, self.content = panel, panel.page, panel.content
        self.root, self.box = self.content.locator(MAP), self.content.locator(BOX)

    def open(self):
        """Opens the panel from the icon in the grid."""
        icon = self.page.locator('[data-item-id="@constellation/clusters/open_clusters_panel"]')
        icon.locator("*").last.evaluate("e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
        return self

    def wait(self):
        """Waits until it is drawn, with names."""
        self.content.locator(f'{MAP}[data-ready="true"]').wait_for(timeout=180_000)
        self.content.locator(".constellation-name").first.wait_for()
        self.page.wait_for_timeout(500)  # it has its final size
        return self

    def names(self) -> list[str]:
        """What is written on it."""
        return sorted(self.content.locator(".constellation-name").all_inner_texts())

    def counts(self) -> dict[str, int]:
        """The clusters and their counts in the list beside it."""
        rows = self.root.get_by_role("list").get_by_role("listitem").all_inner_texts()
        return {name: int(count) for name, count in (row.split("\n") for row in rows)}

    def entry(self, name: str, count: int | str = ""):
        """A cluster in the list beside the map."""
        return self.root.get_by_role("button", name=re.compile(rf"^{re.escape(name)} ?{count}"))

    def told(self, name: str) -> float:
        """A figure that the map says of itself: ``draws``, ``mounts``, ``zoom``, ``marked``."""
        return float(self.root.get_attribute(f"data-{name}"))

    def place(self, x: float, y: float) -> tuple[float, float]:
        """A place on the page, from a part of the map's width and height."""
        box = self.box.bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def drag(self, low, high):
        """Drags around the corners of a box."""
        self.page.mouse.move(*self.place(*low))
        self.page.mouse.down()
        for corner in ((high[0], low[1]), high, (low[0], high[1]), low):
            self.page.mouse.move(*self.place(*corner), steps=6)
        self.page.mouse.up()

    def lasso(self, low=(0.01, 0.01), high=(0.5, 0.99)) -> int:
        """Draws a lasso, around the left half if nothing else is said; returns how many are chosen."""
        button = self.content.get_by_role("button", name="Lasso", exact=True)
        if button.get_attribute("aria-pressed") == "false":
            button.click()
        self.drag(low, high)
        chosen = self.content.get_by_text(re.compile("chosen$"))
        chosen.wait_for()
        return int(chosen.inner_text().split()[0])

    def point_at(self) -> str:
        """Moves the pointer until it is at a point; returns what is said of that."""
        for i in range(2500):
            self.page.mouse.move(*self.place(0.05 + 0.9 * (i % 50) / 50, 0.05 + 0.9 * (i // 50) / 50))
            if int(self.box.get_attribute("data-at") or -1) >= 0:
                return self.content.locator(TIP).inner_text()
        raise AssertionError("the pointer found no point")


@pytest.fixture
def run(digits):
    """60 digits in five clusters, with a map."""
    foo.get_operator("@constellation/clusters/compute_clusters")(
        digits, run_key="km", params={"n_clusters": 5}, embeddings="emb", visualize=True
    )
    return digits


@pytest.fixture
def mapped(user, run):
    """The panel on its map."""
    user.open(run)
    return WidgetMap(Panel(user)).open().wait()


def test_a_group_on_the_map_becomes_a_cluster(mapped, run):
    assert mapped.names() == [f"cluster {i:02d}" for i in range(5)]
    run.reload()
    assert mapped.counts() == run.count_values("km.label")
    before = mapped.told("draws"), mapped.told("mounts")
    mapped.page.wait_for_timeout(REST)
    mapped.panel.press("Read the run again")
    mapped.page.wait_for_timeout(REST)
    assert (mapped.told("draws"), mapped.told("mounts")) == before  # the panel was drawn, the map was not
    assert findings(mapped.page, CONTENT) == []
    n = mapped.lasso()
    assert 0 < n < 60 and mapped.told("marked") == n
    mapped.panel.press("Only these")
    mapped.panel.shows(n)
    mapped.panel.press("New cluster")
    expect(mapped.entry("cluster 05", n)).to_be_visible()
    mapped.panel.shows(n)
    assert "cluster 05" in mapped.names() and mapped.told("mounts") == before[1]
    mapped.content.get_by_role("button", name=re.compile("^Undo: Moved ")).click()
    expect(mapped.entry("cluster 05")).to_have_count(0)
    n = mapped.lasso()
    field = mapped.content.get_by_label("Tag for what was chosen")
    field.fill("left")
    field.press("Enter")
    expect(mapped.page.get_by_text(re.compile(f"^Tagged {n} images"))).to_be_visible()
    run.reload()
    assert run.count_sample_tags() == {"left": n}
    there = run.match_tags("left").count_values("km.label").get("cluster 02", 0)
    mapped.content.get_by_label("Move to").select_option(label="cluster 02")
    moved = n - there  # some were in it
    expect(mapped.content.get_by_role("button", name=re.compile(f"^Undo: Moved {moved} images"))).to_be_visible()


def test_the_pointer_a_click_and_the_list_show_clusters(mapped, run):
    run.reload()
    sizes = run.count_values("km.label")
    said = mapped.point_at()
    assert said in sizes and mapped.content.locator(f"{TIP} img").evaluate("i => i.naturalWidth") > 0
    mapped.page.mouse.down()
    mapped.page.mouse.up()
    mapped.panel.shows(sizes[said])
    with_shift = mapped.point_at()
    mapped.page.keyboard.down("Shift")
    mapped.page.mouse.down()
    mapped.page.mouse.up()
    mapped.page.keyboard.up("Shift")
    expect(mapped.content.get_by_text(f"{sizes[with_shift]} images chosen", exact=True)).to_be_visible()
    mapped.panel.press("Choose nothing")
    smallest = min(sizes, key=sizes.get)
    mapped.entry(smallest, sizes[smallest]).press("Enter")
    mapped.panel.shows(sizes[smallest])
    mapped.panel.press("All")
    mapped.root.get_by_role("button", name=f"Points of {smallest} on the map", exact=True).click()
    assert mapped.lasso((0.01, 0.01), (0.99, 0.99)) == 60 - sizes[smallest]  # what is hidden is not chosen
    mapped.page.locator('[data-cy="panel-tab-samples"]').click()
    mapped.panel.press("Choose nothing")
    mapped.panel.user.select([0, 1, 2])
    expect(mapped.root).to_have_attribute("data-marked", "3")


def test_color_camera_and_lasso_stay_on_the_way_to_another_tab(mapped):
    mapped.content.get_by_label("Color of the points").select_option(label="Color: ground_truth")
    expect(mapped.root.get_by_role("listitem").first).to_have_text(re.compile(r"^\d\d+$"))
    mapped.content.get_by_role("button", name="Zoom in", exact=True).click()
    mapped.box.focus()
    mapped.page.keyboard.press("ArrowLeft")
    n = mapped.lasso((0.3, 0.3), (0.99, 0.99))
    zoom = mapped.told("zoom")
    assert zoom > 1.2
    mapped.panel.press("Charts")
    mapped.content.locator(MAP).wait_for(state="detached")
    mapped.panel.press("Map")
    mapped.wait()
    expect(mapped.content.get_by_text(f"{n} images chosen", exact=True)).to_be_visible()
    assert mapped.told("zoom") == zoom
    expect(mapped.content.get_by_label("Color of the points")).to_have_value("field:ground_truth.label")


def test_names_are_text_and_another_tabs_edits_are_seen(mapped, run, user):
    second = type(user)(user.page.context.new_page(), user.url)
    foo.get_operator("@constellation/clusters/edit_clusters")(run, run_key="km", action="rename", names={0: ODD})
    expect(mapped.root.get_by_text(ODD, exact=True).first).to_be_visible()
    expect(mapped.content.locator(".constellation-name", has_text=ODD)).to_be_visible()
    second.open(run)
    other = WidgetMap(Panel(second)).wait()  # the App opens the panel in every tab
    n = other.lasso()
    other.panel.press("New cluster")
    expect(mapped.entry("cluster 05", n)).to_be_visible()
    foo.get_operator("@constellation/clusters/delete_clustering_run")(run, run_key="km")
    expect(mapped.content.get_by_text("This dataset has no clustering run yet.")).to_be_visible()


INK = """e => new Promise(done => requestAnimationFrame(() => {
    const gl = e.getContext('webgl2'), all = new Uint8Array(4 * e.width * e.height);
    e.closest('[data-cy="constellation-map"]').querySelector('button[aria-label="Zoom in"]').click();
    requestAnimationFrame(() => { gl.readPixels(0, 0, e.width, e.height, gl.RGBA, gl.UNSIGNED_BYTE, all);
        done(all.some(value => value)); });
}))"""  # whether any point is drawn


def test_another_run_is_drawn_on_the_same_map_and_in_the_other_tab(mapped, run, user):
    foo.get_operator("@constellation/clusters/compute_clusters")(
        run.limit(40), run_key="other", params={"n_clusters": 3}, embeddings="emb", visualize=True
    )
    second = type(user)(user.page.context.new_page(), user.url)
    second.open(run)
    other = WidgetMap(Panel(second)).wait()
    runs = {"km": 5, "other": 3}
    for key in ("other", "km", "other"):
        other.panel.choose("Run: ", f"{key} · ")
        for tab in (other, mapped):  # the App has the panel's state in common in all tabs
            expect(tab.root.get_by_role("listitem")).to_have_count(runs[key])
            expect(tab.content.locator(".constellation-name")).to_have_count(runs[key])
            tab.page.bring_to_front()
            assert tab.box.locator("canvas").evaluate(INK)
    n = mapped.lasso()
    mapped.panel.press("New cluster")
    expect(mapped.entry("cluster 03", n)).to_be_visible()
    expect(other.entry("cluster 03", n)).to_be_visible()
    run.reload()
    assert [run.get_run_info(key).config.version for key in runs] == [0, 1]


def test_an_edit_from_elsewhere_draws_the_panel_once(mapped, run):
    asked = []
    mapped.page.on("request", lambda request: asked.append(request.post_data or ""))
    foo.get_operator("@constellation/clusters/edit_clusters")(run, run_key="km", action="rename", names={0: "zeros"})
    expect(mapped.entry("zeros")).to_be_visible()
    mapped.page.wait_for_timeout(5 * REST)
    assert sum('"__method__":"on_behind"' in body for body in asked) == 1


def test_a_lasso_of_another_map_changes_nothing(mapped, run):
    n = mapped.lasso()
    delete = foo.get_operator("@constellation/clusters/delete_clustering_run")
    delete(run, run_key="km")
    foo.get_operator("@constellation/clusters/compute_clusters")(
        run.limit(40), run_key="km", params={"n_clusters": 3}, embeddings="emb", visualize=True
    )
    mapped.panel.press("New cluster")
    mapped.page.wait_for_timeout(REST)
    run.reload()
    assert n and len(run.get_run_info("km").config.clusters) == 3 and run.get_run_info("km").config.version == 0
    expect(mapped.root.get_by_role("listitem")).to_have_count(3)


def blocked(page, pattern: str, body: str | None):
    """Has the App's server answer requests for a module with another text, or not at all."""
    answer = {"status": 404} if body is None else {"body": body, "content_type": "text/javascript"}
    page.route(re.compile(pattern), lambda route: route.fulfill(**answer))


# As a browser without it: the App's own pictures are drawn without WebGL 2 here
NO_WEBGL = """const before = HTMLCanvasElement.prototype.getContext;
HTMLCanvasElement.prototype.getContext = function (kind, ...more) {
    return kind === "webgl2" ? null : before.call(this, kind, ...more);
}"""
BROKEN = """export const hasWebGL = () => true;
export class Scatter { constructor() { throw new Error("it is broken"); } }"""


@pytest.mark.parametrize(
    ("pattern", "body", "why"),
    [
        (r"/assets/panel/index\.js", None, "has not loaded"),
        (r"/assets/panel/map\.js", "this is no module", "has not loaded"),
        (r"/assets/panel/scatter\.js", BROKEN, "cannot be drawn: it is broken"),
        (None, None, "cannot be drawn: this browser has no WebGL 2"),
    ],
    ids=["404", "syntax", "exception", "no WebGL"],
)
def test_where_it_cannot_be_drawn_there_is_the_simple_view(user, run, pattern, body, why):
    if pattern:
        blocked(user.page, pattern, body)
    else:
        user.page.add_init_script(NO_WEBGL)
    user.open(run)
    found = WidgetMap(Panel(user)).open()
    expect(found.content.get_by_text(re.compile(why)).first).to_be_visible()
    if why == "has not loaded":
        found.panel.press("Simple view")
    found.content.locator(".js-plotly-plot .annotation-text").first.wait_for()
    found.panel.press("Charts")
    expect(found.content.locator(".js-plotly-plot").first).to_be_visible()


def test_a_lost_context_comes_back(mapped):
    lose = (
        "e => { window.lost = e.getContext('webgl2').getExtension('WEBGL_lose_context'); window.lost.loseContext(); }"
    )
    mapped.box.locator("canvas").evaluate(lose)
    mapped.page.wait_for_timeout(500)
    before = mapped.told("draws")
    mapped.page.evaluate("window.lost.restoreContext()")
    expect(mapped.root).not_to_have_attribute("data-draws", f"{before:.0f}")
    assert mapped.box.locator("canvas").evaluate(INK)


def test_fingers_and_fine_screens(chromium, server, run):
    context = chromium.new_context(viewport={"width": 1500, "height": 1400}, device_scale_factor=2, has_touch=True)
    context.set_default_timeout(60_000)
    from app import User

    user = User(context.new_page(), server.url)
    user.open(run)
    mapped = WidgetMap(Panel(user)).open().wait()
    size = mapped.box.locator("canvas").evaluate("e => [e.width, e.getBoundingClientRect().width]")
    assert size[0] == round(2 * size[1])
    zoom, client = mapped.told("zoom"), context.new_cdp_session(user.page)

    def touch(kind, *places):
        points = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(places)]
        client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    middle = mapped.place(0.5, 0.5)
    for apart in (20, 60, 100, 140):
        kind = "touchStart" if apart == 20 else "touchMove"
        touch(kind, (middle[0] - apart, middle[1]), (middle[0] + apart, middle[1]))
    touch("touchEnd")
    mapped.page.wait_for_timeout(300)
    assert mapped.told("zoom") > 3 * zoom
    context.close()


def test_every_module_comes_with_the_digest_of_all(user, run):
    asked = []
    user.page.on("request", lambda request: asked.append(request.url))
    user.open(run)
    WidgetMap(Panel(user)).open().wait()
    modules = [url for url in asked if "/assets/panel/" in url and "/index.js" not in url]
    assert len(modules) > 5 and len({url.partition("?v=")[2] for url in modules}) == 1
    assert all(re.search(r"\?v=[0-9a-f]{12}$", url) for url in modules)
