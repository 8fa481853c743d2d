"""A model trained again from what is on record, in a work tree of its own, for its gate `reproducible`."""

from outdo.app.project import Project
from outdo.app.reproduce.verb import Asked, prepared
from outdo.core.errors import UserError
from outdo.core.modelgates import Reproducible
from outdo.core.remade import TITLE, judged_again
from outdo.core.reproduction import Tolerance
from outdo.core.verdict import Verdict


def made_again(project: Project, name: str, gate: Reproducible) -> Verdict:
    """The verdict on the model in the workspace: the run that made it is made again, as `outdo reproduce` does. What
    can't be, for want of a commit or of data, was not evaluated."""
    asked = Asked(f"model:{name}", tolerance=Tolerance(gate.within), command=("outdo", "check", name))
    try:
        with prepared(project, asked, lambda _: None) as ready:
            ready.run.execute()
            found = ready.report()
    except UserError as error:
        return Verdict(TITLE, "not_evaluated", error.what)
    model = next((one for one in found.outputs if one.role == "model"), None)
    return judged_again(gate, model, found.failures, f"run {found.run}" if found.run else found.name)
