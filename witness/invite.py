"""What a guest shows of an invite, and what it reads with it: sections 14 and 19."""

from .ids import mac


def tag(secret, mid, dev, epk, npk):
    return mac(secret, b"invite", mid, dev, epk, npk)


def title_key(secret, mid):
    return mac(secret, b"title", mid)
