"""Why a client's call is not carried out; nothing was changed then. The protocol puts it in its own words and codes."""


class Refusal(Exception):
    """A call that can't be carried out as it is; its text is for the person who made it."""

    @property
    def message(self) -> str:
        return str(self.args[0])


class Unknown(Refusal):
    """Something that was named is not there."""


class NotYet(Unknown):
    """Something that was named is not all there, and may be in a moment."""


class NameTaken(Refusal):
    """Another one has the name already."""


class BadState(Refusal):
    """What was named is there, but deleted, or finished."""


class Invalid(Refusal):
    """A value that can't be: too long, of another kind, or against what was said before."""


class Forbidden(Refusal):
    """Who calls may not do this."""


class NotSignedIn(Refusal):
    """Who calls has to sign in first, or what they signed in with does not hold."""


class TooOften(Refusal):
    """So many attempts to sign in failed that the next has to wait."""

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.seconds = seconds
