"""The errors a user can cause, and act on."""


class FairtollError(ValueError):
    """An error of use: the message says what was given, what was expected and what to do.

    The command line prints it as one line and exits with status 2.

    Examples
    --------
    >>> from fairtoll.errors import FairtollError
    >>> raise FairtollError("epsilon is -1; expected 0 or more; give a radius in the data's units")
    Traceback (most recent call last):
    fairtoll.errors.FairtollError: epsilon is -1; expected 0 or more; give a radius in the data's units
    """


class FairtollWarning(UserWarning):
    """Something in the input looks wrong, and the result should be read with that in mind."""
