"""PORT NAME ROOT PATH: asks over HTTP/3 and prints the status, the header alt-svc and the body."""

import asyncio
import sys

from aioquic.asyncio import QuicConnectionProtocol, connect
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration


class Client(QuicConnectionProtocol):
    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.http = H3Connection(self._quic)
        self.head, self.body = {}, b""
        self.whole = asyncio.get_running_loop().create_future()

    def ask(self, name, path):
        stream = self._quic.get_next_available_stream_id()
        head = {":method": "GET", ":scheme": "https", ":authority": name, ":path": path}
        self.http.send_headers(stream, [(k.encode(), v.encode()) for k, v in head.items()], end_stream=True)
        self.transmit()

    def quic_event_received(self, event):
        for part in self.http.handle_event(event):
            if isinstance(part, HeadersReceived):
                self.head.update(part.headers)
            if isinstance(part, DataReceived):
                self.body += part.data
            if getattr(part, "stream_ended", False) and not self.whole.done():
                self.whole.set_result(None)


async def main(port, name, root, path):
    trust = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=name)
    trust.load_verify_locations(root)
    async with connect("127.0.0.1", int(port), configuration=trust, create_protocol=Client) as client:
        client.ask(f"{name}:{port}", path)
        await asyncio.wait_for(client.whole, 30)
        print(client.head[b":status"].decode(), client.head.get(b"alt-svc", b"-").decode(), client.body.decode().strip())


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 60))
