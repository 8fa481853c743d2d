"""The metrics that gates speak of."""

from collections.abc import Mapping

from outdo.core.model import Aim
from outdo.core.ranking import guess
from outdo.core.rules import Beats, MetricGate, Slices, SureBound
from outdo.core.sections import Model


def aims(models: Mapping[str, Model]) -> dict[str, Aim]:
    """The metrics that the gates of models speak of, in their order, and which way each is better."""
    found: dict[str, Aim] = {}
    for model in models.values():
        for gate in model.gates:
            match gate:
                case MetricGate(bounds=bounds):
                    for name, told in bounds.items():
                        bound = told.bound if isinstance(told, SureBound) else told
                        found.setdefault(name, "low" if bound.op.startswith("<") else "high")
                case Beats(champion=name):
                    found.setdefault(name, guess(name))
                case Slices(metric=name, at_most=most):
                    found.setdefault(name, guess(name) if most is None else "low")
                case _:
                    pass
    return found
