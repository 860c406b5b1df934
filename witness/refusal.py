"""A rule that forbids."""


class Refusal(Exception):
    """A rule forbids the transaction; the text is the name of the rule."""


def require(held, rule):
    if not held:
        raise Refusal(rule)
