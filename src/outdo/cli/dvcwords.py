"""Words of DVC's behind a command: `metrics diff`, `plots show`."""


def sides_behind(words: tuple[str, ...]) -> tuple[str, ...]:
    """The sides that are meant by `show`, `diff`, `diff A` and `diff A B` too; a branch that is called so is
    `heads/diff`."""
    match words:
        case ("show", *rest):
            return tuple(rest)
        case ("diff", *rest):
            return tuple(rest) or ("HEAD",)
    return words


def plots_behind(words: tuple[str, ...], is_plot: bool) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The plots, and the sides, that are meant by `show PLOT…` and `diff REV…` too; not where there is a plot of that
    name."""
    match words:
        case ("show", *rest) if not is_plot:
            return tuple(rest), ()
        case ("diff", *rest) if not is_plot:
            return (), tuple(rest) or ("HEAD",)
    return words, ()
