"""ADDRESS-PORT NAME ROOT: opens a WebSocket over https and says something twice."""

import socket
import ssl
import sys

from websockets.sync.client import connect

port, name, root = sys.argv[1:]
trust = ssl.create_default_context(cafile=root)
raw = socket.create_connection(("127.0.0.1", int(port)))
with connect(f"wss://{name}:{port}/socket", sock=raw, ssl=trust, server_hostname=name) as tunnel:
    for message in ["one", "x" * 300000]:
        tunnel.send(message)
        assert tunnel.recv(timeout=30) == message
print("both came back")
