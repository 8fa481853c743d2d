"""Who is at the command line."""

import os
import pwd


def user() -> str:
    """The name of the account that this process runs under; its number where it has none."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
