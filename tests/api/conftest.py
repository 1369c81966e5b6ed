import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import contract  # noqa: E402  (the path has to be set first)


@pytest.fixture(scope="session")
def openapi():
    return contract.load("openapi.yaml")


@pytest.fixture(scope="session")
def asyncapi():
    return contract.load("asyncapi.yaml")
