"""The version of this Outdo, alone in a file so that nobody inside has to import the front door for it."""

VERSION = "0.1.0"
