"""Stands between an authority's customers and the authority: passes everything on, writes down what was asked for, and
gives the answers that the authority itself does not have.

DIR/refuse: {"path": PREFIX, "status": 429, "head": {...}, "body": ...}, what is answered for paths that begin so.
DIR/renewal: what is said of when to renew, for every certificate; where there is none, the directory has no renewalInfo.
DIR/replaces: how orders that say what they replace are taken: {"refuse": KIND}, or {"forget": true} for an authority that
knows nothing of it; else it is said back, as RFC 9773 has it.
DIR/orders: a line for every order, what it replaces or `-`.
DIR/asked: a line `METHOD PATH` for everything that came.
"""

import base64
import http.client
import json
import pathlib
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIR = pathlib.Path(sys.argv[1])
PORT, AUTHORITY = int(sys.argv[2]), int(sys.argv[3])
CERT, KEY = sys.argv[4:6]


def told(name):
    try:
        return json.loads((DIR / name).read_text())
    except FileNotFoundError:
        return None


class Between(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with open(DIR / "asked", "a") as asked:
            asked.write(f"{self.command} {self.path}\n")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        refuse, renewal = told("refuse"), told("renewal")
        if refuse and self.path.startswith(refuse["path"]):
            kind = {"Content-Type": "application/problem+json"}
            return self.answer(refuse["status"], {**kind, **refuse["head"]}, json.dumps(refuse["body"]).encode())
        if renewal and self.path.startswith("/renewal/"):
            return self.answer(200, {"Content-Type": "application/json", "Retry-After": "21600"}, json.dumps(renewal).encode())
        replaces = self.replaces(body) if self.path == "/order-plz" else None
        manner = told("replaces") or {}
        if replaces and "refuse" in manner:
            problem = {"type": f"urn:ietf:params:acme:error:{manner['refuse']}", "detail": "that one is gone already"}
            return self.answer(409, {"Content-Type": "application/problem+json"}, json.dumps(problem).encode())
        status, head, body = self.passed_on(body)
        if replaces and status == 201 and not manner.get("forget"):
            body = json.dumps({**json.loads(body), "replaces": replaces}).encode()
        if renewal and self.path == "/dir":
            directory = json.loads(body)
            directory["renewalInfo"] = f"https://{self.headers['Host']}/renewal"
            body = json.dumps(directory).encode()
        self.answer(status, head, body)

    do_HEAD = do_POST = do_GET

    def replaces(self, body):
        payload = json.loads(body)["payload"]
        replaces = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))).get("replaces")
        with open(DIR / "orders", "a") as orders:
            orders.write(f"{replaces or '-'}\n")
        return replaces

    def passed_on(self, body):
        line = http.client.HTTPSConnection("localhost", AUTHORITY, context=ssl._create_unverified_context(), timeout=30)
        # Its own name stays: by it the authority makes the addresses that it gives out.
        line.request(self.command, self.path, body or None, dict(self.headers))
        answer = line.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()

    def answer(self, status, head, body):
        self.send_response(status)
        for name, value in head.items():
            if name.lower() not in ("content-length", "connection", "date", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


server = Server(("127.0.0.1", PORT), Between)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(CERT, KEY)
# The handshake is the thread's: one that never comes holds up no other.
server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
server.serve_forever()
