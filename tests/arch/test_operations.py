"""Whoever is called at 3 a.m. finds in docs/operations.md every figure and every warning that the program may show."""
import re

from sources import ROOT, report, text_of, tracked

PROGRAM = ("kernel/", "contexts/", "gateway/", "cmd/")
METRIC = re.compile(r'"((?:coffeeshop|process)_[a-z_]+)"')
LITERAL = r'"(?:[^"\\]|\\.)*"'
LOGGED = re.compile(rf"\blog_(?:warning|error|at)\((?:(?!LOG_[IST]\()[^\"])*({LITERAL}(?:\s*:?\s*{LITERAL})*)")
SPAN = re.compile(r"`([^`\n]+)`")


def program():
    return [path for path in tracked(".c") if str(path.relative_to(ROOT)).startswith(PROGRAM)]


def section(title):
    return text_of(ROOT / "docs/operations.md").split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]


def metrics_of(text):
    """A metric's name is followed by its sentence."""
    return {found.group(1) for found in METRIC.finditer(text) if text[found.end():].lstrip().startswith(",")}


def logged_in(text):
    """What is told as a warning or an error, where the call names it; of a choice each."""
    return [line for told in LOGGED.findall(text) for line in re.findall(r'"((?:[^"\\]|\\.)*)"', re.sub(r'"\s+"', "", told))]


def says(span, line):
    """Whether a row's `span` is that line, its beginning, or both with … for what is left out."""
    pattern = ".*".join(re.escape(part.strip()) for part in span.split("…"))
    return re.match(pattern, line) is not None


def test_every_metric_is_in_the_list_of_metrics():
    told = section("What the metrics say")
    named = {name for path in program() for name in metrics_of(text_of(path))}
    assert len(named) > 30
    report([f"it doesn't say {name}" for name in sorted(named) if not re.search(rf"\b{name}\b", told)])


def test_every_warning_is_in_the_list_of_what_the_log_says():
    spans = [span for row in section("What the log says").splitlines() if row.startswith("| `") for span in SPAN.findall(row.split(" | ")[0])]
    lines = {line for path in program() for line in logged_in(text_of(path))}
    assert len(lines) > 40
    report([f"it doesn't say `{line}`" for line in sorted(lines) if not any(says(span, line) for span in spans)])


def test_what_is_not_in_the_lists_is_found():
    assert metrics_of('M("coffeeshop_a_total",\n "A."), "coffeeshop_b", process_metrics("process_c");') == {"coffeeshop_a_total", "coffeeshop_b"}
    assert logged_in('log_warning("a (b); c", LOG_I("d", 1)); log_at(level, up ? "e" : "f", LOG_T("g", h)); log_error(loss->event, LOG_T("i", j)); log_info("k");') == ["a (b); c", "e", "f"]
    assert says("the … is damaged …", "the file is damaged: see") and says("feed", "feed lost")
    assert not says("is damaged", "the file is damaged")
