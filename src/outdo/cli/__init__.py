"""The command line: parse words, call one verb of `app`, show one value."""
