"""The two documents in api/ and their examples, for tests.

As a program it writes the part of openapi.yaml that one service answers, with the examples inside, as JSON:

    python tests/api/contract.py stock > stock.json
"""

import copy
import json
import pathlib
import sys

import yaml
from jsonschema import Draft7Validator, Draft202012Validator

API = pathlib.Path(__file__).resolve().parents[2] / "api"
SERVICES = ("order", "product", "stock", "customercenter", "payment")
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
FEED_OF = {"order": "orderFeed", "product": "productFeed", "stock": "stockFeed", "payment": "paymentFeed"}


def load(name):
    """openapi.yaml or asyncapi.yaml as it is written, references unresolved."""
    return yaml.safe_load((API / name).read_text(encoding="utf-8"))


def example(path):
    """An example file; `path` is as the documents write it: examples/order_requested.json."""
    return json.loads((API / path).read_text(encoding="utf-8"))


def walk(node, path=()):
    """Every (path, node) of a document, depth first."""
    yield path, node
    children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from walk(child, path + (key,))


def resolve(document, node):
    """Follows a local $ref, and those behind it."""
    while isinstance(node, dict) and "$ref" in node:
        target = document
        for key in node["$ref"].removeprefix("#/").split("/"):
            target = target[key.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def is_answered_by(service, item):
    return item["x-service"] in (service, "every") or item.get("x-stand-in") == service


def operations(document, service=None):
    """Every (path, method, operation); with `service` only what that service answers."""
    for path, item in document["paths"].items():
        if service is None or is_answered_by(service, item):
            for method in METHODS:
                if method in item:
                    yield path, method, item[method]


def openapi_validator(document, schema):
    """Validates against a schema of openapi.yaml (JSON Schema 2020-12)."""
    # With the components beside it, a schema's "#/components/…" leads somewhere.
    whole = {"components": document["components"], **schema}
    return Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER)


def asyncapi_validator(document, schema):
    """Validates against a schema of asyncapi.yaml (JSON Schema draft 7)."""
    whole = {"components": document["components"], **schema}
    return Draft7Validator(whole, format_checker=Draft7Validator.FORMAT_CHECKER)


def openapi_schema(name):
    """A validator for a named schema: openapi_schema("Order").validate(answer.json())."""
    return openapi_validator(load("openapi.yaml"), {"$ref": f"#/components/schemas/{name}"})


def event_schema(event_type):
    """A validator for an event on the feed: event_schema("Ordered").validate(event)."""
    document = load("asyncapi.yaml")
    for message in document["components"]["messages"].values():
        if message["name"] == event_type:
            return asyncapi_validator(document, message["payload"])
    raise KeyError(event_type)


def openapi_for(service):
    """What one service answers, examples put in their places: a document of its own, for a tool that sends requests."""
    document = copy.deepcopy(load("openapi.yaml"))
    document["paths"] = {p: i for p, i in document["paths"].items() if is_answered_by(service, i)}
    document["servers"] = [s for s in document["servers"] if s["description"].split()[0] == service]
    document["tags"] = [t for t in document["tags"] if t["name"] in (service, "every")]
    for _, node in walk(document):
        if isinstance(node, dict) and isinstance(node.get("externalValue"), str):
            node["value"] = example(node.pop("externalValue"))
    return document


if __name__ == "__main__":
    if len(sys.argv) != 2 or sys.argv[1] not in SERVICES:
        sys.exit(f"usage: contract.py {'|'.join(SERVICES)}")
    json.dump(openapi_for(sys.argv[1]), sys.stdout, ensure_ascii=False, indent=1)
