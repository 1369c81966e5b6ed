"""The rules of the architecture that a compiler doesn't hold: who may include whom, what the domain may call, where state may live.

The sources are read as text; the objects are read with nm from the build directory (BUILD, default build/).
"""
import json
import os
import re
import subprocess
from functools import lru_cache
from pathlib import Path

import pytest

from sources import ROOT, report, text_of, tracked

BUILD = Path(os.environ.get("BUILD", ROOT / "build"))
CONTEXTS = sorted(path.name for path in (ROOT / "contexts").iterdir() if path.is_dir())

# All that the pure part of a context may call outside of itself and kernel/base: moving and comparing memory, what the
# compiler itself puts in, and the assertion.
PURE_SYMBOLS = re.compile(
    r"(__)?(memcpy|memmove|memset|memcmp|memchr|str(n?len|n?cmp|n?casecmp|chr|rchr|spn|cspn))(_chk)?"
    r"|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|assert_failed|base_assert_failed|abort")

# The hosts that packages come from; the patterns are written so that this file doesn't name one itself.
REGISTRY_HOSTS = re.compile(
    r"py[p]i\.org|pythonh[o]sted\.org|registry\.np[m]js|crat[e]s\.io|prox[y]\.golang|repo\d?\.mav[e]n|deb\.debi[a]n\.org|d[o]cker\.io",
    re.I)

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def under(directory, *suffixes):
    directory = ROOT / directory
    return [path for path in tracked(*suffixes) if directory in path.parents]


def homes_of(name):
    """The directories that hold a file of that name; includes are by bare name."""
    return {path.parent for path in tracked(".h", ".def") if path.name == name}


def includes_of(paths):
    """(file, name, directories it could come from) of every quoted include."""
    for path in paths:
        for name in INCLUDE.findall(text_of(path)):
            yield path.relative_to(ROOT), name, homes_of(Path(name).name)


def is_in(directories, *allowed):
    return any(directory == ROOT / place or ROOT / place in directory.parents for directory in directories for place in allowed)


@lru_cache(maxsize=None)
def compiled():
    """Every object of the build directory, by the source that it was made of."""
    units = json.loads((BUILD / "compile_commands.json").read_text())
    return {Path(os.path.realpath(BUILD / unit["file"])): BUILD / unit["output"] for unit in units}


def objects_under(directory):
    """The object files that were made of the sources under a directory."""
    home = ROOT / directory
    return [built for source, built in compiled().items() if home in source.parents and built.exists()]


def symbols_of(path, *options):
    told = subprocess.run(["nm", "--format=posix", *options, str(path)], capture_output=True, text=True, check=True)
    return [line.split()[:2] for line in told.stdout.splitlines() if line.strip()]


def undefined_and_defined(objects):
    undefined, defined = {}, set()
    for path in objects:
        for name, kind in symbols_of(path):
            if kind in "Uw":
                undefined.setdefault(name, path.name)
            else:
                defined.add(name)
    return undefined, defined


def test_every_include_names_a_file_of_the_project_by_its_bare_name():
    report([f"{path} includes {name}" for path, name, homes in includes_of(tracked(".c", ".h"))
            if "/" in name or not homes])


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_context_includes_no_other_context(context):
    others = [f"contexts/{other}" for other in CONTEXTS if other != context]
    report([f"{path} includes {name}" for path, name, homes in includes_of(under(f"contexts/{context}", ".c", ".h"))
            if homes and not is_in(homes, f"contexts/{context}", "kernel") and is_in(homes, *others)])


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_domain_includes_only_itself_and_kernel_base(context):
    domain = f"contexts/{context}/domain"
    report([f"{path} includes {name}" for path, name, homes in includes_of(under(domain, ".c", ".h"))
            if not is_in(homes, domain, "kernel/base")])


@pytest.mark.parametrize("context", CONTEXTS)
def test_the_application_ring_includes_no_adapter(context):
    report([f"{path} includes {name}" for path, name, homes in includes_of(under(f"contexts/{context}/app", ".c", ".h"))
            if is_in(homes, f"contexts/{context}/adapters", "kernel/http", "kernel/sql", "kernel/kv", "kernel/bus")])


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_domain_calls_nothing_but_memory_and_assertions(context):
    objects = objects_under(f"contexts/{context}/domain")
    assert objects, f"{BUILD} has no objects of contexts/{context}/domain"
    undefined, defined = undefined_and_defined(objects)
    base = undefined_and_defined(objects_under("kernel/base"))[1]
    report([f"{where} calls {name}" for name, where in sorted(undefined.items())
            if name not in defined and name not in base and not PURE_SYMBOLS.fullmatch(name)])


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_domain_takes_no_memory_time_or_io_from_kernel_base(context):
    undefined, _ = undefined_and_defined(objects_under(f"contexts/{context}/domain"))
    report([f"{where} calls {name}" for name, where in sorted(undefined.items())
            if re.match(r"(alloc|mem_|arena|buf|clock)_?", name)])


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("ring", ["domain", "app"])
def test_no_state_lives_outside_of_objects(context, ring):
    objects = objects_under(f"contexts/{context}/{ring}")
    assert objects, f"{BUILD} has no objects of contexts/{context}/{ring}"
    report([f"{path.name} keeps {name}" for path in objects for name in mutable_symbols(path)])


def mutable_symbols(path):
    """Names in .data and .bss; .data.rel.ro is constant after the program is loaded."""
    told = subprocess.run(["objdump", "--syms", str(path)], capture_output=True, text=True, check=True)
    rows = re.findall(r"^[0-9a-f]+ .{7} (\.(?:data|bss)\S*|\*COM\*)\s+([0-9a-f]+)\s+(\S+)$", told.stdout, re.M)
    return [name for section, size, name in rows if int(size, 16) and not section.startswith(".data.rel.ro")]


def circles_among(uses):
    """Sets of at least two keys each of which leads to every other one (strongly connected components, by Kosaraju)."""
    def walk(graph, begin, seen):
        path, left = [(begin, iter(sorted(graph[begin])))], []
        seen.add(begin)
        while path:
            key, others = path[-1]
            for other in others:
                if other not in seen:
                    seen.add(other)
                    path.append((other, iter(sorted(graph[other]))))
                    break
            else:
                left.append(path.pop()[0])
        return left

    used_by = {key: {other for other in uses if key in uses[other]} for key in uses}
    seen, order = set(), []
    for key in sorted(uses):
        if key not in seen:
            order += walk(uses, key, seen)
    seen = set()
    groups = [walk(used_by, key, seen) for key in reversed(order) if key not in seen]
    return sorted(sorted(group) for group in groups if len(group) > 1)


def test_a_circle_is_found():
    assert circles_among({"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}) == [["b", "c"]]
    assert circles_among({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_no_two_source_files_call_each_other():
    """Not through others either: of what a file calls nothing calls back, but by a pointer that it was handed."""
    objects = {source.relative_to(ROOT): built for source, built in compiled().items()
               if built.exists() and is_in({source.parent}, "kernel", "contexts", "gateway")}
    assert objects, f"{BUILD} has no objects"
    symbols = {source: symbols_of(built) for source, built in objects.items()}
    home = {name: source for source, rows in symbols.items() for name, kind in rows if kind.isupper() and kind != "U"}
    uses = {source: {home[name] for name, kind in rows if kind == "U" and name in home} - {source} for source, rows in symbols.items()}
    report([" and ".join(map(str, circle)) for circle in circles_among(uses)])


def test_no_header_includes_itself_through_others():
    names = {path.name: set(INCLUDE.findall(text_of(path))) for path in tracked(".h")}
    report([" and ".join(circle) for circle in circles_among({name: {i for i in inside if i in names} for name, inside in names.items()})])


def test_the_kernel_names_no_context():
    named = re.compile(r"\b(" + "|".join(f"{name}_(http|app|repo|domain|events|main|decide|apply|command)" for name in CONTEXTS) + r")\b")
    mentions = [f"{path.relative_to(ROOT)}: {found.group(0)}" for path in under("kernel", ".c", ".h")
                for found in named.finditer(text_of(path))]
    includes = [f"{path} includes {name}" for path, name, homes in includes_of(under("kernel", ".c", ".h"))
                if is_in(homes, "contexts")]
    report(mentions + includes)


def test_a_shop_is_exported_from_where_its_services_keep_it():
    """Otherwise a service that is kept somewhere else would be left out without a word."""
    def place(text, opened_by):
        return re.findall(opened_by + r"\((?:self->service, )?common, ([^,]+), \"", text)

    mains = [path for path in under("contexts", "_main.c") if "sql_service_open(" in text_of(path)]
    assert len(mains) == 4
    report([str(path.relative_to(ROOT)) for path in mains
            if not place(text_of(path), "sql_service_open") == place(text_of(path), "sql_archive_open") != []])


def test_every_header_begins_by_saying_what_it_is():
    report([str(path.relative_to(ROOT)) for path in tracked(".h") if not text_of(path).startswith("/** ")])


def test_every_header_has_an_include_guard():
    def is_guarded(text):
        found = re.search(r"^#ifndef (\w+)\n#define (\w+)\n", text, re.M)
        return found and found.group(1) == found.group(2) and text.rstrip().endswith("#endif")

    report([str(path.relative_to(ROOT)) for path in tracked(".h") if not is_guarded(text_of(path))])


def test_include_guards_are_not_shared():
    guards = {}
    for path in tracked(".h"):
        found = re.search(r"^#ifndef (\w+)", text_of(path), re.M)
        if found:
            guards.setdefault(found.group(1), []).append(path.name)
    report([f"{guard}: {', '.join(names)}" for guard, names in guards.items() if len(names) > 1])


def test_header_names_are_unique():
    names = [path.name for path in tracked(".h")]
    report(sorted({name for name in names if names.count(name) > 1}))


def test_no_file_names_the_host_of_a_package_registry():
    report([f"{path.relative_to(ROOT)}: {found.group(0)}" for path in tracked("") if path.stat().st_size < 1_000_000
            for found in REGISTRY_HOSTS.finditer(text_of(path))])


def test_no_text_is_built_by_hand():
    """Text is built by buf.h; nothing copies without a bound, and no snprintf continues where another one ended."""
    by_hand = re.compile(r"\b((?:v?sprintf|strcpy|strcat|strncat|gets|atoi|atol|strtok)\s*\(|snprintf\s*\([^,;]*\+)")
    report([f"{path.relative_to(ROOT)}: {found.group(1)}" for path in tracked(".c", ".h") for found in by_hand.finditer(text_of(path))])


# Money is whole numbers of a currency's minor unit from the menu to the page; who may reckon in fractions has none in hand.
WITH_FRACTIONS = ("kernel/metrics/metrics.c", "kernel/metrics/metrics.h", "contexts/customercenter/view_rebuild.c")
COMMENT_OR_TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
FRACTION_IN_CODE = re.compile(
    r"\b(?:float|double|_Float\d+x?|_Decimal\d+|__fp16|complex)\b|\b(?:strto(?:f|d|ld)|atof|fabs|fmod|sqrt|pow|l?l?r(?:int|ound)|floor|ceil|trunc)f?l?(?=\s*\()"
    r"|\bsqlite3_\w+_double\b|<(?:tg)?math\.h>|\b\d+\.\d*|(?<![\w.])\.\d+|\b\d+[eE][+-]?\d+\b")
FRACTION_IN_TEXT = re.compile(
    r"%[-+#0-9.*]*L?[efgEG](?![a-z])|\b(?:REAL|FLOAT|DOUBLE|NUMERIC|DECIMAL)\b|\b(?:AVG|TOTAL|ROUND|avg|total|round)\(")


def fractions_in(text):
    """What of a C source makes, reads, prints or asks SQL for a number that isn't whole."""
    code = COMMENT_OR_TEXT.sub(lambda found: '""' if found.group(0)[0] == '"' else " ", text)
    texts = (found.group(0) for found in COMMENT_OR_TEXT.finditer(text) if found.group(0)[0] == '"')
    return FRACTION_IN_CODE.findall(code) + [word for words in texts for word in FRACTION_IN_TEXT.findall(words)]


def test_no_number_with_a_fraction_is_anywhere_near_money():
    near = [path for place in ("contexts", "kernel") for path in under(place, ".c", ".h", ".def")
            if str(path.relative_to(ROOT)) not in WITH_FRACTIONS]
    assert len(near) > 200
    report([f"{path.relative_to(ROOT)}: {word}" for path in near for word in fractions_in(text_of(path))])


@pytest.mark.parametrize("text", [
    "double amount;", "(float)price", "amount * 1.5", "amount / 100.", "amount * .5", "price * 1e2", "llround(x)", "strtod(text, NULL)",
    "#include <math.h>", "sqlite3_column_double(row, 1)", 'buf_printf(out, "%.2f", x)', '"%lld %g"', '"amount REAL NOT NULL"',
    '"SELECT AVG(amount)"', '"SELECT total(amount)"'])
def test_a_number_with_a_fraction_is_found(text):
    assert fractions_in(text)


@pytest.mark.parametrize("text", [
    "int64_t amount;", "/* 1.5 times a double */", "// 0.5", '"HTTP/1.1 200"', '"100%, for good"', "row.total = 3;", 'buf_printf(out, "%lld", n)',
    "0x1e3", "a.b", "floor_of(day)", "log->floor = last"])
def test_whole_numbers_and_words_are_none(text):
    assert fractions_in(text) == []


@pytest.mark.parametrize("place, limit", [("kernel", 60), ("contexts", 60), ("cmd", 60), ("gateway", 60), ("tests", 80)])
def test_functions_are_short(place, limit):
    report([f"{path.relative_to(ROOT)}:{line} {name} has {length} lines" for path in under(place, ".c")
            for name, line, length in functions_of(text_of(path)) if length > limit])


def functions_of(text):
    """(name, first line, lines of the body) of every function; by layout: clang-format puts the braces at the line's start."""
    lines, start, name = text.split("\n"), None, "?"
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
            head = re.search(r"(\w+)\s*\($|(\w+)\(", next((l for l in reversed(lines[:number - 1]) if re.match(r"\w", l)), ""))
            name = next((group for group in head.groups() if group), "?") if head else "?"
        elif line.startswith("}") and start:
            yield name, start, number - start - 1
            start = None
