"""Bytes on a socket, for clients that don't keep to the protocol."""
import re
import socket
import time


def ask(port, request, within=5.0, host="127.0.0.1"):
    """Sends the bytes and returns all that comes back until the service closes, or is silent after an answer."""
    with socket.create_connection((host, port), timeout=within) as connection:
        connection.sendall(request)
        return receive(connection, within)


def receive(connection, within):
    """Reads until the end of the connection, or until nothing came for a while after something had."""
    received = b""
    connection.settimeout(within)
    try:
        while piece := connection.recv(65536):
            received += piece
            connection.settimeout(0.3)
    except (TimeoutError, ConnectionResetError):
        pass
    return received


def receive_to_the_end(connection, within=5.0):
    """Reads until the service has closed the connection; that it doesn't fails the test."""
    received = b""
    connection.settimeout(within)
    try:
        while piece := connection.recv(65536):
            received += piece
    except ConnectionResetError:
        pass
    except TimeoutError:
        raise AssertionError(f"still open after {received[:200]}") from None
    return received


def statuses(received):
    """The status of every response in these bytes, as a client reads them: each ends where it says, and nothing follows the one that
    closes the connection. What is none at all fails the test."""
    found = []
    while received:
        head, blank, rest = received.partition(b"\r\n\r\n")
        line = re.match(rb"HTTP/1\.[01] (\d{3}) ", head)
        assert line and blank, f"no response: {received[:200]}"
        found.append(int(line[1]))
        fields = dict(re.findall(rb"^([A-Za-z-]+): *([^\r]*)", head.lower(), re.M))
        if fields.get(b"connection") == b"close":
            assert len(rest) >= int(fields.get(b"content-length", 0)), f"cut short: {received[:200]}"
            break
        received = after_body(rest, fields)
    return found


def after_body(rest, fields):
    if fields.get(b"transfer-encoding") != b"chunked":
        return rest[int(fields.get(b"content-length", 0)):]
    while True:
        size, _, rest = rest.partition(b"\r\n")
        rest = rest[int(size, 16) + 2:]
        if int(size, 16) == 0:
            return rest


def seconds_until_closed(connection, feed=b"", every=0.2, within=60.0):
    """Feeds one byte after the other, slowly, and tells how long it took until the service hung up; None if it didn't."""
    began = time.monotonic()
    connection.settimeout(every)
    for byte in iter_slowly(feed):
        if time.monotonic() - began > within:
            return None
        try:
            if byte:
                connection.sendall(byte)
            if connection.recv(65536) == b"":
                return time.monotonic() - began
        except TimeoutError:
            continue
        except (BrokenPipeError, ConnectionResetError):
            return time.monotonic() - began


def iter_slowly(feed):
    """Every byte of `feed` by itself, and then nothing, for ever."""
    for value in feed:
        yield bytes([value])
    while True:
        yield b""
