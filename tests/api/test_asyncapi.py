"""api/asyncapi.yaml is well formed, its parts hang together, and its events are the contract's."""

import json
import pathlib

import contract
import pytest
from jsonschema import Draft7Validator, Draft202012Validator

SUBSET = json.loads((pathlib.Path(__file__).parent / "asyncapi-subset.schema.json").read_text(encoding="utf-8"))
EVENTS = {
    "order": {"Ordered", "OrderCanceled"},
    "product": {"ProductionStarted", "Produced", "OutOfStock", "ProductRequeued", "ProductCanceled"},
    "stock": {"StockReduced", "StockReleased", "StockReceived", "StockCorrected", "StockRemoved"},
    "payment": {"PaymentApproved", "PaymentCanceled"},
}


def event_examples(source):
    for path in sorted((contract.API / "examples").glob("event_*.json")):
        event = json.loads(path.read_text(encoding="utf-8"))
        if event["source"] == f"/{source}":
            yield event


def test_the_document_is_well_formed(asyncapi):
    Draft202012Validator.check_schema(SUBSET)
    assert [f"{error.json_path}: {error.message}" for error in Draft202012Validator(SUBSET).iter_errors(asyncapi)] == []


@pytest.mark.parametrize("slip", [
    lambda d: d["channels"]["orderFeed"].update(adress="/events"),
    lambda d: d["operations"]["orderTells"].update(action="publish"),
    lambda d: d["components"]["messages"]["ordered"].pop("payload"),
    lambda d: d["channels"]["orderFeed"].update(servers=[{"$ref": "#/channels/orderFeed"}]),
])
def test_a_slip_of_the_pen_is_seen(slip):
    document = contract.load("asyncapi.yaml")
    slip(document)
    assert not Draft202012Validator(SUBSET).is_valid(document)


def test_every_reference_leads_somewhere(asyncapi):
    references = [node["$ref"] for _, node in contract.walk(asyncapi) if isinstance(node, dict) and "$ref" in node]
    assert len(references) > 50
    for reference in references:
        if reference.startswith("#/"):
            assert contract.resolve(asyncapi, {"$ref": reference}) is not None
        else:
            assert (contract.API / reference).is_file(), reference


def test_every_schema_is_one(asyncapi):
    for name, schema in asyncapi["components"]["schemas"].items():
        Draft7Validator.check_schema(schema)
    for message in asyncapi["components"]["messages"].values():
        Draft7Validator.check_schema(message["payload"])


def test_an_operation_names_messages_of_its_own_channel(asyncapi):
    for name, operation in asyncapi["operations"].items():
        for message in operation.get("messages", []):
            assert message["$ref"].startswith(operation["channel"]["$ref"] + "/messages/"), name


@pytest.mark.parametrize("service", EVENTS)
def test_a_feed_carries_its_services_events_and_no_others(asyncapi, service):
    messages = asyncapi["channels"][contract.FEED_OF[service]]["messages"].values()
    assert {contract.resolve(asyncapi, message)["name"] for message in messages} == EVENTS[service]


def test_every_event_type_is_known_in_the_envelope_and_on_the_topic(asyncapi):
    everything = set().union(*EVENTS.values())
    schemas = asyncapi["components"]["schemas"]
    assert set(schemas["CloudEvent"]["properties"]["type"]["enum"]) == everything
    assert set(schemas["Flat"]["properties"]["eventType"]["enum"]) == everything


@pytest.mark.parametrize("service", EVENTS)
def test_an_events_id_is_its_source_and_position(service):
    events = list(event_examples(service))
    assert {event["type"] for event in events} == EVENTS[service]
    positions = []
    for event in events:
        source, _, position = event["id"].rpartition("-")
        assert source == service
        positions.append(int(position))
    assert len(positions) == len(set(positions))


def test_an_order_is_the_subject_of_its_events():
    for event in event_examples("order"):
        assert event["subject"] == str(event["data"]["id"])


def test_a_ticket_made_at_the_counter_is_its_own_subject():
    for event in event_examples("product"):
        data = event["data"]
        assert event["subject"] == (f"ticket-{data['id']}" if data["orderId"] is None else str(data["orderId"]))


def test_a_payment_is_told_under_its_order_or_its_own_id():
    for event in event_examples("payment"):
        data = event["data"]
        assert event["subject"] == (f"payment-{data['id']}" if data["orderId"] is None else str(data["orderId"]))


def test_stock_is_told_under_the_reservations_order_or_the_items_name():
    for event in event_examples("stock"):
        data = event["data"]
        assert event["subject"] == (str(data["orderId"]) if data.get("orderId") else data["productName"])
        if data.get("orderId"):
            assert data["reservationId"].startswith(f"o{data['orderId']}.")


@pytest.mark.parametrize("attribute", ["id", "source", "type", "time", "subject", "version", "correlationid", "traceparent", "data"])
def test_an_event_lacks_no_attribute_and_has_no_other(attribute):
    event = contract.example("examples/event_ordered.json")
    schema = contract.event_schema("Ordered")
    assert schema.is_valid(event)
    assert not schema.is_valid({k: v for k, v in event.items() if k != attribute})
    assert not schema.is_valid({**event, "traceid": "x"})


def test_an_event_of_one_type_is_not_taken_for_another():
    event = contract.example("examples/event_produced.json")
    assert not contract.event_schema("OutOfStock").is_valid(event)
    assert not contract.event_schema("Produced").is_valid({**event, "source": "/order"})
    assert not contract.event_schema("Produced").is_valid({**event, "data": {**event["data"], "status": "Producing"}})


def test_on_the_topic_an_event_is_its_data_laid_flat():
    for flat, event in (("kafka_ordered", "event_ordered"), ("kafka_produced", "event_produced"), ("kafka_product_canceled", "event_product_canceled")):
        body, original = contract.example(f"examples/{flat}.json"), contract.example(f"examples/{event}.json")
        assert body.pop("eventType") == original["type"]
        assert body.pop("timestamp") == "".join(c for c in original["time"] if c.isdigit())[:14]
        assert body == original["data"]


def test_the_view_knows_the_types_that_an_order_goes_through(openapi):
    timeline = openapi["components"]["schemas"]["Mypage"]["properties"]["timeline"]["items"]["properties"]["type"]["enum"]
    about_orders = EVENTS["order"] | EVENTS["product"] | EVENTS["payment"] | {"StockReduced", "StockReleased"}
    assert set(timeline) == about_orders
