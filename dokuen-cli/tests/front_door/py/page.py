"""A page that a browser has to take seriously: a style sheet, a script, a request of the script's own."""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = b"""<!doctype html>
<title>not yet</title>
<link rel="stylesheet" href="/style.css">
<p id="said"></p>
<script src="/script.js"></script>
"""
SCRIPT = b"""
fetch("/proto").then((answer) => answer.text()).then((proto) => {
  const [page] = performance.getEntriesByType("navigation");
  const colour = getComputedStyle(document.body).color;
  document.getElementById("said").textContent =
    [proto, page.nextHopProtocol, window.isSecureContext, colour, location.hostname].join(" | ");
});
"""


class Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        kind, body = {
            "/": ("text/html", PAGE),
            "/style.css": ("text/css", b"body { color: rgb(1, 2, 3) }"),
            "/script.js": ("text/javascript", SCRIPT),
            "/proto": ("text/plain", self.headers.get("X-Forwarded-Proto", "none").encode()),
        }.get(self.path, ("text/plain", b"nothing here"))
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Page).serve_forever()
