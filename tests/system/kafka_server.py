"""A real Kafka of the tests' own (tools/kafka), on loopback; each shop has a topic of its own in it. What is on a topic is read by another
client than the program's."""
import importlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections import defaultdict
from datetime import datetime, timezone
from pathlib import Path

import pytest

from eventually import eventually
from shop import ROOT, free_port

TOOL = ROOT / "tools" / "kafka"


def kafka_client():
    """The module of python3-kafka; asked for only by who needs it. It brings a module of its own that warns when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return importlib.import_module("kafka")


class Kafka:
    """The server. It ends with the tests, however they end."""

    def __init__(self, more=None):
        """`more(directory)` gives further properties, whose files it makes in the directory."""
        told = subprocess.run([TOOL, "jars"], capture_output=True, text=True, timeout=600)
        if told.returncode != 0:
            why = told.stderr.strip()
            pytest.fail(why) if os.environ.get("CI") == "true" else pytest.skip(why)
        self.top = Path(tempfile.mkdtemp(prefix="coffeeshop-kafka-"))
        self.top.chmod(0o711)  # root's servers run as nobody
        self.directory, self.port, self.process, self.topics = self.top / "here", free_port(), None, 0
        self.address, self.more = f"127.0.0.1:{self.port}", []
        if more is not None:
            self.more = [self.top / "more.properties"]
            self.more[0].write_text(more(self.top))

    def launch(self):
        with (self.top / "log").open("ab") as log:
            self.process = subprocess.Popen([TOOL, "run", self.directory, str(self.port), *self.more], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            start_new_session=True)
        return self

    def start(self):
        self.launch()
        eventually(self.answers, within=90, every=0.2, what="Kafka answers")
        return self

    def answers(self):
        assert self.process.poll() is None, self.log()
        try:
            self.make_admin().close()
            return True
        except kafka_client().errors.KafkaError:
            return False

    def log(self):
        return (self.top / "log").read_text(errors="replace")[-3000:]

    def make_admin(self):
        return kafka_client().KafkaAdminClient(bootstrap_servers=self.address, request_timeout_ms=5000, api_version_auto_timeout_ms=1000)

    def kill(self, how=signal.SIGKILL):
        self.process.send_signal(signal.SIGCONT)
        self.process.send_signal(how)
        self.process.wait(60)

    def pause(self):
        """It accepts and doesn't answer."""
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def close(self):
        if self.process is not None and self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.top, ignore_errors=True)

    def make_topic(self):
        """A topic's name that nobody has; the shop makes the topic."""
        self.topics += 1
        return Topic(self, f"shop{self.topics}")

    def forget_before(self, name, offset):
        """As retention does it: what lies before the offset is gone."""
        what = self.top / "forget.json"
        what.write_text(json.dumps({"version": 1, "partitions": [{"topic": name, "partition": 0, "offset": offset}]}))
        assert "low_watermark" in self.run_tool("org.apache.kafka.tools.DeleteRecordsCommand", "--offset-json-file", what)

    def run_tool(self, main_class, *words):
        jars = subprocess.run([TOOL, "jars"], capture_output=True, text=True, timeout=600, check=True).stdout.strip()
        told = subprocess.run(["java", "-Xmx64m", "-cp", jars, main_class, "--bootstrap-server", self.address, *words], capture_output=True, text=True,
                              timeout=60)
        assert told.returncode == 0, told.stdout + told.stderr
        return told.stdout

    def add_user(self, name, password):
        """Who may come by SCRAM."""
        self.run_tool("kafka.admin.ConfigCommand", "--alter", "--add-config", f"SCRAM-SHA-512=[iterations=4096,password={password}]",
                      "--entity-type", "users", "--entity-name", name)

    def create(self, name, partitions):
        admin = self.make_admin()
        try:
            admin.create_topics([kafka_client().admin.NewTopic(name, partitions, 1)])
        finally:
            admin.close()

    def delete(self, name):
        admin = self.make_admin()
        try:
            admin.delete_topics([name])
        finally:
            admin.close()


class Topic:
    def __init__(self, server, name):
        self.server, self.name = server, name
        self.settings = {"kafka.servers": server.address, "kafka.topic": name, "kafka.replication": 1}

    def messages(self, name=None, partition=0):
        """All that is on it by now, from the beginning."""
        kafka = kafka_client()
        here = kafka.TopicPartition(name or self.name, partition)
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.server.address, enable_auto_commit=False, group_id=None)
        try:
            consumer.assign([here])
            end, found = consumer.end_offsets([here])[here], []
            consumer.seek_to_beginning(here)
            while consumer.position(here) < end:
                for each in consumer.poll(timeout_ms=500).values():
                    found += each
            return found
        finally:
            consumer.close()

    def dead_letters(self):
        return self.messages(self.name + ".dlt")

    def produce(self, messages):
        """[(key, value, headers)], in this order; each is there when it returns."""
        producer = kafka_client().KafkaProducer(bootstrap_servers=self.server.address, acks="all")
        try:
            for key, value, headers in messages:
                producer.send(self.name, value=value, key=key, headers=headers, partition=0).get(30)
        finally:
            producer.close()

    def produce_to(self, partition, key, body):
        """One message, as the original writes it but for its key and its place."""
        producer = kafka_client().KafkaProducer(bootstrap_servers=self.server.address, acks="all")
        try:
            producer.send(self.name, value=json.dumps(body).encode(), key=str(key).encode(), partition=partition).get(30)
        finally:
            producer.close()

    def partitions(self):
        kafka = kafka_client()
        consumer = kafka.KafkaConsumer(bootstrap_servers=self.server.address, enable_auto_commit=False, group_id=None)
        try:
            return sorted(consumer.partitions_for_topic(self.name) or ())
        finally:
            consumer.close()

    def events(self, producer):
        """A service's events as its feed would tell them: [(number, event)], those of one of its cells after those of another. What is told
        again is left out; that nothing comes for the first time out of order, or is missing, is asserted."""
        told = defaultdict(dict)
        for partition in self.partitions():
            last = defaultdict(int)
            for message in self.messages(partition=partition):
                headers = {name: value.decode() for name, value in message.headers}
                source, _, cell = headers.get("ce_source", "").rpartition("/cells/")
                if source != f"/{producer}":
                    continue
                position = int(headers["ce_id"].removeprefix(f"{producer}-"))
                if position <= last[cell]:
                    continue
                last[cell] = position
                told[int(cell)][position] = {**event_of(headers, json.loads(message.value)), "cell": int(cell)}
        for cell, events in told.items():
            assert sorted(events) == list(range(1, len(events) + 1)), f"{producer}, cell {cell}: some of {len(events)} are missing"
        return list(enumerate((event for _, events in sorted(told.items()) for _, event in sorted(events.items())), 1))


def event_of(headers, body):
    data = {name: value for name, value in body.items() if name not in ("eventType", "timestamp")}
    assert body["eventType"] == headers["ce_type"] and len(body["timestamp"]) == 14
    return {"id": headers["ce_id"], "type": headers["ce_type"], "subject": headers["ce_subject"], "version": int(headers["ce_version"]),
            "time": headers["ce_time"], "data": data}


def original_message(**members):
    """One as the original's services write it: no key, no headers of ours."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%d%H%M%S")
    body = {"eventType": members.pop("event_type"), "timestamp": stamp, **members, "me": True}
    return None, json.dumps(body).encode(), [("contentType", b'"application/json"')]
