"""Says back what it hears, once and as a stream, and counts slowly; without a line of generated code."""

import os
import signal
import time
from concurrent import futures

import grpc

WORD = os.environ.get("WORD", "one")


def say(request, context):
    told = dict(context.invocation_metadata())
    return b"%s: %s from %s by %s" % (
        WORD.encode(), request, told["x-forwarded-for"].encode(), told.get("x-tenant", "nobody").encode())


def chat(requests, _context):
    for request in requests:
        yield request.upper()


def count(request, _context):
    for number in range(int(request)):
        yield b"%s %d" % (WORD.encode(), number)
        time.sleep(0.1)


def refuse(_request, context):
    context.abort(grpc.StatusCode.NOT_FOUND, "there is no such thing")


server = grpc.server(futures.ThreadPoolExecutor(16))
server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Words", {
    "Say": grpc.unary_unary_rpc_method_handler(say),
    "Chat": grpc.stream_stream_rpc_method_handler(chat),
    "Count": grpc.unary_stream_rpc_method_handler(count),
    "Refuse": grpc.unary_unary_rpc_method_handler(refuse),
})])
server.add_insecure_port("127.0.0.1:" + os.environ["PORT"])
server.start()
signal.signal(signal.SIGTERM, lambda *_: server.stop(30))
server.wait_for_termination()
