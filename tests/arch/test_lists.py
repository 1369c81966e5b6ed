"""Documents that list what there is list all of it: a new suite, test, library, service or name has its line."""
import re

import pytest

from sources import ROOT, report, text_of, tracked

NAMES = [str(path.relative_to(ROOT)) for path in tracked("")]


def matching(pattern):
    """What the pattern's group is, in all files that it is the whole path of."""
    return sorted({found.group(1) for name in NAMES if (found := re.fullmatch(pattern, name))})


def found_in(pattern, *files):
    return sorted({name for file in files for name in re.findall(pattern, text_of(file), re.M)})


def names_for_tests():
    pages = [path for path in tracked(".jsx", ".html", ".js") if str(path.relative_to(ROOT)).startswith("web/")]
    return found_in(r'(?<![\w-])(?:data-)?testid="([\w-]+)"', *pages)


LISTS = {
    "suites": found_in(r'^    "([\w-]+)": \w+,$', ROOT / "tools/test"),
    "system tests": matching(r"tests/system/(test_\w+\.py)"),
    "browser tests": matching(r"tests/browser/(\w+\.test\.mjs)"),
    "the simulation's files": matching(r"tests/sim/(sim\w*\.c)"),
    "fuzz targets": matching(r"tests/fuzz/corpus/(\w+)/.*"),
    "libraries": matching(r"kernel/(\w+)/meson\.build"),
    "rows": matching(r"bench/row_(\w+)\.py"),
    "services": found_in(r"^\s+x-service: (\w+)$", ROOT / "api/openapi.yaml"),
    "names for tests": names_for_tests(),
}
DOCUMENTS = [
    ("CONTRIBUTING.md", "suites"),
    ("tests/README.md", "suites"),
    ("tests/README.md", "system tests"),
    ("tests/browser/README.md", "browser tests"),
    ("tests/sim/README.md", "the simulation's files"),
    ("tests/fuzz/README.md", "fuzz targets"),
    ("kernel/README.md", "libraries"),
    ("bench/README.md", "rows"),
    ("api/README.md", "services"),
    ("web/README.md", "names for tests"),
]


def missing(text, names):
    return [name for name in names if f"`{name}`" not in text]


@pytest.mark.parametrize("document, what", DOCUMENTS)
def test_a_list_has_all_that_there_is(document, what):
    assert len(LISTS[what]) > 4
    report([f"it lacks {name}" for name in missing(text_of(ROOT / document), LISTS[what])])


def test_a_decisions_number_is_a_page_or_said_to_be_none():
    """Up to the last one that was set aside: pages that are written side by side come in any order."""
    pages = [int(number) for number in matching(r"docs/adr/(\d{4})-.*\.md")]
    unused = [int(number) for number in re.findall(r"\d+", text_of(ROOT / "docs/adr/README.md").split("never became a page:", 1)[1])]
    assert sorted([number for number in pages if number <= max(unused)] + unused) == list(range(1, max(unused) + 1))


def test_what_a_list_lacks_is_found():
    assert missing("`system`, `api_x`", ["system", "api"]) == ["api"]
