"""What the documents say of the sources is so: the files and functions that they name exist, where they are said to be."""
import os
import re
import subprocess
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

import pytest

from sources import ROOT, report, text_of, tracked

SUFFIXES = ("c", "h", "def", "py", "js", "mjs", "css", "html", "in", "build", "yaml", "json", "md")
CODE = (".c", ".h", ".py", ".js", ".mjs")

SPAN = re.compile(r"`([^`\n]+)`")
FILE = re.compile(rf"[\w./*-]+\.(?:{'|'.join(SUFFIXES)})(?![\w.])")
FUNCTION = re.compile(r"(\w+)\(\)")
FUNCTION_OF_FILE = re.compile(rf"`([\w./-]+\.c)` `(\w+)\(\)`")
LINK = re.compile(r"\]\(([^)\s#]+)(?:#[^)]*)?\)")

HERE = Path(__file__).resolve()
DOCUMENTS = tracked(".md")
NAMES = [str(path.relative_to(ROOT)) for path in tracked("")]


def files_called(name):
    """Those with that path, or that end of a path; * is any."""
    return [path for path in NAMES if fnmatch(path, name) or fnmatch(path, f"*/{name}")]


def is_made(name, document):
    """Whether it is something that building or running leaves behind: git is told to leave it alone."""
    places = [name, os.path.relpath(document.parent / name, ROOT)]
    return subprocess.run(["git", "check-ignore", *places], cwd=ROOT, capture_output=True, check=False).returncode == 0


def is_placeholder(name):
    return re.search(r"(?<![A-Z])NAME(?![A-Z])", name) is not None


def missing_files(text, document):
    named = {found.group(0) for span in SPAN.findall(text) if (found := FILE.match(span))}
    return sorted(name for name in named if not is_placeholder(name) and not files_called(name) and not is_made(name, document))


@lru_cache(maxsize=None)
def functions():
    """All that is made or called anywhere but here."""
    return {name for path in tracked(*CODE) if path != HERE for name in re.findall(r"\b(\w+)\(", text_of(path))}


def missing_functions(text):
    named = {found.group(1) for span in SPAN.findall(text) if (found := FUNCTION.fullmatch(span))}
    return sorted(named - functions())


def misplaced_functions(text):
    """Of `file.c` `function()`: those that the file doesn't have."""
    return sorted(f"{function}() in {name}" for name, function in set(FUNCTION_OF_FILE.findall(text))
                  if not any(re.search(rf"^\S.*\b{function}\(", text_of(ROOT / path), re.M) for path in files_called(name)))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_what_a_document_names_exists(document):
    text = text_of(document)
    report([f"there is no {name}" for name in missing_files(text, document)]
           + [f"there is no {name}()" for name in missing_functions(text)]
           + [f"there is no {name}" for name in misplaced_functions(text)])


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_where_a_document_points_is_something(document):
    report([f"it points to {target}" for target in LINK.findall(text_of(document))
            if not re.match(r"\w+:", target) and not (document.parent / target).exists()])


RULE = re.compile(r"\b[Rr]ules? ([1-9]\d*)(?: (?:and|to) ([1-9]\d*))?")
RULE_ROW = re.compile(r"^\| ([1-9]\d*) \| ", re.M)


def rules_of(text):
    """The numbers of the list that ARCHITECTURE.md has, and its text."""
    list_of_them = text.split("## The nine rules", 1)[1].split("\n## ", 1)[0]
    return RULE_ROW.findall(list_of_them), list_of_them


def unknown_rules(text, known):
    return sorted({number for found in RULE.findall(text) for number in found if number and number not in known})


def test_a_rule_that_has_a_number_is_in_the_list():
    known, _ = rules_of(text_of(ROOT / "ARCHITECTURE.md"))
    assert known == [str(n) for n in range(1, 10)]
    sources = [path for path in tracked(*CODE, ".def", ".md") if path != HERE]
    report([f"{path.relative_to(ROOT)}: rule {number}" for path in sources for number in unknown_rules(text_of(path), known)])


def test_the_bugs_that_show_a_rule_are_planted():
    _, text = rules_of(text_of(ROOT / "ARCHITECTURE.md"))
    planted = re.findall(r"^PLANT\((\w+),", text_of(ROOT / "tests/sim/sim_plants.def"), re.M)
    named = [name for cell in re.findall(r"plants? ([^|;]*)", text) for name in re.findall(r"`([A-Z_]+)`", cell)]
    assert len(named) > 9
    report([f"there is no plant {name}" for name in named if name not in planted])


def test_a_name_of_nothing_is_found():
    assert unknown_rules("rule 3, rules 9 to 10, Rule 12", ["3", "9"]) == ["10", "12"]
    document = ROOT / "README.md"
    assert missing_files("`writer.c`, `kernel/*/writer.c`, `build/x.json`, `row_NAME.py`", document) == []
    assert missing_files("`kernel/service/writter.c` and `writer.c`", document) == ["kernel/service/writter.c"]
    assert missing_functions("`writer_post()`, `writer_toast()`") == ["writer_toast"]
    assert misplaced_functions("`writer.c` `writer_post()`, `writer.c` `feed_publish()`") == ["feed_publish() in writer.c"]
