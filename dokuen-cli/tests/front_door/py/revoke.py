"""Has an authority take a certificate back, as whoever holds its key: DIRECTORY CHAIN KEY (RFC 8555, 7.6)."""

import base64
import json
import ssl
import subprocess
import sys
import urllib.request

directory, chain, key = sys.argv[1:4]
context = ssl._create_unverified_context()


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def openssl(*args, data=None):
    return subprocess.run(["openssl", *args], input=data, check=True, capture_output=True).stdout


def whole(der):
    """The two numbers of a signature, 32 bytes each, out of their DER."""
    numbers, at = b"", 2
    for _ in range(2):
        size = der[at + 1]
        numbers += der[at + 2 : at + 2 + size].lstrip(b"\0").rjust(32, b"\0")
        at += 2 + size
    return numbers


urls = json.load(urllib.request.urlopen(directory, context=context))
nonce = urllib.request.urlopen(urllib.request.Request(urls["newNonce"], method="HEAD"), context=context).headers["Replay-Nonce"]
point = openssl("ec", "-in", key, "-pubout", "-outform", "DER")[-64:]
jwk = {"crv": "P-256", "kty": "EC", "x": b64(point[:32]), "y": b64(point[32:])}
head = b64(json.dumps({"alg": "ES256", "jwk": jwk, "nonce": nonce, "url": urls["revokeCert"]}).encode())
body = b64(json.dumps({"certificate": b64(openssl("x509", "-in", chain, "-outform", "DER")), "reason": 1}).encode())
signature = b64(whole(openssl("dgst", "-sha256", "-sign", key, data=f"{head}.{body}".encode())))
request = urllib.request.Request(
    urls["revokeCert"],
    json.dumps({"protected": head, "payload": body, "signature": signature}).encode(),
    {"Content-Type": "application/jose+json"},
)
assert urllib.request.urlopen(request, context=context).status == 200
