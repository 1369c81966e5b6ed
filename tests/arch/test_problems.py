"""What a problem says (RFC 9457, detail) has one style: a sentence's part in lower case, without a full stop, that names the member."""
import json
import re

import pytest

from sources import ROOT

LITERALS = r'((?:"(?:[^"\\]|\\.)*"\s*)+)'
MEMBER = r'(?:[\w.>()\[\]-]+|"(?:[^"\\]|\\.)*")'
CALLS = [re.compile(rf"http_(?:fill_)?problem\(\s*[^,;]+,\s*[^,;]+,\s*(?:{MEMBER})(?:\s*\?[^;,]*)?,\s*{LITERALS}"),
         re.compile(rf"http_turn_away\([^;]*?,\s*\d+,\s*{LITERALS}"),
         re.compile(rf"\(struct http_verdict\)\{{\d+,[^,]+,\s*{LITERALS}"),
         re.compile(rf"client_answer_un(?:known|asked)\([^;]*?{LITERALS}\)"),
         re.compile(rf"^    \{{\d+, \"[A-Z][\w -]+\",\s*{LITERALS}", re.M),
         re.compile(rf"^ERROR\((?!E_MALFORMED)\w+, \d+, [01],\s*{LITERALS}", re.M)]  # E_MALFORMED is said of something that is named before
REFUSE = re.compile(rf"\brefuse\([^,;()]+,(?:[^,;()]+,)?\s*{LITERALS}")  # of kernel/http
VERBS = "must|has|is|are|was|can|may|contradicts|does|needs"


def sources():
    for pattern in ("kernel/**/*.c", "contexts/**/*.c", "gateway/nginx_problems.c", "kernel/base/errors.def"):
        yield from sorted(ROOT.glob(pattern))


def details():
    """(file, detail) of what the sources say."""
    for path in sources():
        for call in CALLS + [REFUSE] * (path.parent.name == "http"):
            for said in call.findall(path.read_text()):
                yield path.name, "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', said))


def wrong_in(detail, member=None):
    """Why it isn't in the style; None: it is."""
    if detail.endswith("."):
        return "ends with a full stop"
    if re.match(r"[A-Z][a-z]*(?![\w-]*-)\b", detail) and not re.match(r"(Host|Americano)\b", detail):
        return "begins with a capital letter"
    if re.match(rf"(?:{VERBS})\b", detail):
        return "doesn't name what is wrong"
    if re.search(r"\b(?:canceled|canceling|authoriz\w+)\b", detail):
        return "isn't British English"
    return None


def test_what_the_sources_say_is_in_the_style():
    said = list(details())
    assert len(said) > 90, "they are found"
    assert [(name, wrong_in(detail), detail) for name, detail in said if wrong_in(detail)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "api" / "examples").glob("problem_*.json")), ids=lambda path: path.stem)
def test_what_the_examples_say_is_in_the_style(path):
    assert wrong_in(json.loads(path.read_text())["detail"]) is None


@pytest.mark.parametrize("detail", ["There is nothing here", "there is nothing here.", "must be a whole number", "The key must be short.", "it was canceled"])
def test_another_style_is_noticed(detail):
    assert wrong_in(detail)
