"""The records of both ledgers by the canonical bytes of their names."""

from .codec import encode
from .ids import sha256


class State:
    """What is written, and what one transaction adds until it is accepted."""

    def __init__(self):
        self.records = {}
        self.draft = {}

    def get(self, key):
        """The fields of the record under `key`, or None."""
        name = encode("Key", key)
        record = self.draft[name] if name in self.draft else self.records.get(name)
        return None if record is None else record[1]

    def put(self, key, record):
        self.draft[encode("Key", key)] = record

    def remove(self, key):
        self.draft[encode("Key", key)] = None

    def accept(self):
        for name, record in self.draft.items():
            if record is None:
                self.records.pop(name, None)
            else:
                self.records[name] = record
        self.draft = {}

    def refuse(self):
        self.draft = {}

    def digest(self):
        """The digest of section 20."""
        parts = [b"CONCLAVE-V1/script"]
        for name in sorted(self.records):
            for data in (name, encode("Record", self.records[name])):
                parts += [len(data).to_bytes(2, "big"), data]
        return sha256(*parts)
