# Whether this Python is one that the app asks for: prints "FILE VERSION" of what asks, which may be nothing, then its own
# version, then all that sets it apart from others, a line each; exits 1 where it does not fit.
# Run by any Python of the machine, from 3.4 on, with nothing but its own library.
import re
import sys

HERE = sys.version_info[:3]


def read(name):
    try:
        with open(name, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return None


def pinned():
    """The first file that names one version."""
    for name in (".python-version", "runtime.txt"):
        text = read(name)
        if text is not None:
            if text.split()[:1] == ["system"]:
                continue
            found = re.search(r"^\s*(?:python-)?(\d[\d.]*)", text, re.M)
            return name, found.group(1) if found else ""
    return None


def required():
    """The range that pyproject.toml allows; poetry has a word of its own for it."""
    text = read("pyproject.toml") or ""
    poetry = re.search(r"^\[tool\.poetry\.dependencies\]\s*$(.*?)(?=^\[|\Z)", text, re.M | re.S)
    places = [(r"^requires-python\s*=\s*[\"']([^\"']*)", text), (r"^python\s*=\s*[\"']([^\"']*)", poetry and poetry.group(1))]
    for pattern, where in places:
        found = re.search(pattern, where or "", re.M)
        if found and found.group(1).strip():
            return "pyproject.toml", found.group(1).strip()
    return None


# Of an exact version the first two numbers count: a newer patch has fewer holes.
RULES = {
    ">=": lambda n: HERE >= n,
    ">": lambda n: HERE[: len(n)] > n,
    "<": lambda n: HERE < n,
    "<=": lambda n: HERE[: len(n)] <= n,
    "==": lambda n: HERE[: len(n[:2])] == n[:2],
    "!=": lambda n: HERE[: len(n)] != n,
    "~=": lambda n: HERE >= n and HERE[: len(n) - 1] == n[:-1],
    "^": lambda n: HERE >= n and HERE[0] == n[0],
    "~": lambda n: HERE >= n and HERE[:2] == n[:2],
}


def one(text):
    found = re.match(r"^(>=|<=|===?|!=|~=|[<>^~])?\s*v?(\d+(?:\.\d+)*)(?:\.\*)?$", text.strip())
    if not found:
        return text.strip() in ("", "*")
    rule = RULES[(found.group(1) or "==").replace("===", "==")]
    return rule(tuple(int(number) for number in found.group(2).split(".")))


def fits(text):
    return any(all(one(each) for each in part.split(",")) for part in text.split("||"))


said = [asked for asked in (pinned(), required()) if asked]
bad = [asked for asked in said if not asked[1] or not fits(asked[1])]
print(*(bad[:1] or said[:1] or [""])[0])
print(sys.version.split()[0])
print(" ".join(sys.version.split()), sys.implementation.name)
sys.exit(1 if bad else 0)
