"""A payment provider as docs/payment-provider.md describes one, for tests: it keeps a book of its own, and can be told to answer late,
twice, in the wrong order, wrongly, or not at all."""
import contextlib
import hashlib
import hmac
import json
import ssl
import threading
import time
from collections import Counter

import httpx

from serving import Quiet, Serving

SECRET = "the provider's and the shop's, 32 bytes and more"
# of payment: it asks again soon, however often that failed
SOON = {"payment.retry_ms": 50, "payment.retry_most_ms": 200, "breaker.volume": 1_000_000}
HANG, CUT = object(), object()  # never answers; ends the connection instead


def sign(body, secret=SECRET, at=None):
    """The header's value for a body."""
    at = int(time.time() if at is None else at)
    code = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={code}"


def is_signed(header, body, secret=SECRET, tolerance=300):
    parts = dict(part.split("=", 1) for part in (header or "").split(",") if "=" in part)
    if "t" not in parts or abs(time.time() - int(parts["t"])) > tolerance:
        return False
    return hmac.compare_digest(sign(body, secret, parts["t"]), header)


def number_in(name):
    """The shop's number of a payment, in its name at the provider."""
    return int(name.split("-")[0])


class Provider(Serving):
    """Does each thing once a key. `answers[operation]` may be a function (question, outcome) -> what is said: an outcome, HANG, CUT,
    (status, content type, bytes)."""

    def __init__(self, tls=None):
        provider = self

        class Handler(Quiet):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                said = provider.take(self.path, self.headers, body)
                if said is HANG:
                    provider.closing.wait()
                if said is HANG or said is CUT:
                    self.close_connection = True
                    return
                status, kind, text = said
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(text)))
                    self.end_headers()
                    self.wfile.write(text)
                except OSError:
                    pass  # who asked is gone

        self.closing = threading.Event()
        self.lock = threading.Lock()
        self.answers = {}
        self.before = {}  # by operation: a function (question) that may wait before anything is done
        self.turned_away = set()  # operations of which nothing is done
        self.under_way = Counter()  # by payment: questions that aren't answered yet
        self.most_at_a_time = Counter()  # by payment
        self.questions = []  # (key, question) as they came, repeats among them
        self.refused = []  # what was wrong with the others
        self.done = {}  # by key: (question, outcome)
        self.payments = {}  # by name: "approved", "declined", "captured", "voided", "refunded"
        self.book = []  # (payment's name, amount): what was taken and given back
        super().__init__(Handler)
        self.url += "/v1"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
            self.url = self.url.replace("http:", "https:")

    def __exit__(self, *_):
        self.closing.set()
        super().__exit__()

    def take(self, path, headers, body):
        question = json.loads(body)
        key = headers["Idempotency-Key"]
        with self.lock:
            if not is_signed(headers["Coffeeshop-Signature"], body):
                self.refused.append("the signature")
                return 401, "application/json", b"{}"
            if path != f"/v1/{question['operation']}" or key != f"{question['paymentId']}.{question['operation']}":
                self.refused.append(f"{path} under {key}")
                return 404, "application/json", b"{}"
            self.questions.append((key, question))
            if question["operation"] in self.turned_away:
                return 503, "text/plain", b"later"
        with self.counted(question["paymentId"]):
            self.before.get(question["operation"], lambda _: None)(question)
            with self.lock:
                outcome = self.do(key, question)
            said = self.answers.get(question["operation"], lambda _, outcome: outcome)(question, outcome)
        return said if said in (HANG, CUT) or isinstance(said, tuple) else (200, "application/json", json.dumps(said).encode())

    @contextlib.contextmanager
    def counted(self, payment):
        with self.lock:
            self.under_way[payment] += 1
            self.most_at_a_time[payment] = max(self.most_at_a_time[payment], self.under_way[payment])
        try:
            yield
        finally:
            with self.lock:
                self.under_way[payment] -= 1

    def do(self, key, question):
        """The same key is the same thing, whatever has happened since."""
        if key not in self.done:
            self.done[key] = (question, self.outcome_of(question, self.move(question)))
        first, outcome = self.done[key]
        assert {**first, "reference": None} == {**question, "reference": None}, "one key, two questions"
        return outcome

    def move(self, question):
        payment, was = question["paymentId"], self.payments.get(question["paymentId"])
        if question["operation"] == "authorize":
            now = "declined" if question["method"] == "test-declined" or was == "voided" else "approved"
        elif question["operation"] == "capture":
            assert was in ("approved", "voided"), f"{payment} is captured and was {was}"
            now = "captured" if was == "approved" else "voided"
            if now == "captured":
                self.book.append((payment, question["amount"]))
        else:
            now = "refunded" if was == "captured" else "voided"
            if now == "refunded":
                self.book.append((payment, -question["amount"]))
        if was != "voided":
            self.payments[payment] = now
        return now

    @staticmethod
    def outcome_of(question, outcome):
        return {**{name: question[name] for name in ("paymentId", "operation", "amount", "currency")}, "outcome": outcome,
                "reference": f"ref-{question['paymentId']}", "reason": "no such luck" if outcome == "declined" else None}

    def name_of(self, number):
        """What the shop calls its payment of that number here. Only tests may look into a name."""
        with self.lock:
            return next(question["paymentId"] for _, question in reversed(self.questions) if number_in(question["paymentId"]) == number)

    def outcome(self, payment, operation, said, **members):
        """What it would say of a payment of the shop's by itself."""
        return {"paymentId": self.name_of(payment["id"]), "operation": operation, "outcome": said, "amount": payment["amount"],
                "currency": payment["currency"], **members}

    def asked(self, operation):
        with self.lock:
            return [key for key, question in self.questions if question["operation"] == operation]

    def tell(self, url, outcome, signature=None, **options):
        """Calls the webhook."""
        body = outcome if isinstance(outcome, bytes) else json.dumps(outcome).encode()
        headers = {"Content-Type": "application/json", "Coffeeshop-Signature": sign(body, **options) if signature is None else signature}
        if signature == "":
            del headers["Coffeeshop-Signature"]
        return httpx.post(url + "/payments/webhook", content=body, headers=headers, trust_env=False, timeout=15)


def pending(question, outcome):
    """Says that it will be known later."""
    return {**outcome, "outcome": "pending"}
