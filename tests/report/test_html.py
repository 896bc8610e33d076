"""The page: self-contained, escaped, complete, and honest where data are missing."""

import copy
import itertools
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from example_parts import with_parts

from fairtoll.findings.results import Results
from fairtoll.report import render_html

VOID = {"meta", "link", "br", "input", "img", "hr"}


class Page(HTMLParser):
    """The elements, ids and data of a page; complains about unbalanced tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.script_text: dict[str, str] = {}
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.script_text[str(self.elements[-1][1].get("id"))] = data
        elif self.open and self.open[-1] != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def read(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(example_folder: Path) -> Page:
    return Page(read(example_folder))


@pytest.fixture(scope="module")
def audit_page(audit_folder: Path) -> Page:
    return Page(read(audit_folder))


def test_no_element_refers_outside(page: Page) -> None:
    for tag, attributes in page.elements:
        assert tag not in {"iframe", "object", "embed", "base"}
        for name in ("src", "href", "xlink:href", "action", "data", "poster", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith(("#", "data:")), (tag, name, value)


def test_styles_load_nothing(example_folder: Path) -> None:
    text = read(example_folder)
    for style in re.findall(r"<style>(.*?)</style>", text, re.S):
        assert "@import" not in style
        assert "url(" not in style


def test_policy_forbids_network_and_foreign_scripts(page: Page) -> None:
    policies = [a["content"] for t, a in page.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert len(policies) == 1
    assert policies[0] is not None
    assert "default-src 'none'" in policies[0]
    script = policies[0].split("script-src")[1]
    assert "unsafe" not in script
    assert script.count("'sha256-") == 2


def test_ids_are_unique_and_links_land(page: Page) -> None:
    ids = [a["id"] for _, a in page.elements if a.get("id")]
    assert len(ids) == len(set(ids))
    for tag, attributes in page.elements:
        if tag == "a":
            assert str(attributes["href"])[1:] in ids
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in ids


def test_headings_descend_one_level_at_a_time(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_landmarks_and_language(page: Page) -> None:
    tags = [tag for tag, _ in page.elements]
    for landmark in ("header", "nav", "main", "footer"):
        assert tags.count(landmark) == 1
    assert dict(page.elements)["html"] == {"lang": "en"}


def test_tables_have_captions_and_scopes_and_can_be_scrolled_by_keyboard(page: Page) -> None:
    tags = [tag for tag, _ in page.elements]
    assert tags.count("table") == tags.count("caption") == tags.count("thead")
    assert all("scope" in attributes for tag, attributes in page.elements if tag == "th")
    scrolls = [a for _, a in page.elements if a.get("class") == "scroll"]
    assert len(scrolls) == tags.count("table")
    assert all(a.get("tabindex") == "0" and a.get("aria-label") for a in scrolls)


def test_every_chart_is_described_and_has_a_still_picture(page: Page) -> None:
    charts = [attributes for _, attributes in page.elements if "data-chart" in attributes]
    specs = json.loads(page.script_text["chart-specs"])
    assert {a["data-chart"] for a in charts} == set(specs)
    assert all(a.get("role") == "img" and len(str(a.get("aria-label"))) > 20 for a in charts)
    assert sum(tag == "svg" for tag, _ in page.elements) == len(charts)


def test_first_screen_has_question_answer_alarms_claims(page: Page, example: Results) -> None:
    text = page.text
    places = [
        text.index(words) for words in ("does it become less fair", "The answer in brief", "What the paper claims")
    ]
    places += [text.index(w) for w in ("Alarms that fired", "Notes on reading these figures", "Verdicts at a glance")]
    assert places == sorted(places)
    judged = [after for (_, a), (_, after) in itertools.pairwise(page.elements) if a.get("class") == "judged"]
    badges = [after["class"] for after in judged]
    for judgement in ("supported", "refuted", "inconclusive"):
        wanted = sum(c.judgement == judgement for c in example.claims)
        assert badges.count(f"badge {judgement}") == wanted


def test_every_finding_is_listed(page: Page, example: Results) -> None:
    rows = [a for tag, a in page.elements if tag == "tr" and "data-finding" in a]
    listed = [str(a["data-finding"]).split(" ")[0] for a in rows]
    assert sorted(listed) == sorted(f.id.split(" ")[0] for f in example.findings)
    decided = [a["data-verdict"] not in ("inconclusive", "insufficient data") for a in rows]
    assert decided == sorted(decided, reverse=True)
    for finding in example.findings:
        assert finding.id in page.text


def test_paper_places_are_named_only_for_the_paper(page: Page, audit_page: Page) -> None:
    assert "the paper's Table II and Figure 4" in page.text
    assert "the paper's Table V and Figure 6" in page.text
    assert "Table II" not in audit_page.text


def test_an_audit_says_what_was_evaluated(audit_page: Page, page: Page) -> None:
    rows = {
        "Seed": "7",
        "Epsilons": "0.1",
        "Threat: scale": "20 values: 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, …",
        "Threat: mutable": "a, <b>",
        "Threat: integer": "none",
        "Attacks: union": "queries 500",
        "Attacks: pgd-20": "steps 20",
        "Hashes: rows": "ab" * 32,
        "Hashes: models: plain": "cd" * 32,
    }
    text = audit_page.text
    assert "What was evaluated" in text
    for name, value in rows.items():
        assert f"{name} {value}" in text
    assert "Table: Configuration of the audit" in text  # folded away
    # An experiment's description is at the end of its page.
    assert "What was evaluated" not in page.text


def test_hostile_names_are_text(audit_folder: Path, audit_page: Page) -> None:
    text = read(audit_folder)
    assert "<script>alert" not in text
    assert "<i>ened" not in text
    assert sum(tag == "script" for tag, _ in audit_page.elements) == 3
    assert "</script><script>alert(1)</script>" in audit_page.text
    # Inside the embedded data they come back as they were.
    specs = json.dumps(json.loads(audit_page.script_text["chart-specs"]))
    assert "</script><script>alert" in specs


def test_generic_audit_leaves_out_what_it_does_not_have(audit_page: Page) -> None:
    ids = {a.get("id") for _, a in audit_page.elements}
    assert {"accuracy", "class-accuracy", "attack-success", "groups", "toll", "findings"} <= ids
    assert not {"least-epsilon", "threats", "transfer", "confidence-1"} & ids
    for words in ("What the paper claims", "Alarms that fired", "against the control", "nan", "None"):
        assert words not in audit_page.text


def test_insufficient_data_is_said_never_zero(audit_page: Page) -> None:
    assert "insufficient data" in audit_page.text
    assert "too few rows" in audit_page.text
    row = next(a for _, a in audit_page.elements if a.get("data-verdict") == "insufficient data")
    assert row["data-protocol"] == "audit"


def test_results_without_anything_still_make_a_page(audit: Results) -> None:
    empty = with_parts(audit, findings=[], accuracy=[], arms=[])
    assert "How to recompute" in render_html(empty)


def test_page_is_a_function_of_the_results(audit: Results) -> None:
    before = copy.deepcopy(audit.findings[0])
    assert render_html(audit) == render_html(copy.deepcopy(audit))
    assert audit.findings[0] == before
