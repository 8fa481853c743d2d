"""What holds for all tests."""

import signal

# A shell has what it starts in the background ignore Ctrl-C, and children inherit that: the commands under test would
# never hear of the Ctrl-C that they are sent.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
