"""A Kafka that wants TLS, a user and a password, or a certificate of ours: by settings alone, and a sentence for whom it doesn't believe."""
import pytest

from certificates import make_certificate
from eventually import eventually
from kafka_server import Kafka
from shop import PAID, flags, free_port, run_program

HOST = "DNS:localhost,IP:127.0.0.1"
LISTENERS = ("SASL", "MUTUAL", "EXPIRED", "ELSEWHERE")
PASSWORD = "correct horse"


class SecureKafka(Kafka):
    """Beside the plain listener, of which the shop knows nothing, one for each way in."""

    def __init__(self):
        self.ports = {name: free_port() for name in LISTENERS}
        super().__init__(self.write_properties)

    def write_properties(self, directory):
        self.made = {name: make_certificate(directory, name, host, days) for name, host, days in
                     (("kafka", HOST, 2), ("expired", HOST, -1), ("elsewhere", "DNS:elsewhere.example", 2), ("shop", "DNS:shop.example", 2))}
        for name, (certificate, key) in self.made.items():
            both = directory / f"{name}.both.pem"
            both.write_text(key.read_text() + certificate.read_text())
            both.chmod(0o644)
            certificate.chmod(0o644)
        listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in self.ports.items())
        shows = dict(zip(LISTENERS, ("kafka", "kafka", "expired", "elsewhere"), strict=True))
        lines = [f"listeners=PLAINTEXT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{{controller}},{listeners}",
                 f"advertised.listeners=PLAINTEXT://127.0.0.1:{{port}},{listeners}",
                 "inter.broker.listener.name=PLAINTEXT",
                 "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_SSL,MUTUAL:SSL,EXPIRED:SSL,ELSEWHERE:SSL",
                 "listener.name.sasl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512",
                 "listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required "
                 f'user_shop="{PASSWORD}";',
                 "listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;",
                 "listener.name.mutual.ssl.client.auth=required", "listener.name.mutual.ssl.truststore.type=PEM",
                 f"listener.name.mutual.ssl.truststore.location={self.made['shop'][0]}"]
        for name, shown in shows.items():
            lines += [f"listener.name.{name.lower()}.ssl.keystore.type=PEM",
                      f"listener.name.{name.lower()}.ssl.keystore.location={directory / f'{shown}.both.pem'}"]
        return "\n".join(lines) + "\n"

    def certificate(self, name):
        return self.made[name][0]


@pytest.fixture(scope="module")
def kafka():
    server = SecureKafka()
    try:
        server.start().add_user("shop", PASSWORD)
        yield server
    finally:
        server.close()


@pytest.fixture
def open_shop_by(open_shop, kafka, topic, tmp_path):
    """open_shop_by(listener, settings) makes a shop that knows this way in alone, in TLS; it is not started."""
    password = tmp_path / "password"
    password.write_text(PASSWORD + "\n")
    password.chmod(0o600)

    def make(listener, settings):
        shop = open_shop({**topic.settings, "kafka.servers": f"127.0.0.1:{kafka.ports[listener]}", "kafka.tls": "true",
                          "kafka.ca_file": kafka.certificate("kafka"), **settings}, services=PAID)
        shop.topic = topic
        if "kafka.user" in settings:
            shop.settings.setdefault("kafka.password_file", password)
        return shop

    return make


def an_order_goes_its_way(shop):
    shop.wait_order(shop.order()["id"], "Completed")
    assert len(shop.topic.events("order")) == 1


def refused(shop, *says):
    """At start it ends with 1, in time, and with a sentence."""
    told = run_program("order", *flags({**shop.settings_of("order"), "start.wait_ms": 1500}), env=shop.environment)
    assert told.returncode == 1, told.stderr
    sentence = told.stderr.strip().splitlines()[-1]
    for words in says:
        assert words in sentence, told.stderr
    assert PASSWORD not in told.stderr and "wrong horse" not in told.stderr


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_a_shop_comes_in_as_a_user_over_tls(open_shop_by, mechanism):
    shop = open_shop_by("SASL", {"kafka.user": "shop", "kafka.mechanism": mechanism}).start()
    an_order_goes_its_way(shop)
    listed = run_program("dead-letters", "topic", *flags({name: value for name, value in shop.settings.items() if name.startswith("kafka.")}))
    assert listed.returncode == 0, listed.stderr


def test_a_shop_comes_in_by_a_certificate(open_shop_by, kafka):
    certificate, key = kafka.made["shop"]
    shop = open_shop_by("MUTUAL", {"kafka.cert_file": certificate, "kafka.key_file": key}).start()
    an_order_goes_its_way(shop)


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "PLAIN"])
def test_a_wrong_password_is_said_to_be_and_not_shown(open_shop_by, mechanism, tmp_path):
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong horse\n")
    wrong.chmod(0o600)
    refused(open_shop_by("SASL", {"kafka.user": "shop", "kafka.mechanism": mechanism, "kafka.password_file": wrong}),
            "Kafka at", "uthentication failed")


def test_an_authority_that_is_not_known_is_not_believed(open_shop_by, kafka):
    refused(open_shop_by("SASL", {"kafka.user": "shop", "kafka.ca_file": kafka.certificate("shop")}), "Kafka at", "not signed by an authority")


def test_a_certificate_that_has_expired_or_is_for_another_host_is_not_believed(open_shop_by, kafka):
    refused(open_shop_by("EXPIRED", {"kafka.ca_file": kafka.certificate("expired")}), "Kafka at", "has expired")
    refused(open_shop_by("ELSEWHERE", {"kafka.ca_file": kafka.certificate("elsewhere")}), "Kafka at", "is for another host")


def test_who_shows_no_certificate_where_one_is_wanted_is_told_so(open_shop_by):
    refused(open_shop_by("MUTUAL", {}), "Kafka at")


def test_a_broker_that_wants_tls_is_not_talked_to_without(open_shop_by):
    refused(open_shop_by("SASL", {"kafka.tls": "false", "kafka.user": "shop"}), "Kafka at")


def test_a_password_that_is_changed_under_a_running_shop_loses_nothing(open_shop_by, kafka):
    shop = open_shop_by("SASL", {"kafka.user": "barista"})
    kafka.add_user("barista", PASSWORD)
    shop.start()
    an_order_goes_its_way(shop)
    kafka.add_user("barista", "another")
    kafka.kill()
    kafka.start()
    number = shop.order()["id"]
    eventually(lambda: "Kafka refuses" in shop["order"].get("/readyz").json().get("events", ""), what="it says so")
    assert shop["order"].get("/readyz").status_code == 200
    kafka.add_user("barista", PASSWORD)
    shop.wait_order(number, "Completed", within=60)
