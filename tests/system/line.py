"""What stands at a peer's address: the peer itself, or something else that answers what the test says."""
import contextlib
import http.client
import json
import socket
import threading

from eventually import eventually

PAGE = b"<!doctype html><title>Log in</title><p>Welcome to our guest network."


class Answer:
    """The bytes that something else answers with. `done`: the peer does what it was asked all the same, and its answer is lost."""

    def __init__(self, status=200, media="text/html", body=PAGE, *headers, done=False):
        self.status, self.media, self.headers, self.done = status, media, headers, done
        self.body = body if isinstance(body, bytes) or callable(body) else json.dumps(body).encode()

    def bytes_for(self, request):
        body = self.body(request) if callable(self.body) else self.body
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = [f"HTTP/1.1 {self.status} {http.client.responses[self.status]}", f"Content-Length: {len(body)}", "Connection: close", *self.headers]
        if self.media:
            lines.append(f"Content-Type: {self.media}")
        return "\r\n".join([*lines, "", ""]).encode() + body


class Request:
    def __init__(self, head, body):
        self.head, self.body = head, body
        self.method, self.target = head.split(b" ", 2)[0].decode(), head.split(b" ", 2)[1].decode()

    def json(self):
        return json.loads(self.body)


class Line:
    """A port that leads to a service, byte for byte; what is under way is cut whenever `says` changes."""

    def __init__(self, port):
        self.port, self.answer, self.asked = port, None, []
        self.lock, self.open = threading.Lock(), set()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def says(self, answer):
        """From now on this Answer is what everybody gets (followers a page, where it is made of what was asked); None: they reach the
        service."""
        with self.lock:
            self.answer, self.asked = answer, []
            self.cut()

    def cut(self):
        for each in self.open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def wait_asked(self, what, times=1, within=20):
        """Until somebody has asked for a path that contains `what`, and was answered, so often; the last of these requests."""
        def last():
            asked = [each for each in list(self.asked) if what in each.target]
            return asked[times - 1] if len(asked) >= times else None

        return eventually(last, within=within, what=f"{what} is asked for")

    def accept(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return  # closed
            self.run(self.serve, connection)

    def run(self, work, *arguments):
        self.threads.append(threading.Thread(target=work, args=arguments))
        self.threads[-1].start()

    def keep(self, connection):
        """Remembers a connection, unless the answer has changed since this one was looked up."""
        with self.lock:
            self.open.add(connection)
            return self.answer

    def serve(self, connection):
        answer = self.keep(connection)
        try:
            if answer is None:
                self.lead_on(connection)
            else:
                self.give(connection, answer)
        except OSError:
            pass  # cut
        finally:
            with self.lock:
                self.open.discard(connection)
            connection.close()

    def lead_on(self, connection):
        with socket.create_connection(("127.0.0.1", self.port)) as peer:
            self.keep(peer)
            self.run(copy, peer, connection)
            copy(connection, peer)
            with self.lock:
                self.open.discard(peer)

    def give(self, connection, answer):
        request = read_request(connection)
        if request is None:
            return
        is_follower = request.target == "/events"
        if answer.done and not is_follower:
            self.do(request)
        connection.sendall((Answer() if is_follower and callable(answer.body) else answer).bytes_for(request))
        with self.lock:
            if self.answer is answer:  # and not one that came meanwhile
                self.asked.append(request)

    def do(self, request):
        """The peer gets the request, on a connection that ends with it."""
        head = request.head.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        with socket.create_connection(("127.0.0.1", self.port)) as peer:
            peer.sendall(head + request.body)
            while peer.recv(65536):
                continue

    def close(self):
        with self.lock:
            self.cut()
        self.listening.shutdown(socket.SHUT_RDWR)
        self.listening.close()
        for each in self.threads:
            each.join()


def copy(source, target):
    """All bytes of one connection to another, and its end."""
    try:
        while piece := source.recv(65536):
            target.sendall(piece)
    except OSError:
        pass
    for each in (source, target):
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


def read_request(connection):
    """One request with its body; None: the client left."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = connection.recv(65536)
        if not piece:
            return None
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0)
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            return None
        body += piece
    return Request(head + b"\r\n\r\n", body)
