"""A byte of a data file that isn't what was written any more: what the shop answers is right, or the shop says that the file is damaged."""
import random
import shutil

import httpx
import pytest

from eventually import eventually
from shop import Process, Shop, flags, read_stream

FILES = {"order": ("order.db", "order.db-wal"), "product": ("product.db", "product.db-wal"), "stock": ("stock.lmdb",),
         "customercenter": ("customercenter.db", "customercenter.db-wal")}
COLLECTIONS = {"order": "orders", "product": "products", "stock": "stocks", "customercenter": "mypages"}
PAGE, LOG_HEAD, FRAME_HEAD = 4096, 32, 24


def make_orders(shop, n):
    for _ in range(n):
        shop.order(qty=2, **{"Idempotency-Key": f"k{random.random()}"})
    eventually(lambda: all(page["orderStatus"] == "Completed" for page in shop.all("mypages")) and len(shop.all("mypages")) % n == 0)


def everything(shop, name):
    """All that a service shows: its rows, and what it has said from the beginning."""
    events = read_stream(shop.url(name) + "/events", after=0, within=5) if name != "customercenter" else []
    return shop.all(COLLECTIONS[name]), [(event.id, event.data) for event in events]


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A shop that was killed: what it showed last, and its files, some of it in the databases, some in their logs."""
    shop = Shop(tmp_path_factory.mktemp("damaged"), {"feed.heartbeat_ms": 50})
    try:
        shop.start()
        make_orders(shop, 20)
        shop.stop()
        shop.start()
        make_orders(shop, 20)
        shop.receive(3)
        truth = {name: everything(shop, name) for name in COLLECTIONS}
        shop.kill()
        shutil.copytree(shop.directory / "data", shop.directory / "kept")
        yield shop, truth
    finally:
        shop.close()


def places_in(path):
    """Some bytes of each part of a file."""
    size = path.stat().st_size
    chance = random.Random(path.name)
    if path.name.endswith("-wal"):
        frame = PAGE + FRAME_HEAD
        n = (size - LOG_HEAD) // frame
        at = [LOG_HEAD + i * frame for i in (0, n // 3, n // 2)]
        return [5, 17, at[0] + 2, at[1] + FRAME_HEAD + chance.randrange(PAGE), at[2] + 9, at[2] + 17]
    pages = size // PAGE
    heads = [146, PAGE + 146, PAGE + 89] if path.name.endswith(".lmdb") else [20, 17, 101]
    return heads + [page * PAGE + chance.randrange(PAGE) for page in [*chance.sample(range(2, pages), 6), pages - 1]]


def start(shop, name):
    """Whether the service is there to be asked; otherwise it has ended by itself."""
    log = shop.directory / f"{name}.log"
    log.unlink(missing_ok=True)
    shop.running[name] = Process([name, *flags(shop.settings_of(name))], log)

    def is_decided():
        return not shop.running[name].is_running() or shop[name].get("/livez").status_code == 200

    eventually(is_decided, what=f"{name} has started, or not")
    return shop.running[name].is_running()


def says_so(shop, name, file):
    answer = shop[name].get("/readyz")
    return answer.status_code == 503 and "damaged" in answer.json().get("reason", "") and file in shop.running[name].output()


def is_right(shop, name, truth):
    try:
        return everything(shop, name) == truth
    except (httpx.HTTPError, AssertionError, TypeError):
        return False  # an answer that says it can't


def try_byte(shop, truth, name, file, at):
    """"right" or "said"; anything else fails."""
    data = shop.directory / "data"
    shutil.rmtree(data)
    shutil.copytree(shop.directory / "kept", data)
    with (data / file).open("r+b") as damaged:
        damaged.seek(at)
        byte = damaged.read(1)[0]
        damaged.seek(at)
        damaged.write(bytes([byte ^ 1 << at % 8]))
    try:
        if not start(shop, name):
            assert shop.running[name].process.returncode != 0
            assert file.removesuffix("-wal") in shop.running[name].output()
            return "said"
        if is_right(shop, name, truth[name]):
            return "right"
        eventually(lambda: says_so(shop, name, file.removesuffix("-wal")), what=f"{name} says that byte {at} of {file} is damaged")
        assert shop[name].get("/livez").status_code == 200
        return "said"
    finally:
        shop.kill(name)


@pytest.mark.parametrize("name, file", [(name, file) for name in FILES for file in FILES[name]])
def test_what_a_damaged_file_holds_is_right_or_the_damage_is_said(kept, name, file):
    shop, truth = kept
    found = {at: try_byte(shop, truth, name, file, at) for at in places_in(shop.directory / "kept" / file)}
    said = [at for at, what in found.items() if what == "said"]
    assert said if not file.endswith("-wal") else len(said) == len(found), found


def test_files_that_are_whole_are_read_as_they_were(kept):
    shop, truth = kept
    for name in FILES:
        shutil.rmtree(shop.directory / "data")
        shutil.copytree(shop.directory / "kept", shop.directory / "data")
        shop.start(name)
        assert everything(shop, name) == truth[name]
        shop.kill(name)
