"""The API description against each running service, by Schemathesis: what it says is accepted is, and answers are as described.

Run by `tools/test api`, in the environment that has Schemathesis (SCHEMATHESIS is its program); not by a plain pytest.
"""
import json
import os
import subprocess
import sys

import pytest

from eventually import eventually
from provider import pending
from shop import LONG_MS, PAID, ROOT, Shop
from signing import Signing

sys.path.insert(0, str(ROOT / "tests" / "api"))
import contract  # noqa: E402  (the path has to be set first)

SEED = os.environ.get("SEED", "20240607")
EXAMPLES = 40  # for each operation


def ask_all(directory, document, url, *options):
    """Sends what the document describes, and looks at the answers."""
    path = directory / "description.json"
    path.write_text(json.dumps(document))
    told = subprocess.run(
        [os.environ["SCHEMATHESIS"], "--config-file", str(ROOT / "tests" / "api" / "schemathesis.toml"), "run", str(path),
         "--url", url, "--seed", SEED, "--max-examples", str(EXAMPLES), "--workers", "1", *options],
        cwd=directory, capture_output=True, text=True, timeout=300, env={**os.environ, "NO_PROXY": "*", "COLUMNS": "150"})
    assert told.returncode == 0, told.stdout[-8000:] + told.stderr[-2000:]


@pytest.mark.parametrize("service", PAID)
def test_a_service_does_what_the_api_description_says(tmp_path, service):
    shop = Shop(tmp_path / "shop", {"product.start_after_ms": 600_000, "stop_ms": 1000}, services=PAID)
    try:
        shop.start()
        shop.order()
        ask_all(tmp_path, contract.openapi_for(service), shop.url(service))
        assert shop.running[service].is_running()
    finally:
        shop.close()


def test_what_a_payment_provider_says_is_answered_as_the_api_description_says(open_provided_shop, provider, tmp_path):
    """Signed, so that more is looked at than the signature; of payments whose answer it owes."""
    provider.answers["authorize"] = pending
    shop = open_provided_shop({"payment.retry_ms": 60_000, "payment.retry_most_ms": 60_000, "payment.authorization_ms": LONG_MS // 2})
    shop.start("payment")
    shown = contract.example("examples/webhook_request.json")
    asked = [{"key": f"POST /orders {i}", "amount": shown["amount"], "currency": shown["currency"], "method": "card"} for i in range(60)]
    assert {answer["status"] for answer in shop["payment"].post("/payments/authorize", json=asked).json()} == {"Pending"}
    eventually(lambda: len(provider.asked("authorize")) == len(asked), what="the provider has heard of all")
    names = [question["paymentId"] for _, question in provider.questions]
    assert shown["paymentId"] in names
    document = contract.openapi_for("payment")
    document["components"]["schemas"]["ProviderPaymentName"]["enum"] = [*names, "99-0123456789abcdef"]  # nobody guesses one
    with Signing(shop.url("payment")) as signing:
        ask_all(tmp_path, document, signing.url, "--include-path", "/payments/webhook")
        assert {200, 400, 401, 404, 409, 415, 422} <= set(signing.statuses), signing.statuses
    assert shop.running["payment"].is_running()
