"""How often rows were used to decide between models, and what that does to what they say."""

from outdo.core.verdict import Evidence, Verdict

MANY = 20
"""Models from which the rows are worn: at a confidence of 95 %, one in so many that are no better passes by chance."""


def used(models: int) -> str:
    """Such as `12 models judged on these rows`."""
    return f"{models} models judged on these rows"


def worn(models: int) -> tuple[Verdict, ...]:
    """A warning where rows have decided on so many models that the best of them is in part the luckiest; else none.

    What is tried again and again on the same rows comes to fit them (Dwork et al. 2015, "The reusable holdout"; Blum
    and Hardt 2015, "The ladder"), and no correction within one judgement sees that.
    """
    if models < MANY:
        return ()
    reason = f"{used(models)}: of {MANY} that are no better one passes by chance; judge the next on new rows"
    evidence = Evidence(value=float(models), bound=f"< {MANY}")
    return (Verdict("holdout", "inconclusive", reason, evidence, level="warn"),)
