"""The site builds without a warning, and every page is read without a network."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
#: What loads a file as soon as a page is opened.
LOADING = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src", "video": "src"}


class Reader(HTMLParser):
    """What a page loads, and the pages and places that it links to."""

    def __init__(self):
        super().__init__()
        self.loads, self.links, self.places = [], [], set()

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.places.add(given.get("id"))
        if tag in LOADING and LOADING[tag] in given and given.get("rel") not in ("index", "search", "next", "prev"):
            self.loads.append(given[LOADING[tag]])
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "-d", folder / "trees", DOCS,
         folder / "html"],
        capture_output=True, encoding="utf-8",
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    pages = {}
    for path in (folder / "html").rglob("*.html"):
        reader = Reader()
        reader.feed(path.read_text(encoding="utf-8"))
        pages[path] = reader
    return folder / "html", pages


def test_no_page_loads_anything_from_elsewhere(site):
    folder, pages = site
    outside = {load for reader in pages.values() for load in reader.loads if re.match(r"(https?:)?//", load)}
    assert outside == set()
    for sheet in (folder / "_static").rglob("*.css"):
        assert not re.search(r"(url\(|@import )['\"]?(https?:)?//", sheet.read_text(encoding="utf-8")), sheet.name


def test_every_link_within_the_site_leads_somewhere(site):
    _, pages = site
    for path, reader in pages.items():
        for link in reader.links:
            target, _, place = link.partition("#")
            if re.match(r"\w+:", link) or path.name in ("genindex.html", "search.html", "report.html"):
                continue
            to = (path.parent / target).resolve() if target else path
            assert to.is_file(), f"{path.name} links to {link}"
            if place and to in pages:
                assert place in pages[to].places, f"{path.name} links to {link}"


def test_public_names_are_in_the_reference(site):
    folder, _ = site
    text = "".join(path.read_text(encoding="utf-8") for path in (folder / "api").glob("*.html"))
    for name in (
        "fairtoll.audits.audit", "fairtoll.data.Dataset", "fairtoll.attacks.Union", "fairtoll.threats.table_threat",
        "fairtoll.metrics.class_accuracy_unfairness", "fairtoll.interop.torchmetrics.WorstClassAccuracy",
        "fairtoll.interop.lightning.RobustAccuracy", "fairtoll.bounds.prove", "fairtoll.training.fit",
    ):  # fmt: skip
        assert f'id="{name}"' in text, name
