"""The review page in a real browser: by keyboard, by mouse, by touch, wide and on a phone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from served import Page, make_doubtful, served

from pipeline.decisions import decisions_path
from pipeline.records import FACES
from pipeline.tables import read_table

PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
WIDE = {"viewport": {"width": 1280, "height": 800}}


@pytest.fixture
def group(lanterns: Path) -> Path:
    make_doubtful(lanterns)
    return lanterns


@pytest.fixture
def server(group: Path) -> Iterator[Page]:
    with served(group) as page:
        yield page


@pytest.fixture
def tab(browser: Any, server: Page, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The first page, ready for keys; the test fails when a script fails, is refused, or asks another machine."""
    context = browser.new_context(**getattr(request, "param", WIDE))
    made = context.new_page()
    wrong: list[str] = []
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("console", lambda message: wrong.append(message.text))
    made.on("request", lambda asked: None if asked.url.startswith(server.url) else wrong.append(asked.url))
    made.goto(server.url)
    made.wait_for_selector(".card.current")
    yield made
    context.close()
    assert wrong == []


def decided(group: Path) -> list[str]:
    return [line.partition(",")[2] for line in decisions_path(group).read_text().splitlines()[1:]]


def current(tab: Any) -> int:
    return int(tab.evaluate("[...document.querySelectorAll('.card')].findIndex(c => c.matches('.current'))"))


def counts(tab: Any) -> list[int]:
    """What the pages are said to hold."""
    return [int(text) for text in tab.locator("nav span").all_inner_texts()]


def settled(tab: Any, count: int) -> None:
    """Wait until so many decisions are told as waiting."""
    words = "Nothing is decided" if not count else f"{count} decision{'s are' if count > 1 else ' is'} not built in"
    tab.wait_for_selector(f"#waiting:has-text('{words}')")


def test_by_keyboard(tab: Any, group: Path) -> None:
    asked = tab.locator(".card").count()
    assert counts(tab)[0] == asked
    for key in ("a", "r", "5", "ArrowRight"):
        tab.keyboard.press(key)
    settled(tab, 3)
    assert (counts(tab)[0], counts(tab)[-1]) == (asked - 3, 3)
    assert decided(group) == ["accept,", "reject,", "accept,tavi"]
    assert tab.locator(".accepted").count() == 2
    assert tab.locator(".rejected .state").inner_text() == "✗ left out"
    assert current(tab) == 3
    tab.keyboard.press("u")
    settled(tab, 2)
    assert (counts(tab)[0], counts(tab)[-1]) == (asked - 2, 2)
    assert current(tab) == 2
    tab.keyboard.press("p")
    tab.keyboard.press("2")  # another word on a face that was rejected
    tab.wait_for_selector(".state:has-text('kaia')")
    tab.keyboard.press("u")
    tab.wait_for_selector(".rejected")
    assert decided(group)[3:] == ["clear,", "accept,kaia", "reject,"]
    tab.reload()
    tab.wait_for_selector(".card.current")
    assert current(tab) == 2  # the first that is not decided
    tab.keyboard.press("u")  # what was done before the page was loaded again
    settled(tab, 1)


def test_help_and_the_whole_photo(tab: Any, group: Path) -> None:
    tab.keyboard.press("?")
    assert tab.locator("#help").is_visible()
    tab.keyboard.press("a")  # is not a decision while the help is open
    tab.keyboard.press("Escape")
    assert not tab.locator("#help").is_visible()
    tab.keyboard.press(" ")
    tab.wait_for_selector("#photo[open]")
    tab.wait_for_selector("#mark:visible")
    whole, mark = (tab.locator(one).bounding_box() for one in ("#whole", "#mark"))
    width, height = tab.evaluate("(({naturalWidth, naturalHeight}) => [naturalWidth, naturalHeight])(whole)")
    key = tab.locator(".card.current").get_attribute("data-key")
    face = read_table(group / "faces.parquet", FACES).set_index("key").loc[key]
    shown = [(mark["x"] - whole["x"]) / whole["width"] * width, (mark["y"] - whole["y"]) / whole["height"] * height]
    assert shown == pytest.approx([face["x0"], face["y0"]], abs=3.0)
    assert max(whole["width"] / 1280, whole["height"] / 800) > 0.8  # small photos too are seen large
    assert mark["width"] / whole["width"] * width == pytest.approx(face["x1"] - face["x0"], abs=3.0)
    tab.keyboard.press(" ")
    assert not tab.locator("#photo").is_visible()
    settled(tab, 0)


def test_suggestions_are_additions(tab: Any, server: Page, group: Path) -> None:
    tab.goto(f"{server.url}/page/1")
    tab.wait_for_selector(".card.current")
    tab.keyboard.press("a")
    tab.keyboard.press("r")
    settled(tab, 2)
    assert decided(group) == ["accept,juno", "reject,"]


def test_all_suggestions_of_a_member_are_accepted_at_once(tab: Any, server: Page, group: Path) -> None:
    tab.goto(f"{server.url}/page/1")
    tab.wait_for_selector(".card.current")
    juno, kaia = tab.locator("[data-action=all]").all()
    assert (juno.inner_text(), kaia.inner_text()) == ("Accept all 3 as juno", "Accept this one as kaia")
    tab.keyboard.press("r")  # who was looked at and rejected is not accepted with the rest
    tab.keyboard.press("Shift+A")
    settled(tab, 3)
    assert decided(group) == ["reject,", "accept,juno", "accept,juno"]
    assert not juno.is_visible()
    assert current(tab) == 3  # the next member's first
    tab.keyboard.press("u")
    settled(tab, 1)
    assert decided(group)[3:] == ["clear,", "clear,"]
    assert juno.inner_text() == "Accept all 2 as juno"
    kaia.click()
    settled(tab, 2)
    assert decided(group)[5:] == ["accept,kaia"]


@pytest.mark.parametrize("tab", [PHONE], indirect=True, ids=["phone"])
def test_by_touch_on_a_phone(tab: Any, group: Path) -> None:
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
    for action in ("accept", "reject", "next", "undo"):
        button = tab.locator(f"[data-action={action}]").first
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 32
        assert box["y"] > 700
    tab.tap("[data-action=accept]")
    tab.tap("[data-action=reject]")
    tab.tap("[data-action=who]")
    tab.tap("[data-member=soren]")
    tab.tap(".card >> nth=0")
    settled(tab, 3)
    assert decided(group) == ["accept,", "reject,", "accept,soren"]
    tab.tap("[data-action=undo]")
    settled(tab, 2)
    face = tab.locator(".card.current > .face").bounding_box()
    assert face["width"] >= 300
    # Many cards far below, which the browser does not lay out yet, make the page no wider either.
    tab.evaluate("for (let n = 0; n < 40; n++) cards[0].after(cards[0].cloneNode(true))")
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_tabs_agree(tab: Any, server: Page, group: Path) -> None:
    other = tab.context.new_page()
    other.goto(f"{server.url}/page/0")
    other.wait_for_selector(".card.current")
    for key in ("0", "u"):  # nothing was decided, so there is nothing to undo
        other.keyboard.press(key)
    other.wait_for_selector("#problem:has-text('Nothing was decided in this window')")
    assert decided(group) == []
    other.keyboard.press("r")
    settled(other, 1)
    tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    tab.wait_for_selector(".rejected")
    settled(tab, 1)


def test_it_says_when_nothing_is_saved(browser: Any, group: Path) -> None:
    with served(group) as page:
        tab = browser.new_page()
        tab.goto(page.url)
        tab.wait_for_selector(".card.current")
    at = current(tab)
    tab.keyboard.press("a")
    tab.wait_for_selector("#problem:has-text('Not saved')")
    assert current(tab) == at
    assert tab.locator(".accepted").count() == 0
    tab.close()
    assert decided(group) == []
