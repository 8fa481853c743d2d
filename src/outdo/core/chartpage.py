"""Figures and pictures as one page that needs nothing else: no network, no file beside it."""

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from posixpath import splitext

from outdo.core.chart import Axes, Chart, chart, inline
from outdo.core.chartstyle import style
from outdo.core.figure import Drawn, Figure, Lost, Pictures
from outdo.core.lettering import FACE, colour
from outdo.core.plotdata import IMAGES
from outdo.core.sketch import visible

STYLE = "".join(
    [
        ":root{color-scheme:light dark}",
        f"body{{margin:0;padding:28px clamp(16px,4vw,48px);{FACE};",
        f"{colour('background', '#f6f8fa', '#010409')};{colour('color', '#1c2128', '#e6edf3')}}}",
        "h1{font-size:20px;font-weight:600;margin:0}",
        f"p{{margin:4px 0 20px;font-size:13px;{colour('color', '#59606b', '#9aa4b2')}}}",
        "main{display:grid;gap:18px;grid-template-columns:repeat(auto-fill,minmax(min(100%,520px),1fr))}",
        f"section{{border-radius:10px;padding:10px 12px 12px;min-width:0;{colour('background', '#fff', '#0d1117')};",
        f"border:1px solid;{colour('border-color', '#d5dae0', '#2a313a')}}}",
        "section.wide{grid-column:1/-1}section.lost{align-self:start}",
        "section svg{display:block;height:auto;max-width:760px;margin:auto}",
        "section p{margin:6px 8px 0;font-size:12px}",
        "h2{font-size:15px;font-weight:600;margin:6px 8px 10px}",
        ".side{display:grid;gap:14px;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr))}",
        "figure{margin:0}figcaption{font-size:12px;margin:0 8px 6px}",
        "figure img{max-width:100%;border-radius:6px;background:#fff}",
        "#tip{position:fixed;pointer-events:none;display:none;padding:6px 9px;border-radius:6px;font-size:12px;",
        f"white-space:pre;{colour('background', '#1c2128', '#e6edf3')};{colour('color', '#fff', '#0d1117')}}}",
        "@media print{section{break-inside:avoid}}",
    ]
)

SCRIPT = """
const tip = document.getElementById("tip");
const parts = svg => svg.parts ??= [...svg.querySelectorAll("path[data-x]")].map(path => ({
  name: path.dataset.n, dots: path.classList.contains("oc-dots"),
  x: path.dataset.x.split(" "), y: path.dataset.y.split(" "),
  at: path.getAttribute("d").match(/-?[\\d.]+ -?[\\d.]+/g)?.map(pair => pair.split(" ").map(Number)) ?? []}));
addEventListener("pointermove", event => {
  const svg = event.target.closest?.("svg.oc");
  const found = [];
  if (svg && parts(svg).length) {
    const matrix = svg.getScreenCTM().inverse();
    const here = new DOMPoint(event.clientX, event.clientY).matrixTransform(matrix);
    for (const part of parts(svg)) {
      let best = -1, least = part.dots ? 144 : 900;
      part.at.forEach(([x, y], i) => {
        const far = part.dots ? (x - here.x) ** 2 + (y - here.y) ** 2 : (x - here.x) ** 2;
        if (far < least) { least = far; best = i; }
      });
      if (best >= 0) found.push([least, part, best]);
    }
    if (found.length && found[0][1].dots) found.sort((a, b) => a[0] - b[0]).splice(1);
  }
  tip.style.display = found.length ? "block" : "none";
  if (!found.length) return;
  const xs = new Set(found.map(([, part, i]) => part.x[i]));
  tip.textContent = found.length > 1 && xs.size === 1
    ? [[...xs][0], ...found.map(([, part, i]) => part.name + ": " + part.y[i])].join("\\n")
    : found.map(([, part, i]) => (part.name ? part.name + ": " : "") + part.x[i] + ", " + part.y[i]).join("\\n");
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.min(event.clientX + 14, innerWidth - box.width - 8) + "px";
  tip.style.top = Math.max(8, event.clientY - box.height - 12) + "px";
});
"""
TIP = '<div id="tip" role="status"></div>'
"""Where the script tells the values under a pointer."""


def document(title: str, style: str, body: str, script: str = "") -> str:
    """A whole HTML file that loads nothing: no style and no script but these run in it, whatever else is written."""
    scripts = _digest(script) if script else "'none'"
    own = f"style-src {_digest(style)}; script-src {scripts}"
    policy = f"default-src 'none'; img-src data:; {own}; base-uri 'none'; form-action 'none'"
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            f"<title>{escape(visible(title))}</title>",
            f"<style>{style}</style>",
            body,
            f"<script>{script}</script>" if script else "",
            "</html>",
            "",
        ]
    )


def _digest(text: str) -> str:
    """What a policy names a style or script by."""
    return f"'sha256-{b64encode(sha256(text.encode()).digest()).decode()}'"


def page(title: str, told: str, drawn: Sequence[Drawn], axes: Axes = Axes()) -> str:  # noqa: B008
    """A whole HTML file with these plots, in the order given; `told` is the line below its title."""
    body = [
        f"<h1>{escape(visible(title))}</h1>",
        f"<p>{escape(visible(told))}</p>",
        "<main>",
        *(_section(one, axes) for one in drawn),
        "</main>",
        TIP,
    ]
    return document(title, STYLE + style("both"), "\n".join(body), SCRIPT)


def section(made: Chart) -> str:
    """A chart with what had to be left out of it."""
    return f"<section>{inline(made)}{_notes(made.notes)}</section>"


def _section(drawn: Drawn, axes: Axes) -> str:
    match drawn:
        case Figure():
            return section(chart(drawn, axes))
        case Pictures():
            kind = ' class="wide"' if len(drawn.images) > 1 else ""
            shown = "".join(_picture(drawn.id, one.side, one.content) for one in drawn.images)
            return f'<section{kind}>{_heading(drawn.title)}<div class="side">{shown}</div></section>'
        case Lost():
            return f'<section class="lost">{_heading(drawn.id)}{_notes([drawn.why])}</section>'


def _picture(path: str, side: str, content: bytes) -> str:
    kind = IMAGES[splitext(path)[1].lower()]
    words = escape(visible(side))
    source = f"data:{kind};base64,{b64encode(content).decode()}"
    return f'<figure><figcaption>{words}</figcaption><img alt="{words}" src="{source}"></figure>'


def _heading(text: str) -> str:
    return f"<h2>{escape(visible(text))}</h2>"


def _notes(notes: Sequence[str]) -> str:
    return "".join(f"<p>{escape(visible(note))}</p>" for note in notes)
