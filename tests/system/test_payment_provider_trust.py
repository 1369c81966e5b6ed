"""What a payment provider is trusted with: its certificate, and the secret that it shares with the shop, which is seen nowhere."""
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from certificates import make_certificate
from core_dump import WITH_CORES, leaves_a_core, memory_of
from eventually import eventually
from paying import adds_up
from provider import SECRET, SOON, Provider
from shop import PAID, PROGRAM, Process, flags, is_alive, run_program

LIBRARY = PROGRAM.resolve().parent / "tests" / "lib" / "libother_authorities.so"


def is_believed(shop, provider):
    """Whether the provider is told about an order; if not, the connection was tried and nothing was said."""
    answer = shop.ask_order()
    works = answer.status_code == 201
    assert bool(provider.questions) == works, answer.text
    if not works:
        eventually(lambda: re.search(r'coffeeshop_call_failures_total\{service="provider"\} [1-9]', shop["payment"].get("/metrics").text),
                   what="it was tried")
    return works


@pytest.fixture
def open_tls_shop(open_shop, secret_file):
    """A shop whose provider is reached by TLS; it is not started."""
    return lambda provider, **settings: open_shop({**SOON, "payment.provider": "http", "payment.provider_url": provider.url,
                                                   "payment.provider_secret_file": secret_file, "payment.provider_patience_ms": 200,
                                                   **settings}, services=PAID)


@pytest.mark.parametrize("host, days, trusted, works", [
    ("IP:127.0.0.1", 2, True, True), ("IP:127.0.0.1", 2, False, False), ("DNS:elsewhere.example", 2, True, False), ("IP:127.0.0.1", -1, True, False),
], ids=["its own", "of somebody unknown", "of another host", "expired"])
def test_a_providers_certificate_is_checked_before_anything_is_said(open_tls_shop, tmp_path, host, days, trusted, works):
    certificate = make_certificate(tmp_path, "provider", host, days)
    other = make_certificate(tmp_path, "other", "IP:127.0.0.1")
    with Provider(tls=certificate) as provider:
        shop = open_tls_shop(provider, **{"payment.provider_ca_file": certificate[0] if trusted else other[0]}).start()
        assert is_believed(shop, provider) == works


@pytest.mark.skipif(not LIBRARY.exists(), reason="this build of the program can't be preloaded into (a sanitizer's?)")
@pytest.mark.parametrize("named", [False, True], ids=["none is named", "another is named"])
def test_an_authority_of_the_systems_is_believed_only_where_no_other_is_named(open_tls_shop, tmp_path, named):
    certificate = make_certificate(tmp_path, "provider", "IP:127.0.0.1")
    other = make_certificate(tmp_path, "other", "IP:127.0.0.1")
    name = subprocess.run(["openssl", "x509", "-in", certificate[0], "-noout", "-hash"], capture_output=True, text=True, check=True).stdout.strip()
    (tmp_path / "system").mkdir()
    shutil.copy(certificate[0], tmp_path / "system" / f"{name}.0")
    shutil.copy(other[0], tmp_path / "system" / "ca-certificates.crt")
    with Provider(tls=certificate) as provider:
        shop = open_tls_shop(provider, **({"payment.provider_ca_file": other[0]} if named else {}))
        shop.start(env={**os.environ, "LD_PRELOAD": str(LIBRARY), "OTHER_AUTHORITIES": str(tmp_path / "system")})
        assert is_believed(shop, provider) != named


# ---- the secret ----

def says_nothing_of(secret, shop, process):
    """Neither logs nor figures nor what is seen of the process have it, in words or in hexadecimal digits."""
    seen = [log.read_text(errors="replace") for log in Path(shop.directory).glob("*.log")]
    seen += [shop["payment"].get(path).text for path in ("/metrics", "/", "/readyz", "/actuator/health", "/payments", "/feeds")]
    seen += [Path(f"/proc/{process.pid}/cmdline").read_text(), Path(f"/proc/{process.pid}/environ").read_text()]
    for text in seen:
        assert secret not in text and secret.encode().hex() not in text.lower()


def traces_of(secret, left_out):
    """What gives the secret away: its words, what HMAC (RFC 2104) makes of it on its way, and the two states of SHA-256 that are kept."""
    key = secret.encode()
    pads = [bytes(byte ^ pad for byte in key) for pad in (0x36, 0x5C)]
    kept = next((page for page in left_out if len(page) == 4096), None)
    assert kept, "a page is left out of core dumps"
    outer, inner = kept[:32], kept[112:144]
    assert outer != inner and bytes(32) not in (outer, inner), "nettle keeps them there"
    return [part[at:at + 16] for part in (key, *pads, outer, inner) for at in (0, 16)]


def test_the_secret_of_a_file_is_seen_nowhere_and_in_no_core_dump(open_provided_shop, provider, secret_file):
    shop = open_provided_shop({"log.level": "debug"})
    shop.start(**WITH_CORES, cwd=shop.directory)
    shop.order()
    provider.tell(shop.url("payment"), {"paymentId": "1"}, secret="y" * 32)
    says_nothing_of(SECRET, shop, shop.running["payment"])
    settings = flags(shop.settings_of("payment"))
    for told in (run_program("settings", "payment", *settings), run_program("payment", "--help", *settings), run_program("up", "--help")):
        assert told.returncode == 0 and SECRET not in told.stdout + told.stderr
    dumped, left_out = memory_of(shop.running["payment"].pid)
    traces = traces_of(SECRET, left_out)
    assert any(provider.url.encode() in part for part in dumped), "what isn't secret is found there"
    assert not [trace.hex() for trace in traces for part in dumped if trace in part]
    there_is_one = leaves_a_core(shop.running["payment"])
    cores = list(Path(shop.directory).glob("core*"))  # where this machine leaves them where they happen
    assert there_is_one or not cores
    for core in cores:
        content = core.read_bytes()
        assert provider.url.encode() in content and not [trace.hex() for trace in traces if trace in content]


def test_the_secret_of_the_environment_is_wiped_and_the_process_leaves_no_core_dump(open_provided_shop, provider):
    shop = open_provided_shop({"log.level": "debug"})
    del shop.settings["payment.provider_secret_file"]
    environment = {**os.environ, "COFFEESHOP_PAYMENT_PROVIDER_SECRET": SECRET}
    shop.start(env=environment, **WITH_CORES, cwd=shop.directory)
    shop.order()
    adds_up(shop, provider)
    for process in shop.running.values():
        says_nothing_of(SECRET, shop, process)
    told = run_program("settings", env=environment)
    assert told.returncode == 0 and SECRET not in told.stdout
    assert not leaves_a_core(shop.running["payment"])


def test_up_hands_the_secret_of_its_environment_to_payment_alone(tmp_path, open_provided_shop, provider):
    shop = open_provided_shop()
    del shop.settings["payment.provider_secret_file"]
    settings = {name: value for name, value in shop.settings_of_all().items() if not name.endswith("payment_url")}
    up = Process(["up", *flags(settings)], tmp_path / "up.log", env={**os.environ, "COFFEESHOP_PAYMENT_PROVIDER_SECRET": SECRET}, **WITH_CORES, cwd=tmp_path)
    try:
        for name in (*PAID, "gateway"):
            eventually(lambda: shop[name].get("/readyz").status_code == 200, what=f"{name} is ready")
        assert shop.ask_order().status_code == 201
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(up.pid)], capture_output=True, text=True, check=True).stdout.split()
        assert len(children) == len(PAID) + 1
        for pid in children:
            assert SECRET not in Path(f"/proc/{pid}/environ").read_text() + Path(f"/proc/{pid}/cmdline").read_text()
        assert not leaves_a_core(up), "its environment has the secret"
        eventually(lambda: not any(map(is_alive, children)), what="its services end with it")
    finally:
        up.stop()
    assert SECRET not in up.output()


@pytest.mark.parametrize("settings, sentence", [
    ({"payment.provider_url": ""}, "payment.provider_url has to begin with https://"),
    ({"payment.provider_url": "http://pay.example"}, "payment.provider_url has to be https"),
    ({"payment.provider_url": "http://127.0.0.1.pay.example"}, "payment.provider_url has to be https"),
    ({"payment.provider_url": "https://me@pay.example"}, "payment.provider_url has to be a scheme"),
    ({"payment.provider_secret_file": ""}, "it needs its secret"),
    ({"payment.provider_secret_file": "/nowhere"}, "can't be read"),
    ({"payment.provider_ca_file": "/nowhere"}, "payment.provider_ca_file is /nowhere"),
    ({"payment.provider_secret": SECRET}, "--payment.provider_secret is a secret"),
])
def test_a_provider_that_can_not_be_trusted_stops_the_start_with_a_sentence(open_provided_shop, settings, sentence):
    shop = open_provided_shop(settings)
    ended = run_program("payment", *flags(shop.settings_of("payment")))
    assert ended.returncode != 0 and sentence in ended.stderr
    assert SECRET not in ended.stderr + ended.stdout


def test_a_secret_that_everybody_may_read_or_guess_stops_the_start(open_provided_shop, secret_file):
    shop = open_provided_shop()
    secret_file.chmod(0o644)
    assert "can be read by everybody" in run_program("payment", *flags(shop.settings_of("payment"))).stderr
    secret_file.chmod(0o600)
    secret_file.write_text("secret")
    assert "has to be of 32..1024 bytes" in run_program("payment", *flags(shop.settings_of("payment"))).stderr
