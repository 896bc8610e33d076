"""The page in Chromium: nothing fetched, console clean, no sideways scrolling, charts drawn, tooltips safe."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fairtoll.findings.results import Results

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


def opened(browser: Any, folder: Path, *, width: int, scheme: str) -> tuple[Any, list[str], list[str]]:
    """Open the page and scroll through it once; return it with its console and its requests."""
    page = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme).new_page()
    console: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: console.append(message.text))
    page.on("pageerror", lambda error: console.append(str(error)))
    page.on("dialog", lambda dialog: (console.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((folder / "report.html").as_uri())
    for panel in page.query_selector_all(".panel"):
        panel.scroll_into_view_if_needed()
    page.wait_for_function(
        "[...document.querySelectorAll('.panel')].every((p) => p.querySelector('.live svg'))", timeout=60_000
    )
    return page, console, requests


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("which", ["example", "audit"])
def test_page(browser: Any, example_folder: Path, audit_folder: Path, which: str, width: int, scheme: str) -> None:
    check_page(browser, example_folder if which == "example" else audit_folder, width=width, scheme=scheme)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_page_with_images(browser: Any, quick_cifar10_folder: Path, width: int, scheme: str) -> None:
    check_page(browser, quick_cifar10_folder, width=width, scheme=scheme)
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto((quick_cifar10_folder / "report.html").as_uri())
    pictures = page.evaluate(
        "[...document.querySelectorAll('.pictures img')].map((i) => "
        "[i.naturalWidth, i.getBoundingClientRect().width, getComputedStyle(i).imageRendering])"
    )
    assert len(pictures) == 12
    assert all(own == 32 and shown >= 96 and rendering == "pixelated" for own, shown, rendering in pictures)
    # What must be seen first is on the first screen, however narrow.
    for part in (".data", ".cuts", ".highlight"):
        box = page.locator(part).first.bounding_box()
        assert box["y"] + box["height"] <= 900
        assert box["x"] + box["width"] <= width
    page.close()


def check_page(browser: Any, folder: Path, *, width: int, scheme: str) -> None:
    """Nothing fetched, nothing in the console, no sideways scrolling, every chart drawn and inside its place."""
    page, console, requests = opened(browser, folder, width=width, scheme=scheme)
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert len([url for url in requests if url.startswith("file:")]) == 1
    assert console == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    marks = page.evaluate(
        "[...document.querySelectorAll('.panel')].map((p) => p.querySelectorAll('.live svg path').length)"
    )
    assert marks
    assert min(marks) > 0
    overflowing = page.evaluate(
        "[...document.querySelectorAll('.panel')].filter((p) => {"
        "const s = p.querySelector('.live svg'); return s.getBoundingClientRect().right >"
        "p.getBoundingClientRect().right + 1;}).map((p) => p.dataset.chart)"
    )
    assert overflowing == []
    page.context.close()


def test_dark_mode_has_light_ink(browser: Any, audit_folder: Path) -> None:
    page, _, _ = opened(browser, audit_folder, width=1280, scheme="dark")
    script = "getComputedStyle(document.querySelector('.panel .live svg text')).fill"
    dark = [int(part) for part in page.evaluate(script).removeprefix("rgb(").rstrip(")").split(",")[:3]]
    page.emulate_media(color_scheme="light")
    light = [int(part) for part in page.evaluate(script).removeprefix("rgb(").rstrip(")").split(",")[:3]]
    assert min(dark) > 180
    assert max(light) < 80
    page.context.close()


def test_tooltip_shows_hostile_names_as_text(browser: Any, audit_folder: Path) -> None:
    page, console, _ = opened(browser, audit_folder, width=1280, scheme="light")
    panel = page.query_selector("[data-chart='success-audit-white-box']")
    panel.scroll_into_view_if_needed()
    panel.query_selector(".live .mark-symbol path[fill='#0072B2']").hover(force=True)
    page.wait_for_selector("#vg-tooltip-element.visible", timeout=10_000)
    tooltip = page.inner_text("#vg-tooltip-element")
    assert "attack success rate" in tooltip
    assert page.evaluate("document.querySelectorAll('#vg-tooltip-element script, #vg-tooltip-element b').length") == 0
    assert console == []
    page.context.close()


def test_findings_filter(browser: Any, example_folder: Path, example: Results) -> None:
    page, _, _ = opened(browser, example_folder, width=1280, scheme="light")
    total = len(example.findings)
    shown = "[...document.querySelectorAll('tr[data-finding]')].filter((r) => !r.hidden).length"
    assert page.evaluate(shown) < total
    page.click("#finding-all")
    assert page.evaluate(shown) == total
    page.select_option("#finding-filters select[name=verdict]", "less fair")
    wanted = sum(finding.verdict == "less fair" for finding in example.findings)
    assert page.evaluate(shown) == wanted
    assert page.inner_text("#finding-count") == f"{wanted} of {total} findings"
    page.context.close()


def test_without_scripts_and_on_paper_the_still_pictures_show(browser: Any, audit_folder: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((audit_folder / "report.html").as_uri())
    assert page.locator(".panel .static svg").first.is_visible()
    context.close()
    page, _, _ = opened(browser, audit_folder, width=1280, scheme="light")
    page.emulate_media(media="print")
    assert page.locator(".panel .static svg").first.is_visible()
    assert not page.locator(".panel .live").first.is_visible()
    page.context.close()


def test_contents_are_on_the_first_screen(browser: Any, example_folder: Path) -> None:
    for width, height in ((1280, 900), (390, 844)):
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto((example_folder / "report.html").as_uri())
        box = page.locator("nav.contents").bounding_box()
        assert box["y"] + box["height"] < 100
        assert box["width"] <= width
        page.close()


def test_a_pasted_link_to_a_finding_opens_it(browser: Any, example_folder: Path, example: Results) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    place = (example_folder / "report.html").as_uri()
    page.goto(place)
    # The last one: far down, and not among those that are listed at first.
    address = page.locator("tr[data-finding] details").last.get_attribute("id")
    page.goto("about:blank")
    page.goto(f"{place}#{address}")
    detail = page.locator("tr[data-finding] details").last
    assert detail.get_attribute("open") is not None
    assert 0 <= detail.bounding_box()["y"] < 900
    assert example.findings[-1].id in detail.inner_text()
    page.close()


def test_a_followed_link_opens_its_finding_whatever_the_filter_hides(
    browser: Any, example_folder: Path, example: Results
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((example_folder / "report.html").as_uri())
    page.fill("#finding-filters input[name=text]", "no finding has this name")
    claim = page.locator("dl.claims details").first
    claim.locator("summary").click()
    link = claim.locator("a").first
    link.click()
    target = page.locator(f"[id='{link.get_attribute('href')[1:]}']")
    assert target.get_attribute("open") is not None
    assert 0 <= target.bounding_box()["y"] < 900
    # A second time, after it was closed.
    target.locator("summary").click()
    link.click()
    assert target.get_attribute("open") is not None
    page.close()


def test_on_a_phone_every_verdict_is_seen_without_scrolling_sideways(browser: Any, example_folder: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((example_folder / "report.html").as_uri())
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    cells = page.evaluate(
        "[...document.querySelectorAll('main td, main .badge')].filter((c) => /^(less fair|fairer|equivalent|"
        "inconclusive)/.test(c.textContent.trim()) && c.getBoundingClientRect().width)"
        ".map((c) => [c.getBoundingClientRect().left, c.getBoundingClientRect().right])"
    )
    assert len(cells) > 50
    assert all(left >= 0 and right <= 390 for left, right in cells)
    names = page.evaluate(
        "[...document.querySelectorAll('table.stack td')].map((c) => getComputedStyle(c, '::before').content)"
    )
    assert not {"none", "normal", ""} & set(names)
    page.close()


def test_the_page_is_half_as_long_as_it_was(browser: Any, example_folder: Path) -> None:
    """29,946 pixels at 1280 before tables were folded under their figures."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto((example_folder / "report.html").as_uri())
    assert page.evaluate("document.documentElement.scrollHeight") < 29_946 / 2 + 500
    page.close()
