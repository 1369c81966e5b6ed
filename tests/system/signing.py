"""Stands before a service and signs what comes by the webhook, as the payment provider would: for tools that can't."""
import collections
import http.client
import http.server
import threading
import urllib.parse

from provider import sign

LONGEST = 512  # as api/openapi.yaml says; what is longer is left as it is, to be refused
HEADER = "Coffeeshop-Signature"


class Signing:
    """Passes requests on. Of those with a signature, whatever it says, the right one is made; `statuses` counts the answers."""

    def __init__(self, url):
        signing, to = self, urllib.parse.urlsplit(url)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def __getattr__(self, name):
                if name.startswith("do_"):
                    return self.pass_on
                raise AttributeError(name)

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = http.client.HTTPConnection(to.hostname, to.port, timeout=15)
                asked.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    signs = name.lower() == HEADER.lower() and len(value) <= LONGEST
                    asked.putheader(name, sign(body) if signs else value.encode("latin-1"))
                asked.endheaders(body or None)
                answer = asked.getresponse()
                content = answer.read()
                asked.close()
                if self.command == "POST":
                    signing.statuses[answer.status] += 1
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.statuses = collections.Counter()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
