"""Every command in the documents is run: what README lets one type, here and as it stands; the rest here or by the suite that is named for it."""
import os
import pty
import re
import signal
import subprocess

import pytest

from eventually import eventually
from shop import PAID, PROGRAM, ROOT, Process, flags

README = ("README.md", "README.ko.md")
SERVICES = {8081: "order", 8082: "product", 8083: "stock", 8084: "customercenter", 8085: "payment", 8088: "gateway"}


def documents():
    told = subprocess.run(["git", "-C", str(ROOT), "ls-files", "*.md"], capture_output=True, text=True, check=True)
    return [name for name in told.stdout.split() if not name.startswith("docs/adr/")]


def blocks(name, *languages):
    """The fenced blocks in these languages, each a list of lines."""
    return [body.splitlines() for language, body in re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / name).read_text(), re.S | re.M) if language in languages]


def without_comment(line):
    return re.sub(r"\s+#( .*)?$", "", line).strip()


def shell_lines(name):
    return [without_comment(line) for block in blocks(name, "sh", "bash") for line in block if without_comment(line)]


class Typed:
    """A command as a document shows it, and what it says is answered."""

    def __init__(self, line):
        self.command, self.shown = without_comment(line.removeprefix("$ ")), ""
        self.is_told_completed = "Completed" in line and "#" in line


def typed(name):
    commands = []
    for block in blocks(name, "console"):
        for line in block:
            if line.startswith("$ "):
                commands.append(Typed(line))
            elif commands:
                commands[-1].shown += line + "\n"
    return commands


def in_terminal(line, home, timeout=60):
    """Runs a line as a person does, at a terminal, and returns what it printed."""
    environment = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    terminal, other_end = pty.openpty()
    try:
        done = subprocess.run(line, shell=True, cwd=ROOT, stdin=other_end, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
                              env={**environment, "HOME": str(home), "HTTPIE_CONFIG_DIR": str(home), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"})
    finally:
        os.close(terminal)
        os.close(other_end)
    return done.stdout


class Following:
    """A command that never ends, in a terminal of its own, until Ctrl-C."""

    def __init__(self, line, home):
        self.out = home / "stream"
        self.terminal, self.other_end = pty.openpty()
        with self.out.open("wb") as out:
            self.running = subprocess.Popen(line, shell=True, stdin=self.other_end, stdout=out, stderr=out, start_new_session=True,
                                            env={**os.environ, "HOME": str(home), "HTTPIE_CONFIG_DIR": str(home), "PYTHONUNBUFFERED": "1"})

    def printed(self):
        return self.out.read_text(errors="replace")

    def end(self):
        os.killpg(self.running.pid, signal.SIGINT)
        self.running.wait(10)
        os.close(self.terminal)
        os.close(self.other_end)


def assert_as_shown(shown, printed):
    """Status and header lines stand in the answer; so does every member, with its value unless it is shortened by an ellipsis."""
    plain = re.sub(r"\s+", " ", printed)
    for line in shown.splitlines():
        if line.startswith("HTTP/1.1 "):
            assert line.split()[1] in printed.splitlines()[0], printed
        elif re.match(r"[A-Z][\w-]+: ", line):
            assert re.sub(r"localhost:\d+", "", line) in re.sub(r"localhost:\d+", "", printed), printed
    for name, value in re.findall(r'("[^"]+"): ("[^"]*"|-?\d+|null|true|false)', shown):
        if "…" not in value:
            assert re.search(re.escape(name) + r"\s*:\s*" + re.escape(value) + r"(?![\w.])", plain), f"{name}: {value} is not in {printed}"


class Street:
    """A shop opened as README opens it, but for its ports and its directory."""

    def __init__(self, shop, settings):
        self.shop = shop
        self.open(settings)

    def open(self, settings):
        everywhere = {key: value for key, value in self.shop.settings_of_all().items() if not key.startswith("product.") or key.endswith(("_url", "listen"))}
        self.shop.running["up"] = Process(["up", *flags({**everywhere, **settings})], self.shop.directory / "up.log", env=self.shop.environment)
        for name in SERVICES.values():
            self.shop.wait_ready(name)

    def here(self, line):
        """The line with this shop's ports."""
        return re.sub(r"localhost:(\d{4})", lambda match: f"localhost:{self.shop.ports[SERVICES[int(match[1])]]}", line)

    def type(self, command, home):
        line = self.here(command.command)
        return in_terminal(re.sub(r"(^|; )http ", r"\1http --print=hb --pretty=format ", line), home)


@pytest.fixture
def shop_in_files(open_shop):
    return open_shop(services=PAID)


@pytest.fixture
def shop_on_servers(open_shop_on, database, open_redis):
    return open_shop_on(database, {"stock.redis": open_redis().url})


@pytest.mark.parametrize("readme, kept", [("README.md", "shop_in_files"), ("README.ko.md", "shop_in_files"), ("README.md", "shop_on_servers")])
def test_the_first_five_minutes_go_as_they_are_printed(tmp_path, request, readme, kept):
    """In the order and with the waits in which they stand there: five seconds to change one's mind, five to brew."""
    commands = typed(readme)
    assert len(commands) >= 20
    street = Street(request.getfixturevalue(kept), {})
    for command in commands:
        if "productName=Espresso" in command.command:  # the kitchen by hand: the shop is stopped and opened again
            street.shop.stop("up")
            street.open({"product.mode": "manual"})
            eventually(lambda: street.shop.all("orders"), what="the shop is open again")
        if command.is_told_completed or "/mypages/1" in command.command:
            street.shop.wait_order(1, "Completed")
            eventually(lambda: street.shop.page_of(1)["orderStatus"] == "Completed", what="the view has it")
        if "orders/4" in command.command and "sleep" not in command.command:
            street.shop.wait_order(4, "Completed", within=30)
        if "size=1" in command.command:
            street.shop.ticket_of(6)
        if "orders/2" in command.command:
            street.shop.ticket_of(2)
        if "/2" in command.command and "PATCH" not in command.command:
            eventually(lambda: street.shop.get_order(2)["paymentStatus"] == "Refunded", what="the money has gone back")
        if "--stream" in command.command:
            stream = Following(street.here(command.command), tmp_path)
            request.addfinalizer(stream.end)
            eventually(lambda: ":" in stream.printed(), what="the stream is open")
            continue
        printed = street.type(command, tmp_path)
        assert re.match(r"HTTP/1\.1 \d{3} ", printed), f"{command.command}\n{printed}"
        assert_as_shown(command.shown, printed)
    in_files = {name for name in ("order.db", "product.db", "payment.db", "stock.lmdb") if (street.shop.directory / "data" / name).exists()}
    assert len(in_files) == (4 if kept == "shop_in_files" else 0)
    places = [str(street.shop.directory / "data"), *filter(None, (street.shop.settings.get(name) for name in ("store.sql", "stock.redis")))]
    assert f"What lasts is kept in {' and in '.join(places)}. Ctrl-C stops it." in street.shop.running["up"].output()
    assert '"Canceled"' in stream.printed() and '"Completed"' in stream.printed(), "what happened meanwhile was seen as it happened"


@pytest.mark.parametrize("readme", README)
def test_settings_are_given_in_the_three_ways_that_are_printed(readme, tmp_path):
    (tmp_path / "shop.conf").write_text("product.brew_ms = 0\n")
    lines = [line for line in shell_lines(readme) if "coffeeshop" in line and "clone" not in line]
    assert len(lines) == 6
    for line in lines:
        # those that would run the service are asked for its settings instead: the same flags, environment and file
        asked = line if " settings" in line or "--help" in line else line.replace("coffeeshop product", "coffeeshop settings product")
        asked = asked.replace("build/coffeeshop", str(PROGRAM)).replace("shop.conf", str(tmp_path / "shop.conf"))
        told = subprocess.run(asked, shell=True, capture_output=True, text=True, timeout=30)
        assert told.returncode == 0, told.stderr
        if "BREW" in line or "brew" in line or "--config" in line:
            assert "product.brew_ms = 0\n" in told.stdout
        else:
            assert "product.brew_ms" in told.stdout


def test_both_readmes_let_one_type_the_same():
    def plain(name):
        return [command.command for command in typed(name)], [re.sub("ADDRESS.*", "", line) for line in shell_lines(name)]

    assert plain("README.md") == plain("README.ko.md")


# What else the documents let one type, and what runs it. A text is the suite of tools/test that does exactly this; True: it is run below.
RUN_BY = {
    "apt-get install -y git make": "the machine that the tests are on",
    "git clone ADDRESS coffeeshop && cd coffeeshop": "the machine that the tests are on",
    "make": "compile-gcc",
    "make run": "test_the_first_five_minutes_go_as_they_are_printed",
    "make test": "whoever runs this",
    "make lint": "lint",
    "make engines": "test_the_engines_are_started_once_used_by_a_shop_and_stopped",
    "make run-cluster": "test_the_engines_are_started_once_used_by_a_shop_and_stopped",
    "make engines-stop": "test_the_engines_are_started_once_used_by_a_shop_and_stopped",
    "build/coffeeshop up --config=var/engines/shop.conf": "test_the_engines_are_started_once_used_by_a_shop_and_stopped",
    "build/coffeeshop export /backup/shop.jsonl --data ./var": "test_a_shop_that_has_moved_goes_on_as_if_nothing_had_been",
    "build/coffeeshop import /backup/shop.jsonl --data ./var-new": "test_a_shop_that_has_moved_goes_on_as_if_nothing_had_been",
    "make format": "lint",
    "make help": True,
    "make fuzz SECONDS=60": "fuzz",
    "make sim": True,
    "make sim SEEDS=10000": True,
    "make sim SEEDS=10000 FROM=1": True,
    "build/tests/sim/sim_run --from 7 --seeds 1": True,
    "build/tests/sim/sim_run --from 2755 --seeds 1": True,
    "build/tests/sim/sim_run --from 2755 --seeds 1 --aloud 1": True,
    "build/tests/sim/sim_run --plant RELEASE_FORGOTTEN": True,
    "ninja -C build && build/tests/mutants/mutants_run build/tests/mutants --seeds 200": True,
    "build/tests/mutants/mutants_run build/tests/mutants --every 23 --seeds 60": True,
    "build/tests/mutants/mutants_run build/tests/mutants --seeds 200 --aloud 1": True,
    "ninja -C build && meson test -C build --suite unit --suite contract": "unit-sanitized",
    "meson test -C build writer -v": "unit-sanitized",
    "build/tests/unit/writer_test": True,
    "make && /usr/bin/python3 -m pytest tests/system -k cancel": "system",
    "SEED=7 /usr/bin/python3 -m pytest tests/system/test_kills.py": "system",
    "COFFEESHOP=build-asan/coffeeshop /usr/bin/python3 -m pytest tests/system": "system",
    "COFFEESHOP=build-asan/coffeeshop /usr/bin/python3 -m pytest tests/system -k cancel": "system",
    "meson setup build-asan -Db_sanitize=address,undefined -Dbuildtype=debugoptimized -Db_lundef=false": "unit-sanitized",
    "meson setup build-tsan -Db_sanitize=thread -Dbuildtype=debugoptimized -Db_lundef=false": "unit-threads",
    "ninja -C build-asan && meson test -C build-asan --suite unit": "unit-sanitized",
    "CC=clang meson setup build-fuzz -Dfuzz=true -Db_sanitize=address,undefined -Db_lundef=false -Dbuildtype=debugoptimized": "fuzz",
    "ninja -C build-fuzz tests/fuzz/fuzz_json_differential": "fuzz",
    "mkdir -p /tmp/found && build-fuzz/tests/fuzz/fuzz_json_differential -max_total_time=60 -max_len=512 /tmp/found tests/fuzz/corpus/json_differential": "fuzz",
    "tools/test browser": "browser",
    "cd tests/browser && npm ci": "browser",
    "node --test cancel.test.mjs": "browser",
    "node --test --test-name-pattern='double touch' *.test.mjs": "browser",
    "COFFEESHOP=/tmp/build/coffeeshop node --test kitchen.test.mjs": "browser",
    "CHROMIUM=/opt/chromium/chrome node --test kitchen.test.mjs": "browser",
    "SCREENSHOTS=1 node --test screenshots.test.mjs": "browser",
    "node followers.mjs 2000 50": "browser",
    "bench/run --help": True,
}


def other_commands():
    return {line for name in documents() if name not in README for line in shell_lines(name)} | {
        line for name in README for line in shell_lines(name) if "coffeeshop product" not in line and "coffeeshop settings" not in line}


def test_no_document_shows_a_command_that_nothing_runs():
    assert sorted(other_commands() - set(RUN_BY)) == []


def test_nothing_is_said_to_be_run_that_no_document_shows():
    assert sorted(set(RUN_BY) - other_commands() - {"make sim", "make help", "make fuzz SECONDS=60", "bench/run --help"}) == []


def shortened(line):
    """The same command for a moment instead of a coffee break."""
    line = re.sub("mutants --(every 23|seeds 200)", r"mutants --every 499 --seeds 20", line)
    return line.replace("SEEDS=10000", "SEEDS=3") if "SEEDS" in line else line.replace("make sim", "make sim SEEDS=3")


@pytest.mark.parametrize("line", sorted(line for line, how in RUN_BY.items() if how is True))
def test_it_runs_as_it_is_printed(line, tmp_path):
    done = subprocess.run(shortened(line), shell=True, cwd=ROOT, capture_output=True, text=True, timeout=300, errors="replace")
    told = done.stdout + done.stderr
    if "--plant" in line:
        again = re.search(r"^again: (.*)$", told, re.M)
        assert done.returncode == 1 and again, told[-2000:]
        once_more = subprocess.run(again[1], shell=True, cwd=ROOT, capture_output=True, text=True, timeout=300, errors="replace")
        assert once_more.returncode == 1 and again[0] in once_more.stdout, "the line that is printed plays the same history"
        return
    assert done.returncode == 0, told[-2000:]
    if "sim" in line:
        assert "no rule broken" in told


def test_the_makefile_has_every_target_that_a_document_names():
    named = {word for name in documents() for word in re.findall(r"`make ([a-z-]+)", (ROOT / name).read_text())} | {
        line.split()[1] for line in other_commands() if re.match(r"make [a-z]+", line)}
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert named - known == set() and len(named) >= 6


def test_setup_names_the_line_to_run_where_sudo_is_there_but_not_allowed(tmp_path):
    """Played by a path on which nothing is installed, nobody is root, and sudo says no."""
    for name, script in {"dpkg-query": "exit 1", "id": "echo 1000", "sudo": "exit 1"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    done = subprocess.run([str(ROOT / "tools" / "setup"), "build"], capture_output=True, text=True, timeout=30, stdin=subprocess.DEVNULL,
                          env={**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert done.returncode == 1
    assert "apt-get install" in done.stderr and "libmicrohttpd-dev" in done.stderr


def test_what_operations_shows_was_typed_at_a_running_shop(open_shop, tmp_path):
    street = Street(open_shop(), {"product.start_after_ms": 0, "product.brew_ms": 0})
    street.shop.order()
    commands = [command for command in typed("docs/operations.md")]
    assert len(commands) >= 6
    here = str(street.shop.directory / "data")
    for command in commands:
        line = re.sub(r"\bvar/", here + "/", re.sub(r"--data var\b", f"--data {here}", command.command))
        line = re.sub(r"^(build/)?coffeeshop ", f"{PROGRAM} ", line)
        if line.startswith("http "):
            printed = street.type(Typed(line), tmp_path)
            assert re.match(r"HTTP/1\.1 (200|404|409|422) ", printed), printed
            continue
        if str(PROGRAM) in line:
            line += " " + " ".join(flags({key: value for key, value in street.shop.settings_of_all().items() if key != "data"}))
        done = subprocess.run(line, shell=True, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
