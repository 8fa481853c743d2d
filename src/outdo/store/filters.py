"""Filters and sorting of runs in SQL, with the answers that `core.query` gives over values."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, case, func, or_, select

from outdo.core.query import COMPARISONS, EXECUTED, Filter, Sort
from outdo.store.database import codes, metrics, params, runs, stage_runs


def condition(wanted: Filter) -> ColumnElement[bool]:
    """Whether a row of `runs` meets a filter."""
    match wanted.field:
        case "metrics":
            return _with_value(metrics, wanted, metrics.c.value, lambda: metrics.c.value == wanted.number)
        case "params":
            return _with_value(params, wanted, params.c.number, lambda: _same_param(wanted))
        case "stage":
            return _negated(wanted, runs.c.number.in_(_executed(wanted.text)))
        case "commit":
            begins = func.substr(codes.c.commit, 1, len(wanted.text)) == wanted.text
            known = select(codes.c.id).where(codes.c.commit.is_not(None), _negated(wanted, begins))
            return runs.c.code.in_(known)
        case "sweep":
            begins = func.substr(runs.c.sweep, 1, len(wanted.text)) == wanted.text
            ends = func.substr(runs.c.sweep, -len(wanted.text)) == wanted.text
            return and_(runs.c.sweep.is_not(None), _negated(wanted, or_(begins, ends)))
        case "dirty":
            return _negated(wanted, runs.c.dirty.is_(wanted.number == 1))
        case "number" | "seconds" | "started":
            return _compared(runs.c[wanted.field], wanted)
        case _:
            return _negated(wanted, runs.c[wanted.field] == wanted.text)


def arranged(query: Select[Any], sort: Sort) -> Select[Any]:
    """A query of `runs`, sorted."""
    value: ColumnElement[Any] = runs.c.number
    match sort.field:
        case "metrics":
            query, value = _with_extreme(query, metrics, metrics.c.value, sort)
        case "params":
            query, value = _with_extreme(query, params, params.c.number, sort)
        case _:
            value = runs.c[sort.field]
    lacking = case((value.is_(None), 1), else_=0)
    return query.order_by(
        lacking.asc(), value.desc() if sort.descending else value.asc(), runs.c.number.desc()
    )


def _with_value(
    table: Table, wanted: Filter, number: ColumnElement[float], same: Callable[[], ColumnElement[bool]]
) -> ColumnElement[bool]:
    having = _rows(table, wanted.name)
    match wanted.operator:
        case "=":
            return runs.c.number.in_(having.where(same()))
        case "!=":
            present = having.where(number.is_not(None)) if table is metrics else having
            return and_(runs.c.number.in_(present), runs.c.number.not_in(having.where(same())))
        case _:
            return runs.c.number.in_(having.where(_compared(number, wanted)))


def _rows(table: Table, name: str) -> Select[Any]:
    """The runs that have a metric or param of this name, theirs or that of the run they took it over from."""
    splits = [place for place, character in enumerate(name) if character == ":"]
    of_stage = [
        and_(stage_runs.c.stage == name[:place], table.c.name == name[place + 1 :]) for place in splits
    ]
    joined = stage_runs.join(
        table, and_(table.c.run == stage_runs.c.source, table.c.stage == stage_runs.c.stage)
    )
    return select(stage_runs.c.run).select_from(joined).where(or_(table.c.name == name, *of_stage))


def _with_extreme(
    query: Select[Any], table: Table, number: ColumnElement[float], sort: Sort
) -> tuple[Select[Any], ColumnElement[Any]]:
    """The query with each run's largest or smallest value, and the column it stands in."""
    extreme = (func.max if sort.descending else func.min)(number).label("extreme")
    best = _rows(table, sort.name).add_columns(extreme).group_by(stage_runs.c.run).subquery()
    return query.outerjoin(best, best.c.run == runs.c.number), best.c.extreme


def _same_param(wanted: Filter) -> ColumnElement[bool]:
    same = params.c.text == wanted.text
    return same if wanted.number is None else or_(params.c.number == wanted.number, same)


def _executed(name: str) -> Select[Any]:
    group = f"{name}@"
    named = or_(stage_runs.c.stage == name, func.substr(stage_runs.c.stage, 1, len(group)) == group)
    return select(stage_runs.c.run).where(stage_runs.c.status.in_(EXECUTED), named)


def _negated(wanted: Filter, met: ColumnElement[bool]) -> ColumnElement[bool]:
    return ~met if wanted.operator == "!=" else met


def _compared(value: ColumnElement[float], wanted: Filter) -> ColumnElement[bool]:
    met: ColumnElement[bool] = COMPARISONS[wanted.operator](value, wanted.number)
    return met
