"""The canonical encoding, driven by the layouts of docs/protocol.md, section 19."""

import re
import unicodedata
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "protocol.md"

CUT, TRAILING, LENGTH, TAG, INVALID = "ctlgi"


class Refused(Exception):
    """Bytes that are not canonical; `kind` is the class of section 19."""

    def __init__(self, kind, why):
        super().__init__(why)
        self.kind = kind


def load(document=DOCUMENT):
    """The layouts of the document: type name to parsed form."""
    text = Path(document).read_text(encoding="utf-8")
    block = re.search(r"^```layout\n(.*?)^```", text, re.S | re.M).group(1)
    types = {}
    for line in block.splitlines():
        line = line.split("#")[0].strip()
        if not line:
            continue
        names, form = line.split("=", 1)
        form = Parser(form).whole()
        for name in names.split(","):
            name = name.strip()
            if name in types:
                raise ValueError(f"{name} is laid out twice")
            types[name] = form
    return types


class Parser:
    """Reads one layout."""

    def __init__(self, text):
        self.words = re.findall(r"\w+|[^\s\w]", text)

    def whole(self):
        form = self.form()
        if self.words:
            raise ValueError(f"layout goes on: {self.words}")
        return form

    def take(self, wanted=None):
        word = self.words.pop(0)
        if wanted is not None and word != wanted:
            raise ValueError(f"{wanted} expected, not {word}")
        return word

    def number(self):
        return int(self.take(), 0)

    def form(self):
        word = self.words[0]
        if word == "{":
            return ("struct", self.fields("{", "}"))
        self.take()
        if word == "enum":
            return self.enum()
        if word == "bytes":
            self.take("[")
            size = self.number()
            self.take("]")
            return ("bytes", size)
        if word in ("blob", "text", "bitmap", "flags"):
            self.take("<")
            bound = self.number()
            self.take(">")
            return (word, bound)
        if word in ("list", "set"):
            self.take("<")
            item = self.form()
            self.take(",")
            bound = self.number()
            self.take(">")
            return (word, item, bound)
        if word == "opt":
            self.take("<")
            item = self.form()
            self.take(">")
            return ("opt", item)
        if word == "const":
            return ("const", self.number())
        if word in ("u8", "u16", "u32", "u64"):
            return ("int", int(word[1:]) // 8)
        return ("bool",) if word == "bool" else ("type", word)

    def fields(self, start, end):
        self.take(start)
        fields = []
        while self.words[0] != end:
            name = self.take()
            fields.append((name, self.form()))
            if self.words[0] == ",":
                self.take()
        self.take(end)
        return fields

    def enum(self):
        self.take("{")
        tags = {}
        while self.words[0] != "}":
            tag = None if self.words[0] == "else" and self.take() else self.number()
            name = self.take()
            fields = self.fields("(", ")") if self.words[0] == "(" else []
            tags[tag] = (name, fields)
            if self.words[0] == ",":
                self.take()
        self.take("}")
        return ("enum", tags)


TYPES = load()


class Reader:
    """Bytes and how far they were read."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, size):
        if len(self.data) - self.at < size:
            raise Refused(CUT, "bytes end early")
        self.at += size
        return self.data[self.at - size : self.at]

    def integer(self, size):
        return int.from_bytes(self.take(size), "big")

    def count(self, bound, size=2):
        count = self.integer(size)
        if count > bound:
            raise Refused(LENGTH, f"{count} is over {bound}")
        return count


def decode(name, data):
    """The value of type `name` that is exactly these bytes: structs are dicts, enums (name, dict)."""
    if name in LIMITS and len(data) > LIMITS[name]:
        raise Refused(LENGTH, f"{len(data)} bytes are too many")
    reader = Reader(data)
    value = read(("type", name), reader)
    if reader.at != len(data):
        raise Refused(TRAILING, "bytes after the end")
    return value


def encode(name, value):
    """The canonical bytes of a value of type `name`."""
    return write(("type", name), value)


LIMITS = {"Tx": 4096, "PeerMessage": 262144}


def read(form, reader):
    """One value of this layout."""
    kind = form[0]
    if kind == "type":
        return SPECIAL[form[1]][0](reader) if form[1] in SPECIAL else read(TYPES[form[1]], reader)
    if kind == "struct":
        value = {}
        for name, field in form[1]:
            if field == ("type", "Body"):
                field = ("type", value["kind"][0])
            value[name] = read(field, reader)
        return value
    if kind == "enum":
        tag = reader.integer(1)
        if tag not in form[1] and None not in form[1]:
            raise Refused(TAG, f"unknown tag {tag}")
        name, fields = form[1].get(tag) or form[1][None]
        if name == "reserved":
            raise Refused(INVALID, f"tag {tag} is reserved")
        return (name, read(("struct", fields), reader))
    if kind == "int":
        return reader.integer(form[1])
    if kind == "bytes":
        return reader.take(form[1])
    if kind == "blob":
        return reader.take(reader.count(form[1]))
    if kind == "text":
        return checked_text(reader.take(reader.count(form[1])))
    if kind == "bitmap":
        return checked_bitmap(reader.take(reader.count(form[1])))
    if kind == "flags":
        flags = reader.integer(1)
        if flags & ~form[1]:
            raise Refused(INVALID, "unknown flag")
        return flags
    if kind in ("list", "set"):
        items = [read(form[1], reader) for _ in range(reader.count(form[2]))]
        if kind == "set":
            forms = [write(form[1], item) for item in items]
            if any(a >= b for a, b in zip(forms, forms[1:])):
                raise Refused(INVALID, "set does not ascend")
        return items
    if kind in ("opt", "bool"):
        there = reader.integer(1)
        if there > 1:
            raise Refused(TAG, "neither 0 nor 1")
        if kind == "bool":
            return there == 1
        return read(form[1], reader) if there else None
    if kind == "const":
        if reader.integer(1) != form[1]:
            raise Refused(INVALID, "unknown version")
        return form[1]
    raise ValueError(form)


def write(form, value):
    """The bytes of one value of this layout."""
    kind = form[0]
    if kind == "type":
        return SPECIAL[form[1]][1](value) if form[1] in SPECIAL else write(TYPES[form[1]], value)
    if kind == "struct":
        body = ("type", value["kind"][0]) if "kind" in value and "body" in value else None
        return b"".join(
            write(body if field == ("type", "Body") else field, value[name])
            for name, field in form[1]
        )
    if kind == "enum":
        tag, fields = next(
            (tag, fields) for tag, (name, fields) in form[1].items() if name == value[0]
        )
        return bytes([tag]) + write(("struct", fields), value[1])
    if kind == "int":
        return value.to_bytes(form[1], "big")
    if kind == "bytes":
        if len(value) != form[1]:
            raise ValueError(f"{len(value)} bytes, not {form[1]}")
        return value
    if kind == "blob":
        return len(value).to_bytes(2, "big") + value
    if kind == "text":
        return write(("blob", form[1]), value.encode())
    if kind == "bitmap":
        return write(("blob", form[1]), bitmap(value))
    if kind in ("list", "set"):
        items = [write(form[1], item) for item in value]
        return len(items).to_bytes(2, "big") + b"".join(items)
    if kind == "opt":
        return b"\0" if value is None else b"\1" + write(form[1], value)
    if kind in ("bool", "const", "flags"):
        return bytes([value])
    raise ValueError(form)


def checked_text(data):
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise Refused(INVALID, "not UTF-8") from None
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise Refused(INVALID, "control character")
    if unicodedata.normalize("NFC", text) != text:
        raise Refused(INVALID, "not in normal form C")
    return text


def checked_bitmap(data):
    if data.endswith(b"\0"):
        raise Refused(INVALID, "trailing zero byte")
    return {8 * place + bit for place, byte in enumerate(data) for bit in range(8) if byte >> bit & 1}


def bitmap(indexes):
    data = bytearray(max(indexes) // 8 + 1) if indexes else bytearray()
    for index in indexes:
        data[index // 8] |= 1 << index % 8
    return bytes(data)


def read_signatures(reader):
    """A u8 count, then signatures whose roles ascend strictly."""
    sigs = []
    for _ in range(reader.count(3, size=1)):
        sig = read(TYPES["RoleSignature"], reader)
        if sigs and encode("Role", sigs[-1]["role"]) >= encode("Role", sig["role"]):
            raise Refused(INVALID, "roles do not ascend")
        sigs.append(sig)
    return sigs


def write_signatures(sigs):
    return bytes([len(sigs)]) + b"".join(write(TYPES["RoleSignature"], sig) for sig in sigs)


SPECIAL = {"Signatures": (read_signatures, write_signatures)}
