"""A report as one HTML page that needs nothing else: no network, no file beside it."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape

from outdo.core.chart import Chart
from outdo.core.chartpage import SCRIPT, STYLE, TIP, document, section
from outdo.core.chartstyle import style
from outdo.core.holdout import used
from outdo.core.lettering import INKS, colour
from outdo.core.looks import Hue
from outdo.core.report.told import MARKS, WORDS, Judged, Report, State, families, sentence, state
from outdo.core.sketch import visible
from outdo.core.verdict import Evidence, Verdict

_PARTS = 200
_HUES: Mapping[State, Hue] = {
    "failed": "red",
    "inconclusive": "orange",
    "not_evaluated": "grey",
    "warned": "orange",
    "passed": "green",
}

_STYLE = STYLE + "".join(
    [
        "main{align-items:start}",
        "h1{display:flex;gap:12px;align-items:baseline;flex-wrap:wrap}",
        "h2{display:flex;gap:10px;align-items:baseline;flex-wrap:wrap;font-size:16px;margin:34px 0 10px;",
        "overflow-wrap:anywhere}",
        f"h2 small{{font-weight:400;font-size:12px;{colour('color', '#59606b', '#9aa4b2')}}}",
        f".card{{border-radius:10px;overflow:hidden;{colour('background', '#fff', '#0d1117')};border:1px solid;",
        f"{colour('border-color', '#d5dae0', '#2a313a')};margin-bottom:18px}}",
        "table{border-collapse:collapse;width:100%;font-size:13px}",
        "td{padding:8px 12px;vertical-align:top;text-align:left;overflow-wrap:anywhere}",
        f"tr+tr td{{border-top:1px solid;{colour('border-color', '#e4e7eb', '#22272e')}}}",
        "td:first-child{width:1%;white-space:nowrap}td:nth-child(2){width:32%;font-weight:500}",
        "td.num{width:1%;white-space:nowrap;text-align:right;font-variant-numeric:tabular-nums;",
        f"{colour('color', '#59606b', '#9aa4b2')}}}",
        ".tag{display:inline-block;border-radius:99px;padding:1px 9px;font-size:12px;font-weight:600;",
        "white-space:nowrap}",
        *(
            f".{each}{{{colour('color', ink, dark)};{colour('background', ground, night)}}}"
            for each, hue in _HUES.items()
            for ink, ground, dark, night in [INKS[hue]]
        ),
        f"details{{margin-top:4px;font-size:12px;{colour('color', '#59606b', '#9aa4b2')}}}",
        "summary{cursor:pointer}ul{margin:6px 0 2px;padding-left:18px}li{margin:2px 0}",
        "@media(max-width:640px){td{display:block;padding:3px 12px;width:auto!important}td.num{text-align:left}",
        "tr{display:block;padding:7px 0}tr+tr td{border-top:0}",
        f"tr+tr{{border-top:1px solid;{colour('border-color', '#e4e7eb', '#22272e')}}}}}",
    ]
)


def report_page(report: Report, charts: Mapping[str, Sequence[Chart]], told: str) -> str:
    """The whole file; `charts` are those of each path and model by its name, `told` is the line below the title."""
    verdicts = [verdict for _, verdict in report.verdicts()]
    name = report.project or "outdo check"
    body = [
        f"<h1>{_text(name)} {_tag('passed' if report.good else 'failed', sentence(verdicts))}</h1>",
        f"<p>{_text(told)}</p>",
        *(line for one in report.judged for line in _judged(one, charts.get(one.name, ()))),
        TIP,
    ]
    return document(f"{name}: {sentence(verdicts)}", _STYLE + style("both"), "\n".join(body), SCRIPT)


def _judged(one: Judged, charts: Sequence[Chart]) -> Iterator[str]:
    beside = [f"against {one.champion}"] if one.champion else []
    beside += [used(one.models)] if one.models > 1 else []
    beside.append("as judged before" if one.kept else f"{one.seconds:.1f} s")
    tag, small = _tag(one.outcome, MARKS[one.outcome]), _text(" · ".join(beside))
    yield f"<h2>{tag} {_text(one.name)} <small>{small}</small></h2>"
    yield '<div class="card"><table>'
    yield from map(_row, one.verdicts)
    yield "</table></div>"
    if charts:
        yield "<main>"
        yield from map(section, charts)
        yield "</main>"


def _row(verdict: Verdict) -> str:
    now = state(verdict)
    cells = [
        f"<td>{_tag(now, f'{MARKS[now]} {WORDS[now]}')}</td>",
        f"<td>{_text(verdict.name)}</td>",
        f"<td>{_text(verdict.reason)}{_details(verdict)}</td>",
        f'<td class="num">{_numbers(verdict.evidence)}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _numbers(found: Evidence) -> str:
    """The estimate with its interval, where there is one."""
    if found.value is None or found.low is None or found.high is None:
        return ""
    return f"{found.value:.4g} ({found.low:.4g} to {found.high:.4g})".replace("-", "−")


def _details(verdict: Verdict) -> str:
    """What a verdict stands on, folded."""
    lines = [*_evidence(verdict.evidence), *verdict.evidence.examples]
    parts = [part for family in families(verdict) for part in family]
    lines += [f"{MARKS[state(part)]} {part.subject or part.name}: {part.reason}" for part in parts[:_PARTS]]
    if (more := len(parts) - _PARTS) > 0:
        lines.append(f"and {more:,} more")
    if not lines:
        return ""
    summary = f"{len(parts)} parts" if parts else "rows" if verdict.evidence.examples else "numbers"
    items = "".join(f"<li>{_text(line)}</li>" for line in lines)
    return f"<details><summary>{summary}</summary><ul>{items}</ul></details>"


def _evidence(found: Evidence) -> Iterator[str]:
    if found.challenger is not None and found.champion is not None:
        yield f"{found.challenger:.6g} against {found.champion:.6g} of {found.compared or 'the champion'}"
    if found.method and found.confidence is not None:
        yield f"{found.method}, each bound with {found.confidence * 100:g} %"
    if found.p is not None:
        corrected = f", {found.corrected:.3g} corrected" if found.corrected is not None else ""
        yield f"p {found.p:.3g}{corrected}" + (f" ({found.correction})" if found.correction else "")
    if found.detectable is not None:
        yield f"these rows would have shown {found.detectable:.4g}"


def _tag(kind: State, text: str) -> str:
    return f'<span class="tag {kind}">{_text(text)}</span>'


def _text(text: str) -> str:
    return escape(visible(text))
