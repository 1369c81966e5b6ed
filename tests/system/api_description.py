"""The API description against each running service, by Schemathesis: what it says is accepted is, and answers are as described.

Run by `tools/test api`, in the environment that has Schemathesis (SCHEMATHESIS is its program); not by a plain pytest.
"""
import json
import os
import subprocess
import sys

import pytest

from shop import PAID, ROOT, Shop

sys.path.insert(0, str(ROOT / "tests" / "api"))
import contract  # noqa: E402  (the path has to be set first)

SEED = os.environ.get("SEED", "20240607")
EXAMPLES = 40  # for each operation


@pytest.mark.parametrize("service", PAID)
def test_a_service_does_what_the_api_description_says(tmp_path, service):
    shop = Shop(tmp_path / "shop", {"product.start_after_ms": 600_000, "stop_ms": 1000}, services=PAID)
    document = tmp_path / f"{service}.json"
    document.write_text(json.dumps(contract.openapi_for(service)))
    try:
        shop.start()
        shop.order()
        told = subprocess.run(
            [os.environ["SCHEMATHESIS"], "--config-file", str(ROOT / "tests" / "api" / "schemathesis.toml"), "run", str(document),
             "--url", shop.url(service), "--seed", SEED, "--max-examples", str(EXAMPLES), "--workers", "1"],
            cwd=tmp_path, capture_output=True, text=True, timeout=300, env={**os.environ, "NO_PROXY": "*", "COLUMNS": "150"})
        assert told.returncode == 0, told.stdout[-8000:] + told.stderr[-2000:]
        assert shop.running[service].is_running()
    finally:
        shop.close()
