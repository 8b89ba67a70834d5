"""A page, and a WebSocket that says back what it hears: for clients and browsers."""

import http
import os
import threading

from websockets.datastructures import Headers
from websockets.http11 import Response
from websockets.sync.server import serve

PAGE = b"""<!doctype html><meta charset=utf-8><title>hello</title><p id=said>nothing yet</p><script>
const spoken = performance.getEntriesByType('navigation')[0].nextHopProtocol;
const socket = new WebSocket('wss://' + location.host + '/socket');
socket.onopen = () => socket.send('over ' + spoken);
socket.onmessage = (event) => {
  if (event.data === 'heard') return;
  document.getElementById('said').textContent = 'the socket said: ' + event.data;
  socket.send('heard');
};
</script>
<!-- A browser that only prints the page waits for its parts, not for sockets. -->
<img src=/heard alt="">"""

HEARD = threading.Event()


def page(connection, request):
    if request.path == "/socket":
        return None
    if request.path == "/heard":
        HEARD.wait(60)
    headers = Headers({"Content-Type": "text/html", "Content-Length": str(len(PAGE)), "Connection": "close"})
    return Response(http.HTTPStatus.OK, "OK", headers, PAGE)


def echo(socket):
    for message in socket:
        if message == "heard":
            HEARD.set()
        socket.send(message)


with serve(echo, "127.0.0.1", int(os.environ["PORT"]), process_request=page) as server:
    server.serve_forever()
