"""Words for the names of runs that were given none."""

ADJECTIVES = (
    *(
        "amber",
        "brave",
        "bright",
        "brisk",
        "calm",
        "clear",
        "clever",
        "crisp",
        "eager",
        "fair",
        "fresh",
        "gentle",
    ),
    *(
        "golden",
        "happy",
        "honest",
        "keen",
        "kind",
        "lively",
        "lucid",
        "merry",
        "mild",
        "neat",
        "nimble",
        "noble",
    ),
    *(
        "patient",
        "proud",
        "quick",
        "quiet",
        "rapid",
        "serene",
        "silver",
        "smooth",
        "steady",
        "swift",
        "vivid",
        "witty",
    ),
)

NOUNS = (
    *("badger", "bear", "beaver", "bison", "crane", "deer", "dove", "eagle", "elk", "falcon", "finch", "fox"),
    *("goose", "hare", "hawk", "heron", "ibis", "jay", "lark", "lynx", "marten", "moose", "newt", "otter"),
    *("owl", "perch", "raven", "robin", "seal", "shrew", "stork", "swan", "trout", "vole", "wolf", "wren"),
)
