"""Refusals: errors that are the caller's, and say so.

Every message is one sentence: who: what came; what is wanted; how to mend it.
"""


class Refused(ValueError):
    """What was asked for cannot be done."""


class RefusedType(Refused, TypeError):
    """What came is of a kind that cannot be used at all."""
