"""The exception for mistakes that a user can correct."""


class UserError(Exception):
    """A mistake of the user, reported in one message without a traceback.

    The message names the key or file, its value, what is accepted, and a hint.
    """
