"""Stands before a service and signs what comes by the webhook, as the payment provider would: for tools that can't."""
import collections
import http.client
import urllib.parse

from provider import sign
from serving import Quiet, Serving

LONGEST = 512  # as api/openapi.yaml says; what is longer is left as it is, to be refused
HEADER = "Coffeeshop-Signature"


class Signing(Serving):
    """Passes requests on. Of those with a signature, whatever it says, the right one is made; `statuses` counts the answers."""

    def __init__(self, url):
        signing, to = self, urllib.parse.urlsplit(url)

        class Handler(Quiet):
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

        self.statuses = collections.Counter()
        super().__init__(Handler)
