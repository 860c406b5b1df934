"""A rule that forbids."""


class Refusal(Exception):
    """A rule forbids the transaction; the text is the name of the rule."""


def require(held, rule):
    if not held:
        raise Refusal(rule)


def sound(verdict):
    """Keys that are not good have a verdict of section 19."""
    require(verdict == "good", f"Weak({verdict})")
