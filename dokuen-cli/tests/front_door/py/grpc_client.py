"""PORT NAME ROOT WHAT ARGUMENT: calls one method and prints what comes back, a line each; a failure is `CODE: words`."""

import sys

import grpc

port, name, root, what, argument = sys.argv[1:]
with open(root, "rb") as file:
    trust = grpc.ssl_channel_credentials(file.read())
options = [("grpc.ssl_target_name_override", name), ("grpc.enable_retries", 0)]
with grpc.secure_channel(f"127.0.0.1:{port}", trust, options) as channel:
    try:
        if what == "Chat":
            words = iter(argument.encode().split(b" "))
            for answer in channel.stream_stream("/test.Words/Chat")(words, timeout=60):
                print(answer.decode(), flush=True)
        elif what == "Count":
            for answer in channel.unary_stream("/test.Words/Count")(argument.encode(), timeout=60):
                print(answer.decode(), flush=True)
        else:
            print(channel.unary_unary(f"/test.Words/{what}")(argument.encode(), timeout=60).decode())
    except grpc.RpcError as error:
        print(f"{error.code().name}: {error.details()}")
