"""The error of a person's input."""


class InputError(ValueError):
    """What a person handed in cannot be used.

    The message is one sentence for that person: what was expected, what came
    and the remedy. The commands print it without a traceback.
    """
