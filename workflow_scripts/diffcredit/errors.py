"""The one exception for mistakes that a user can mend."""


class UserError(Exception):
    """A mistake of the user's, told in one message without a traceback.

    The message names the key or file, its value, what is accepted, and a hint.
    """
