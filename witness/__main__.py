"""`python3 -m witness DIR...`: checks vectors, or a recorded demo."""

import sys

from . import recording, vectors


def main(words):
    folders = [word for word in words if word != "--json"]
    if not folders:
        print("usage: python3 -m witness [--json] DIR...   (vectors/, or a recorded demo)")
        return 2
    as_json = len(folders) < len(words)
    return 0 if all([run(folder, as_json) for folder in folders]) else 1


def run(folder, as_json):
    if recording.is_one(folder):
        return recording.run(folder, as_json)
    return vectors.run(folder)


sys.exit(main(sys.argv[1:]))
