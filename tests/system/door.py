"""A gateway in front of a service that only writes down what it is asked."""
import http.server
import socket
import threading

from eventually import eventually
from shop import PAID, Process, client, free_port

PROBLEM = {"type", "title", "status", "detail"}


class Notebook(http.server.BaseHTTPRequestHandler):
    """Answers everything with 200, after having written it down."""

    protocol_version = "HTTP/1.1"

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True  # the test hung up, or told us to

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((self.command, self.path, self.headers, body, self.client_address))
        if self.path.startswith("/orders/hang-up"):
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        if self.path.startswith("/orders/garbage"):
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 200 OK\r\nwh\0t: ?\r\n\r\n")
            return
        if self.path.startswith("/orders/wait"):
            self.server.waiting.set()
            assert self.server.go_on.wait(20)
        if self.path == "/mypages/stream":
            self.stream()
            return
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = answer

    def stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.write(b"a\r\nid: 1\ndata\r\n")
        self.wfile.flush()
        self.server.go_on.wait(20)
        self.close_connection = True

    def log_message(self, *_):
        pass


class Service(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Notebook)
        self.asked, self.waiting, self.go_on = [], threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self):
        self.go_on.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


class Door:
    """A gateway whose services are all the same one, a notebook if nothing else is given."""

    def __init__(self, directory, *flags, service=None, listen="127.0.0.1:{port}", **options):
        directory.mkdir(exist_ok=True)
        self.service, self.port, self.directory = service or Service(), free_port(), directory
        urls = [f"--gateway.{name}_url=http://127.0.0.1:{self.service.server_port}" for name in PAID]
        self.process = Process(["gateway", f"--data={directory / 'data'}", f"--gateway.listen={listen.format(port=self.port)}", *urls, *flags],
                               directory / "gateway.log", **options)
        self.http = client(f"http://127.0.0.1:{self.port}")

    def open(self):
        eventually(self.is_ready, within=15, what="the gateway is ready")
        return self

    def is_ready(self):
        assert self.process.is_running(), self.process.output()
        return can_connect(self.port)

    def begin_to_wait(self):
        """A client whose request is under way until the test lets it go on; its status comes to the list."""
        statuses = []

        def ask_and_wait():
            with client(f"http://127.0.0.1:{self.port}", timeout=30.0) as http:
                statuses.append(http.get("/orders/wait").status_code)

        waits = threading.Thread(target=ask_and_wait)
        waits.start()
        assert self.service.waiting.wait(10)
        return waits, statuses

    def last(self):
        return self.service.asked[-1]

    def close(self):
        self.service.go_on.set()
        self.http.close()
        try:
            self.process.stop()
        finally:
            self.service.close()


def can_connect(port, host="127.0.0.1"):
    try:
        with socket.create_connection((host, port), timeout=5):
            return True
    except ConnectionRefusedError:
        return False


def assert_problem(answer, status):
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status and PROBLEM <= set(body)
    return body
