"""Typesetting of text from the results: full stops, minus signs, subscripts; long reasons shortened."""

import re

from markupsafe import Markup, escape

from fairtoll.report.numbers import MINUS

POINT_LENGTH = 124
GAP_NOTE = (
    "Gaps and differences are means over training runs of one model's gap, without what the noise of the rows adds; "
    "plain is the same with it: the paper's definition."
)


def typeset(text: object) -> str:
    """Return text with real minus signs before numbers, and ± for +-.

    Examples
    --------
    >>> typeset("change -0.065 +- 0.389, pgd-20")
    'change −0.065 ± 0.389, pgd-20'
    """
    words = str(text or "").replace("+-", "±").replace("+/-", "±")
    return re.sub(r"(?<![\w.,)\]-])-(?=\.?\d)", MINUS, words)


def sentence(text: object) -> str:
    """Return typeset text that starts with a capital and ends with a stop."""
    words = typeset(text).strip()
    return words and f"{words[0].upper()}{words[1:]}{'' if words[-1] in '.!?' else '.'}"


def subscripts(text: object) -> Markup:
    """Return escaped text with the paper's symbols typeset: CRU_s, LUF_t, D_0."""
    named = re.sub(r"\bCRU_eps(ilon)?\b", "CRU_ε", str(escape(text)))
    return Markup(re.sub(r"\b(CRU|LUF|D)_(\w)\b", r"\1<sub>\2</sub>", named))


def slug(text: str) -> str:
    """Return a class name for a verdict or judgement."""
    return "".join(character if character.isalnum() else "-" for character in text.lower())


def without_brackets(text: str) -> str:
    """Return text without what is in brackets."""
    return re.sub(r"\s*\([^()]*\)", "", text)


def point(text: object, length: int = POINT_LENGTH) -> str:
    """Return a reason short enough for one line: whole, without its brackets, or its first clauses that fit.

    Reasons begin with their conclusion; their numbers are in the full text.

    Examples
    --------
    >>> point("Not settled: it goes from 1 to 2 (change +1, interval -3 to +5).", 40)
    'Not settled: it goes from 1 to 2.'
    >>> point("Not settled: it goes from 1 to 2; then from 2 to 4; then from 4 to 8.", 40)
    'Not settled: it goes from 1 to 2 …'
    """
    whole = sentence(text)
    bare = sentence(without_brackets(whole))
    for shorter in (whole, bare):
        if len(shorter) <= length:
            return shorter
    ends = [found.start() for found in re.finditer(r"[;:.](?=\s)", bare[: length - 1])]
    end = ends[-1] if ends else bare.rfind(" ", 0, length - 1)
    return f"{bare[:end].rstrip(' ,')} …"
