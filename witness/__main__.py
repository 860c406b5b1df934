"""`python3 -m witness DIR...`: checks vectors, or a recorded demo."""

import sys

from . import vectors


def main(folders):
    if not folders:
        print("usage: python3 -m witness DIR...   (vectors/, or a recorded demo)")
        return 2
    return 0 if all([vectors.run(folder) for folder in folders]) else 1


sys.exit(main(sys.argv[1:]))
