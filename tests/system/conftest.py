"""Fixtures: a shop a module that its tests share, or a shop of one's own where a test breaks things."""
import pytest

from door import Door
from kafka_server import Kafka
from line import Line
from postgres import Postgres
from provider import SECRET, SOON, Provider
from redis_server import Redis
from shop import PAID, PATIENT, PROGRAM, SLOW_BREW, Shop


# Begun first, so that no worker is left alone with one of them in the end.
LONGEST = ("test_view_on_postgres", "test_on_kafka", "test_documented_commands", "test_cells", "test_view_of_cells", "test_postgres_breaks",
           "test_kafka_tls", "test_stock_cells", "test_payment_cells", "test_siege")


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: item.path.stem not in LONGEST)


def pytest_sessionstart(session):
    if not PROGRAM.exists():
        pytest.exit(f"{PROGRAM} isn't there; run make first", returncode=3)


@pytest.fixture
def open_shop(tmp_path):
    """open_shop(settings, services=…) makes a shop that is not started; it is closed after the test."""
    shops = []

    def make(settings=None, **options):
        shops.append(Shop(tmp_path / f"shop{len(shops)}", settings, **options))
        return shops[-1]

    yield make
    for shop in shops:
        shop.close()


def shared(settings=None):
    @pytest.fixture(scope="module")
    def fixture(tmp_path_factory):
        shop = Shop(tmp_path_factory.mktemp("shop"), settings)
        try:
            yield shop.start()
        finally:
            shop.close()

    return fixture


shop = shared()
patient_shop = shared(PATIENT)
slow_shop = shared(SLOW_BREW)


@pytest.fixture
def own_shop(open_shop):
    """All services, a kitchen without waiting times, for one test."""
    return open_shop().start()


@pytest.fixture
def lines():
    """lines(shop, name) makes a Line to a service, which may be started later; it is closed after the test."""
    opened = []

    def make(shop, name):
        opened.append(Line(shop.ports[name]))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


@pytest.fixture
def open_door(tmp_path):
    """open_door(flag, …) makes and opens a gateway whose services are a notebook; it is closed after the test."""
    doors = []

    def make(*flags, **options):
        doors.append(Door(tmp_path / f"door{len(doors)}", *flags, **options))
        return doors[-1].open()

    yield make
    for door in doors:
        door.close()


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    door = Door(tmp_path_factory.mktemp("door"))
    try:
        yield door.open()
    finally:
        door.close()


@pytest.fixture
def provider():
    with Provider() as each:
        yield each
        assert each.refused == []


@pytest.fixture
def open_redis(tmp_path):
    """open_redis(settings) makes and starts a Redis; it is ended after the test."""
    servers = []

    def make(settings=None):
        servers.append(Redis(tmp_path / f"redis{len(servers)}", settings))
        return servers[-1].start()

    yield make
    for each in servers:
        each.close()


@pytest.fixture(scope="module")
def kafka():
    server = Kafka()
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def topic(kafka):
    return kafka.make_topic()


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "secret"
    path.write_text(SECRET + "\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def open_provided_shop(open_shop, provider, secret_file):
    """A shop whose payments a provider makes; it is not started."""
    def make(settings=None, **options):
        return open_shop({**SOON, "payment.provider": "http", "payment.provider_url": provider.url,
                          "payment.provider_secret_file": secret_file, **(settings or {})}, services=PAID, **options)
    return make


@pytest.fixture(scope="module")
def postgres():
    server = Postgres()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def database(postgres):
    return postgres.make_database()


@pytest.fixture
def open_shop_on(open_shop):
    """open_shop_on(database, settings) makes a shop whose order, product and payment keep their data there; it is not started."""
    def make(database, settings=None, **options):
        shop = open_shop({"store.sql": database.url, **(settings or {})}, **{"services": PAID, **options})
        shop.environment = database.environment
        return shop
    return make
