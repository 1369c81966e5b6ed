"""A PostgreSQL over TLS: each side believes the certificates that it is told to, by libpq's own settings, and says which it doesn't."""
import pytest

from certificates import make_certificate
from postgres import Postgres
from shop import flags, run_program

HOST = "IP:127.0.0.1"


@pytest.fixture
def open_postgres():
    servers = []

    def make(certificate, key):
        servers.append(Postgres(tls=(certificate, key)))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


def refused(shop, url, *says):
    told = run_program("order", *flags({**shop.settings_of("order"), "store.sql": url, "start.wait_ms": 0}), env=shop.environment)
    assert told.returncode == 1, told.stderr
    sentence = told.stderr.splitlines()[-1]
    for words in ("can't be reached", *says):
        assert words in sentence, told.stderr


def test_over_tls_each_side_believes_the_certificates_that_it_is_told_to(open_postgres, open_shop_on, tmp_path):
    (theirs, key), (another, _) = (make_certificate(tmp_path, name, HOST) for name in ("postgres", "another"))
    database = open_postgres(theirs, key).make_database()
    whole = f"{database.url}?sslmode=verify-full&sslrootcert="
    shop = open_shop_on(database)
    refused(shop, f"{whole}{another}", "certificate verify failed")
    refused(shop, f"{whole}{tmp_path}/none.pem", "none.pem")
    shop.settings["store.sql"] = f"{whole}{theirs}"
    shop.start()
    shop.wait_order(shop.order()["id"], "Completed")
    assert database.number("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE ssl AND application_name = 'order'") >= 3
    assert database.number("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                           " WHERE NOT ssl AND application_name IN ('order', 'product', 'payment')") == 0


def test_a_certificate_for_another_host_or_that_has_expired_is_not_believed(open_postgres, open_shop_on, tmp_path):
    (elsewhere, key), (expired, old_key) = make_certificate(tmp_path, "elsewhere", "DNS:elsewhere.example"), make_certificate(tmp_path, "expired", HOST, days=-1)
    database = open_postgres(elsewhere, key).make_database()
    shop = open_shop_on(database)
    refused(shop, f"{database.url}?sslmode=verify-full&sslrootcert={elsewhere}", "does not match host name")
    database = open_postgres(expired, old_key).make_database()
    shop.environment = database.environment
    refused(shop, f"{database.url}?sslmode=verify-full&sslrootcert={expired}", "certificate verify failed", "has expired")


def test_a_server_that_takes_no_tls_is_not_talked_to_without(open_shop_on, database):
    refused(open_shop_on(database), f"{database.url}?sslmode=require", "does not support SSL")
