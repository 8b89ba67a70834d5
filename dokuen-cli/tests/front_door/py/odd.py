"""Does what apps should not, so that what nginx makes of it can be seen."""

import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SEEN = [0]


class Odd(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        word, _, number = self.path[1:].partition("/")
        if word == "head":
            self.answer(b"x", {"X-Big": "x" * int(number)})
        elif word == "bytes":
            self.answer_head(int(number))
            block = b"x" * 65536
            for at in range(0, int(number), len(block)):
                self.wfile.write(block[: int(number) - at])
        elif word == "events":
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            for pair in number.split(",") if number else []:
                self.send_header(*pair.split("="))
            self.end_headers()
            self.wfile.write(b"data: first\n\n")
            self.wfile.flush()
            # Longer than the test waits: what comes before comes unbuffered or not at all.
            time.sleep(300)
        elif word == "hints":
            self.interim(b"Link: </%s>; rel=preload" % (b"x" * int(number)))
            self.answer(b"odd", {})
        elif word == "seen":
            self.answer(b"%d" % SEEN[0], {})
        else:
            self.answer(b"odd", {})

    def do_POST(self):
        if self.path == "/deaf":
            time.sleep(300)
        if self.path == "/eager":
            self.interim(b"X-Go-On: yes")
        SEEN[0] = 0
        left = int(self.headers["Content-Length"])
        while left:
            block = self.rfile.read1(min(left, 1 << 20))
            if not block:
                return
            left -= len(block)
            SEEN[0] += len(block)
        self.answer(b"%d" % SEEN[0], {})

    do_PUT = do_POST

    def interim(self, line):
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n")
        self.wfile.flush()
        time.sleep(0.05)
        self.wfile.write(line + b"\r\n\r\n")
        self.wfile.flush()
        time.sleep(0.05)

    def answer(self, body, headers):
        self.answer_head(len(body), headers)
        self.wfile.write(body)

    def answer_head(self, length, headers=None):
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *words):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True


Server(("127.0.0.1", int(os.environ["PORT"])), Odd).serve_forever()
