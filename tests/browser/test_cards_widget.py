"""The cards in the browser as a person uses them: names by typing and Enter, ticks, pictures of what is in sight."""

import re

import fiftyone as fo
import fiftyone.operators as foo
import numpy as np
import pytest
from axe import findings
from fiftyone.plugins.orgs.constellation.clusters.operators.runs.run import Run
from playwright.sync_api import expect
from test_panel import CONTENT, Panel

WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
ODD = ["<b>bold</b> & <img src=x onerror=alert(1)>", "חתולים וכלבים", "🐈 🐕"]
CARD = '[data-cy="constellation-card"]'
LIST = '[data-cy="constellation-cards-list"]'
COUNTED = """() => { window.counted = {clicks: 0, mounts: 0};
addEventListener('pointerdown', e => { window.counted.clicks += e.isTrusted }, true);
new MutationObserver(all => all.forEach(one => one.addedNodes.forEach(node => {
    window.counted.mounts += node.querySelectorAll?.('[data-cy="constellation-cards"]').length ?? 0;
}))).observe(document.body, {childList: true, subtree: true}); }"""


class Cards:
    """The moves of a user among the cards."""

    def __init__(self, panel: Panel, run_key: str, dataset):
        self.panel, self.page, self.content = panel, panel.page, panel.content
        self.run_key, self.dataset = run_key, dataset

    def field(self, name: str):
        """The field of a name."""
        return self.content.get_by_label(f"Name of {name}", exact=True)

    def order(self) -> list[str]:
        """The names that are drawn, in order."""
        return self.content.locator(f"{CARD} input").evaluate_all("all => all.map(one => one.value)")

    def saved(self) -> list[str]:
        """The names of the run, by id."""
        self.dataset.reload()
        return [one["label"] for one in self.dataset.get_run_info(self.run_key).config.clusters]

    def log(self) -> list[str]:
        """What was done to the run, oldest first."""
        self.dataset.reload()
        return [one["text"] for one in Run.open(self.dataset, self.run_key).log]

    def type(self, word: str, key: str = "Enter"):
        """Types over what the field with the focus holds."""
        self.page.keyboard.type(word)
        self.page.keyboard.press(key)

    def edit(self, **arguments):
        """Somebody else's edit."""
        foo.get_operator("@constellation/clusters/edit_clusters")(self.dataset, run_key=self.run_key, **arguments)

    def wait(self):
        """Waits until cards and pictures are there."""
        self.content.locator(f"{CARD} img").first.wait_for()
        self.panel.wait_for_pictures()


def opened(user, dataset, run_key: str, n_clusters: int) -> Cards:
    foo.get_operator("@constellation/clusters/compute_clusters")(
        dataset, run_key=run_key, params={"n_clusters": n_clusters}, embeddings="emb", visualize=False
    )
    user.open(dataset)
    icon = user.page.locator('[data-item-id="@constellation/clusters/open_clusters_panel"]')
    icon.locator("*").last.evaluate("e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    cards = Cards(Panel(user), run_key, dataset)
    cards.wait()
    user.page.wait_for_timeout(1500)  # the panel is drawn again when its runs and the view are known
    return cards


@pytest.fixture
def ten(user, digits):
    """Ten clusters of 60 digits."""
    return opened(user, digits, "ten", 10)


@pytest.fixture
def many(user, images):
    """500 clusters of 1,000 images, all of the same files."""
    rng = np.random.default_rng(0)
    dataset = fo.Dataset(persistent=True)
    dataset.add_samples(
        [fo.Sample(filepath=str(images[0][i % 60]), emb=x) for i, x in enumerate(rng.normal(size=(1000, 8)) * 9)]
    )
    yield opened(user, dataset, "many", 500)
    dataset.delete()


def test_ten_names_cost_a_click_and_ten_words(ten):
    ten.page.evaluate(COUNTED)
    order = ten.order()
    assert len(order) == 10
    ten.field(order[0]).click(click_count=1)
    ten.page.keyboard.press("Control+a")
    for word in WORDS:
        ten.type(word)  # Enter selects the next name, so that it is typed over
    expect(ten.content.get_by_label("Name of ten", exact=True)).to_be_visible()
    assert sorted(ten.saved()) == sorted(WORDS)
    by_id = {f"cluster {cluster:02d}": name for cluster, name in enumerate(ten.saved())}
    assert [by_id[name] for name in order] == WORDS
    assert [re.search("to '(.*)'", text)[1] for text in ten.log()] == WORDS  # in order
    expect(ten.content.locator(f"{CARD} input")).to_have_count(10)
    assert ten.page.evaluate("window.counted") == {"clicks": 1, "mounts": 0}
    assert ten.page.locator("#notistack-snackbar").count() == 0


def test_a_refused_name_stands_on_its_card_and_what_was_typed_stays(ten):
    first, second, third = ten.order()[:3]
    ten.field(first).focus()
    ten.page.keyboard.press("Control+a")
    ten.type(second)  # the name of another
    ten.type("ok")
    card = ten.content.locator(CARD).first
    expect(card.get_by_role("alert")).to_contain_text(f"'{second}'")
    expect(card.locator("input")).to_have_value(second)
    assert card.locator("input").get_attribute("aria-invalid") == "true"
    expect(ten.field("ok")).to_be_visible()
    assert ten.page.evaluate("document.activeElement.value") == third  # nobody was thrown out of a field
    card.locator("input").focus()
    ten.page.keyboard.press("Escape")
    expect(card.get_by_role("alert")).to_have_count(0)
    expect(card.locator("input")).to_have_value(first)
    assert first in ten.saved() and "ok" in ten.saved()


def test_escape_takes_back_and_leaving_saves(ten):
    first, second = ten.order()[:2]
    ten.field(first).focus()
    ten.page.keyboard.press("Control+a")
    ten.type("nothing", key="Escape")
    expect(ten.field(first)).to_have_value(first)
    ten.page.keyboard.press("Control+a")
    ten.type("left", key="Tab")
    expect(ten.field("left")).to_be_visible()
    assert "left" in ten.saved() and "nothing" not in ten.saved() and second in ten.saved()


def test_somebody_else_renames_while_one_types(ten):
    first, second = ten.order()[:2]
    ids = {name: cluster for cluster, name in enumerate(ten.saved())}
    ten.field(first).focus()
    ten.page.keyboard.press("Control+a")
    ten.page.keyboard.type("half a wo")
    ten.edit(action="rename", names={ids[first]: "theirs", ids[second]: "others"})
    expect(ten.field("others")).to_be_visible()  # the panel asks every three seconds
    assert ten.page.evaluate("document.activeElement.value") == "half a wo"
    ten.type("rd")
    card = ten.content.locator(f'{CARD}[data-cluster="{ids[first]}"]')
    expect(card.get_by_role("alert")).to_contain_text("somebody named it 'theirs' meanwhile", ignore_case=True)
    expect(card.locator("input")).to_have_value("half a word")
    assert ten.saved()[ids[first]] == "theirs"
    card.locator("input").focus()
    ten.page.keyboard.press("Enter")  # it was seen now
    expect(card.get_by_role("alert")).to_have_count(0)
    ten.page.wait_for_timeout(1500)
    assert ten.saved()[ids[first]] == "half a word"


def test_a_range_is_ticked_and_merged(ten):
    order = ten.order()
    ten.panel.tick(order[0])
    ten.content.get_by_role("checkbox", name=f"Tick {order[3]}", exact=True).click(modifiers=["Shift"])
    expect(ten.content.get_by_text("4 ticked", exact=True)).to_be_visible()
    assert ten.content.locator('[role="checkbox"][aria-checked="true"]').count() == 4
    ten.content.get_by_role("button", name=f"Show {order[5]}", exact=True).focus()
    ten.page.keyboard.press("x")
    expect(ten.content.get_by_text("5 ticked", exact=True)).to_be_visible()
    ten.page.keyboard.press("x")
    expect(ten.content.get_by_text("4 ticked", exact=True)).to_be_visible()
    ten.panel.press("Merge")
    expect(ten.content.get_by_text(re.compile("^7 clusters of 60 images"))).to_be_visible()
    expect(ten.content.locator(CARD)).to_have_count(7)


def test_a_picture_shows_its_cluster_and_the_menu_opens_a_form(ten):
    first = ten.order()[0]
    ten.panel.card(first).click()
    expect(ten.content.get_by_text(re.compile(f"^{first} · "))).to_be_visible()
    size = int(re.search(r"(\d+) images", ten.content.get_by_text(re.compile(f"^{first} · ")).inner_text())[1])
    ten.panel.shows(size)
    expect(ten.content.locator(f"{CARD}[aria-current]")).to_have_count(1)
    form = ten.panel.menu(1, "Rename…")
    expect(form).to_contain_text("Rename")


def test_names_are_text_whatever_is_in_them(ten):
    for cluster, name in enumerate(ODD):
        ten.edit(action="rename", names={cluster: name})
    for name in ODD:
        expect(ten.field(name)).to_have_value(name)
        expect(ten.panel.card(name)).to_be_visible()
    assert ten.content.locator(f"{CARD} b, img[src=x]").count() == 0
    assert ten.field(ODD[1]).evaluate("e => getComputedStyle(e).direction") == "rtl"


def test_only_what_is_in_sight_is_in_the_page_and_asked_for(user, many):
    drawn = many.content.locator(CARD).count()
    assert 5 < drawn < 60
    asked = []

    def note(request):
        if request.url.endswith("/operators/execute"):
            params = (request.post_data_json or {}).get("params", {})
            if params.get("what") == "sheets":
                asked.append(params["clusters"])

    many.page.on("request", note)
    many.content.locator(LIST).evaluate("e => { e.scrollTop = e.scrollHeight / 2 }")
    many.page.wait_for_timeout(500)
    many.wait()
    many.page.wait_for_timeout(2000)
    shown = set(map(int, many.content.locator(CARD).evaluate_all("all => all.map(one => one.dataset.cluster)")))
    named = {cluster for clusters in asked for cluster in clusters}
    assert named and named <= shown and all(len(clusters) <= 12 for clusters in asked)
    assert many.content.locator(CARD).count() < 60
    # the last card, by keys alone: its field stays when the list is scrolled away from it
    many.content.locator(LIST).evaluate("e => { e.scrollTop = 0 }")
    many.page.wait_for_timeout(500)
    first = many.order()[0]
    many.field(first).focus()
    many.page.keyboard.press("Control+a")
    many.page.keyboard.type("far aw")
    many.content.locator(LIST).evaluate("e => { e.scrollTop = e.scrollHeight }")
    many.page.wait_for_timeout(500)
    many.page.keyboard.type("ay")
    assert many.page.evaluate("document.activeElement.value") == "far away"
    many.page.keyboard.press("Enter")
    many.content.locator(LIST).evaluate("e => { e.scrollTop = 0 }")
    expect(many.field("far away")).to_be_visible()


def test_a_run_that_is_deleted_takes_no_name(ten):
    first = ten.order()[0]
    ten.field(first).focus()
    ten.page.keyboard.press("Control+a")
    ten.page.keyboard.type("late")
    foo.get_operator("@constellation/clusters/delete_clustering_run")(ten.dataset, run_key="ten")
    ten.page.keyboard.press("Enter")
    expect(ten.content.get_by_text("This dataset has no clustering run yet.")).to_be_visible()


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_cards_are_usable_by_all(ten, theme):
    if theme == "light":
        ten.panel.user.switch_theme()
    first, second = ten.order()[:2]
    ten.panel.tick(first)
    ten.field(first).focus()
    ten.page.keyboard.press("Control+a")
    ten.type(second)
    ten.content.get_by_role("alert").first.wait_for()
    assert findings(ten.page, CONTENT) == []
    ten.content.get_by_role("button", name=f"Actions of {second}", exact=True).click()
    ten.content.get_by_role("button", name="Rename…", exact=True).wait_for()
    assert findings(ten.page, CONTENT) == []


def test_without_the_module_the_simple_view_is_there(user, digits):
    user.page.route(re.compile(r"assets/panel/cards\.js"), lambda route: route.abort())
    foo.get_operator("@constellation/clusters/compute_clusters")(
        digits, run_key="four", params={"n_clusters": 4}, embeddings="emb", visualize=False
    )
    user.open(digits)
    icon = user.page.locator('[data-item-id="@constellation/clusters/open_clusters_panel"]')
    icon.locator("*").last.evaluate("e => e.dispatchEvent(new MouseEvent('click', {bubbles: true}))")
    panel = Panel(user)
    panel.press("Simple view")
    panel.wait_for_pictures()
    expect(panel.content.get_by_alt_text(re.compile("^Typical of "))).to_have_count(4)
