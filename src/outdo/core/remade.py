"""A model that was trained again, beside the one on record, to a verdict."""

from collections.abc import Mapping

from outdo.core.model import StageName
from outdo.core.modelgates import Reproducible
from outdo.core.reproduction import Judged
from outdo.core.verdict import Evidence, Outcome, Verdict

TITLE = "reproducible"
_OUTCOMES: Mapping[str, Outcome] = {"identical": "passed", "within": "passed", "differs": "failed"}


def judged_again(
    gate: Reproducible, model: Judged | None, failures: Mapping[StageName, str], run: str
) -> Verdict:
    """The verdict on the model's output: the same bytes, or predictions that differ by no more than is tolerated."""
    evidence = Evidence(bound=f"<= {gate.within:g}", compared=run)
    if failures:
        [name, *_] = failures
        return Verdict(TITLE, "failed", f"stage '{name}' failed when made again: {failures[name]}", evidence)
    if model is None or model.verdict == "missing":
        return Verdict(TITLE, "not_evaluated", "the model was not made again", evidence)
    if model.scores is not None:
        evidence = Evidence(
            value=model.scores.largest, bound=f"<= {gate.within:g}", rows=model.scores.rows,
            unexpected=model.scores.differ, compared=run,
        )  # fmt: skip
    how = {"identical": "its bytes are the same", "within": f"it is near enough: {model.how}"}
    told = how.get(model.verdict, f"it differs: {model.how}")
    return Verdict(TITLE, _OUTCOMES[model.verdict], f"trained again, {told}", evidence)
