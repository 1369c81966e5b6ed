"""Paths that one program reads in another way than the next one, and that lead to what is inner for one of them."""
import random
import re
import urllib.parse

# Each once made the gateway pass on what a service then read as something inner.
KNOWN = [
    ("GET", "/events/..%2forders%2fx%2fy/.."), ("GET", "/metrics/..%2forders%2fx%2fy/.."), ("GET", "/dead-letters/..%2Forders%2Fx%2Fy/.."),
    ("PUT", "/view/swap/..%2fmypages%2fx%2fy/.."), ("POST", "/dead-letters/replay/..%2f..%2forders%2fx%2fy%2fz/../.."), ("GET", "/orders/#/../../events"),
    ("GET", "/orders%2fx/../metrics"), ("GET", "/orders/../events"), ("GET", "/orders/%2e%2e/events"), ("GET", "/orders/%2E./metrics"), ("GET", "/./events"),
    ("GET", "/orders/x/../../metrics"), ("GET", "/orders/..%5cevents"), ("GET", "/orders\\..\\events"), ("GET", "/orders/..;/events"), ("GET", "/orders;/../events"),
    ("GET", "/orders/%252e%252e/events"), ("GET", "/orders%252f..%252fevents"), ("GET", "/orders/1%00/../../events"), ("GET", "/orders/1%0a"), ("GET", "/orders/1%7f"),
    ("GET", "/orders/1%23"), ("GET", "/orders/1%3f"), ("GET", "/orders/1#"), ("GET", "/orders?x#/../events"), ("GET", "/orders/."), ("GET", "/orders/.."), ("GET", "/orders/..?x"),
    ("GET", "http://x/orders/../events"), ("GET", "http://x/events/..%2forders"), ("GET", "/orders/%"), ("GET", "/orders/%4"), ("GET", "/orders/%zz"),
]
# Nobody could take them for anything else, but they are nobody's.
NOWHERE = [
    ("GET", "/events"), ("GET", "/metrics"), ("GET", "/dead-letters"), ("POST", "/dead-letters/replay"), ("PUT", "/view/swap"), ("PUT", "/products/search/cancelByOrderId?orderId=9"),
    ("GET", "//events"), ("GET", "//orders"), ("GET", "/orders/"), ("GET", "/orders//1"), ("GET", "/orders/1/"), ("GET", "/orders/1/events"), ("GET", "/ORDERS"),
    ("GET", "/ordersX"), ("GET", "/order"), ("GET", "/events?/orders"), ("GET", "/x?/orders/../events"), ("GET", "http://x/events"), ("GET", "/stocks/1/2"), ("GET", "/mypages/stream/"),
    ("GET", "/actuator"), ("GET", "/actuator/env"), ("GET", "/health/gateway"), ("GET", "/nginx.conf"), ("GET", "/.problem/404"), ("GET", "/.preflight"), ("GET", "/.plain"), ("GET", "/pages/error-404.en.html"),
]

SHAPES = re.compile(r"/menu|/orders(/[^/]+)?|/products(/[^/]+|/search/(findByOrderId|open))?|/stocks(/[^/]+(/lowMark|/movements)?|/search/findByProductName)?"
                    r"|/mypages(/[^/]+|/search/findByOrderId)?")
INNER = re.compile(r"(?i)/+(events|metrics|dead-letters(/+replay)?|view/+swap|products/+search/+cancelbyorderid)/*")

_WORDS = ("orders", "products", "stocks", "mypages", "menu", "search", "events", "metrics", "dead-letters", "replay", "view", "swap", "cancelByOrderId", "findByOrderId", "1", "x", "")
_JOINTS = ("/", "/", "/", "/", "/", "/../", "/./", "//", "\\", "%2f", "%2F", "%5c", "%252f", ";", "#", "?", "..%2f", "%2e%2e/", "/..;/", "%00", "%0d%0a", "%20", "%c0%af", "%ef%bc%8f", "\xff", "/.%2e/",
           "/%2e%2e%2f", "&", "=", ":", "@", "*")
_METHODS = ("GET", "GET", "GET", "PUT", "POST")


def hostile_requests(seed, n):
    """n pairs (method, target), the same ones for the same seed."""
    chance = random.Random(seed)
    for _ in range(n):
        target = chance.choice(("/", "/", "/", "/", "//", "http://x/", "")) + chance.choice(_WORDS)
        for _ in range(chance.choice((1, 1, 1, 2, 2, 3, 4, 5, 6))):
            target += chance.choice(_JOINTS) + chance.choice(_WORDS)
        if chance.random() < 0.2:
            target += "?" + chance.choice(("a=b", "/../events", "%2e%2e/metrics", "#/events"))
        yield chance.choice(_METHODS), target or "/"


def readings(target):
    """What some program or other could take this target for: decoded up to three times, with or without parameters after ";", the
    backslash as a slash or not, dot segments resolved or not, cut at "#" or not."""
    paths = {target.partition("?")[0], target.partition("#")[0].partition("?")[0]}
    for _ in range(3):
        paths |= {urllib.parse.unquote(path, "latin-1") for path in paths}
    paths |= {path.replace("\\", "/") for path in paths}
    paths |= {re.sub(r";[^/]*", "", path) for path in paths}
    paths |= {path.partition(mark)[0] for path in paths for mark in "?#\0"}
    return paths | {resolved(path) for path in paths}


def resolved(path):
    kept = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in ("", "."):
            kept.append(segment)
    return "/" + "/".join(kept)
