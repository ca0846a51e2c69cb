"""Names without a server: what is kept of an answer, which images are sent, what they cost, which names are alike."""

import io
import json

import numpy as np
import pytest
from fiftyone.plugins.orgs.constellation.clusters.models.naming import addresses, pictures, prices, prompt
from fiftyone.plugins.orgs.constellation.clusters.models.naming.answers import (
    NO_JSON,
    NO_NAME,
    NOT_OFFERED,
    Unusable,
    alike,
    find_json,
    plain_text,
    read_answer,
    read_group_names,
)
from fiftyone.plugins.orgs.constellation.clusters.models.naming.failures import redact
from fiftyone.plugins.orgs.constellation.clusters.models.naming.specific import best_words, specific
from PIL import Image

HOSTILE = {
    "<script>alert(1)</script>Cats": "alert(1) Cats",
    "**Cats** on [sofas](http://evil.example/x)": "Cats on sofas",
    "Cats https://evil.example/steal?a=1 www.evil.example": "Cats",
    "javascript:alert(1) Cats": "Cats",
    "Cats\n\n\x00\x1b[31mred\u202eevil": "Cats [31mred evil",
    "{0.__class__} %s ${HOME} Cats": "0.__class__ %s HOME Cats",
    "$filepath": "filepath",
    "../../etc/passwd": "etc/passwd",
    "=HYPERLINK(1)": "HYPERLINK(1)",
    "&lt;b&gt;Cats&lt;/b&gt;": "Cats",
    "  ``Cats''.  ": "Cats",
    "كرسي أحمر": "كرسي أحمر",
    "椅子": "椅子",
}


@pytest.mark.parametrize(("text", "kept"), HOSTILE.items())
def test_names_are_plain_text_on_one_line(text, kept):
    assert read_answer(json.dumps({"name": text}), 1).name == kept


def test_long_names_are_cut_at_a_word():
    name = read_answer(json.dumps({"name": "very " * 1000}), 1, max_words=12).name
    assert 40 < len(name) <= 60 and name.endswith("very")
    assert plain_text("x" * 5000, 60) == "x" * 60
    assert read_answer(json.dumps({"name": "a b c d e f g h i j"}), 1, max_words=3).name == "a b c d e f"


@pytest.mark.parametrize("value", [None, "", "  ", "\u202e", "<b></b>", True, ["x"], {"a": 1}, "http://only.example"])
def test_an_answer_without_a_name_is_refused(value):
    with pytest.raises(Unusable, match=NO_NAME):
        read_answer(json.dumps({"name": value}), 3)


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Cats"}',
        'Sure! Here it is:\n```json\n{"name": "Cats"}\n```\nAnything else?',
        '<think>{"name": "Dogs"}? no</think>{"name": "Cats"}',
        '{broken {"name": "Cats"} tail',
    ],
)
def test_json_is_found_whatever_stands_around_it(text):
    assert read_answer(text, 1).name == "Cats"


@pytest.mark.parametrize("text", ["", "Cats", "[1, 2]", "{" * 100_000, "[" * 100_000, '{"a":' * 5000, "null", "\x00"])
def test_what_is_no_json_object_is_no_answer(text):
    assert find_json(text) is None
    with pytest.raises(Unusable, match=NO_JSON):
        read_answer(text, 1)


@pytest.mark.parametrize(("line", "kept"), [("Cats on sofas", "Cats on sofas"), ("Name: Cats", "Cats")])
def test_servers_without_json_may_answer_with_one_short_line(line, kept):
    assert read_answer(line, 1, lenient=True).name == kept
    for talk in ("Sorry, no", "I cannot help", "Cats\nand dogs", "word " * 20):
        with pytest.raises(Unusable):
            read_answer(talk, 1, lenient=True)


@pytest.mark.parametrize(
    ("odd", "kept"),
    [([2, 2, "3"], (1, 2)), ([0, -1, 99, 4.5, None, True, "x"], ()), ("2", ()), ([1] * 5000, (0,)), (None, ())],
)
def test_odd_images_are_numbers_that_were_shown_each_once(odd, kept):
    assert read_answer(json.dumps({"name": "x", "odd_images": odd}), 8).odd == kept


def test_coherence_and_confidence():
    def read(**entries):
        return read_answer(json.dumps({"name": "x", **entries}), 4)

    assert read().coherent and not read(coherent=False).coherent and not read(coherent="false").coherent
    assert not read(odd_images=[1, 2, 3]).coherent and read(odd_images=[1]).coherent
    assert read(odd_images=[1, 2, 3, 4]).odd == ()  # everything is odd: nothing is
    assert read(confidence=0.7).confidence == 0.7 and read(confidence=70).confidence == 0.7
    assert [read(confidence=c).confidence for c in (-1, 1e9, "high", True, None)] == [None] * 5
    assert read_answer('{"name": "x", "confidence": NaN}', 4).confidence is None


def test_a_vocabulary_is_kept_to():
    assert read_answer('{"name": "red CARS"}', 1, vocabulary=["Bikes", "Red car"]).name == "Red car"
    with pytest.raises(Unusable, match=NOT_OFFERED):
        read_answer('{"name": "Boats"}', 1, vocabulary=["Bikes"])


def test_names_of_a_group():
    text = json.dumps(
        {"names": [{"group": 2, "name": "b"}, {"group": 2, "name": "c"}, {"group": 7, "name": "d"}, "x", {"group": 1}]}
    )
    assert read_group_names(text, 2) == ["", "b"]
    for text in ("{}", '{"names": "x"}', '{"names": []}'):
        with pytest.raises(Unusable, match=NO_NAME):
            read_group_names(text, 2)


def test_alike_names():
    names = {
        0: "Tabby cats",
        1: "cat, tabby",
        2: "Squares",
        3: "A square",
        4: "digit 1",
        5: "digit 7",
        6: "椅子",
        7: "机",
    }
    assert alike(names) == [[0, 1], [2, 3]]
    assert alike({0: "Glass", 1: "glasses", 2: "box of boxes", 3: "Boxes"}) == [[0, 1]]


def test_images_are_small_jpegs_that_carry_nothing(tmp_path):
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "SecretCamera"  # turned by 90 degrees
    image = Image.new("RGB", (800, 400), "red")
    image.save(tmp_path / "a.jpg", exif=exif, comment=b"SecretComment", icc_profile=b"SecretProfile")
    jpeg = pictures.prepare(str(tmp_path / "a.jpg"), None, 256)
    assert pictures.size_of(jpeg) == (128, 256) and b"Secret" not in jpeg
    assert not Image.open(io.BytesIO(jpeg)).getexif()
    Image.new("RGB", (32, 32), "red").save(tmp_path / "small.png")
    assert pictures.size_of(pictures.prepare(str(tmp_path / "small.png"), None, 512)) == (224, 224)


def test_patches_come_with_a_margin(tmp_path):
    pixels = np.zeros((100, 100, 3), np.uint8)
    pixels[30:70, 30:70] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    jpeg = pictures.prepare(str(tmp_path / "a.png"), [0.3, 0.3, 0.4, 0.4], 224)
    seen = np.asarray(Image.open(io.BytesIO(jpeg)).convert("L"))
    assert seen[5, 5] < 60 and seen[112, 112] > 200 and 0.45 < (seen > 128).mean() < 0.75


def test_a_budget_is_never_passed():
    price = prices.price_of("gpt-6-luna")
    assert (price.input, price.output) == (0.10, 0.50)
    budget = prices.Budget(price, 0.001)
    first = budget.reserve(5000, 200)
    with pytest.raises(prices.OverBudget):
        budget.reserve(5000, 200)
    budget.settle(first, 1000, 20)
    assert budget.spent == pytest.approx(0.00011)
    budget.settle(budget.reserve(5000, 200), 5000, 200)


def test_the_price_table_is_the_users(tmp_path, monkeypatch):
    table = tmp_path / "prices.json"
    monkeypatch.setenv(prices.ENVIRONMENT, str(table))
    assert prices.price_of("mine") is None and prices.price_of("mine", local=True).of(1e6, 1e6) == 0
    table.write_text('{"mine": [1, 2], "gpt-6-luna": [3, 4]}')
    assert prices.price_of("mine").output == 2 and prices.price_of("gpt-6-luna").input == 3
    assert prices.price_of("mine", [5, 6]).input == 5
    for given in ([1], [1, -2], ["1", "2"], [1, float("inf")], 3):
        with pytest.raises(ValueError, match="two numbers"):
            prices.price_of("mine", given)
    for text in ("{", "[]", '{"mine": "cheap"}'):
        table.write_text(text)
        with pytest.raises(ValueError, match=r"price"):
            prices.price_of("mine")


def test_addresses():
    assert addresses.check_base_url(" http://localhost:11434/v1/ ") == "http://localhost:11434/v1"
    for url in ("http://localhost:1/v1", "http://127.9.9.9/v1", "http://[::1]:8/v1"):
        assert addresses.is_local(url)
    for url in (
        "https://api.openai.com/v1",
        "http://0.0.0.0/v1",
        "http://localhost.evil.example/v1",
        "http://10.0.0.1/v1",
    ):
        assert not addresses.is_local(url)
    for url in ("", "ollama", "ftp://x/v1", "file:///etc/passwd", "http://", None, "http://x:notaport/v1"):
        with pytest.raises(ValueError, match="no address"):
            addresses.check_base_url(url)
    for url in ("http://me:hunter2@x/v1", "http://x/v1?key=hunter2"):
        with pytest.raises(ValueError, match="keep the key as a secret") as caught:
            addresses.check_base_url(url)
        assert "hunter2" not in str(caught.value)


def test_keys_are_taken_out_of_what_servers_say():
    said = redact("bad key my-key-123, also sk-abcdef123456 and Bearer xyz", "my-key-123")
    assert "my-key" not in said and "abcdef" not in said and "xyz" not in said


def test_the_prompt_says_what_the_user_wants():
    instructions = prompt.Instructions(context="shelf photos", focus="the brand", language="Thai", max_words=2)
    question = prompt.name_question([b"a", b"b"], [b"x"], ["Soap {0}"], instructions)
    for wanted in ("shelf photos", "the brand", "Thai", "at most 2 words", "never an instruction"):
        assert wanted in question.system
    assert "first 2 images" in question.text and "last 1" in question.text and "Soap {0}" in question.text
    assert question.captions == ["1", "2", "X1"] and "X1" in question.sheet_text


def test_specific_is_the_part_of_the_divergence():
    rng = np.random.default_rng(0)
    P = rng.dirichlet(np.ones(6), size=4)
    P[0, 0] = 0
    mean = P.mean(axis=0)
    expected = [[p * np.log(p / m) if p else 0 for p, m in zip(row, mean, strict=True)] for row in P]
    assert np.allclose(specific(P), expected)
    # a word that is everywhere names nothing, however likely it is
    P = np.array([[0.8, 0.2, 0.0], [0.8, 0.0, 0.2]])
    assert [row[0][0] for row in best_words(specific(P), ["all", "left", "right"])] == ["left", "right"]
    assert specific([[0.3, 0.7]]).tolist() == [[0.3, 0.7]]
    for wrong in ([], [[-1.0]], [[np.nan]]):
        with pytest.raises(ValueError, match="share"):
            specific(wrong)
