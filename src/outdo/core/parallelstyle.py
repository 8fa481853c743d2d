"""The look of the page of parallel axes, and what it does under a mouse."""

STYLE = """
:root{color-scheme:light dark;--ground:light-dark(#f6f8fa,#010409);--card:light-dark(#fff,#0d1117);
--ink:light-dark(#1c2128,#e6edf3);--dim:light-dark(#59606b,#9aa4b2);--rule:light-dark(#d5dae0,#2a313a);
--axis:light-dark(#8b949e,#6b7480);--cold:light-dark(#3f51c5,#7f8cff);--hot:light-dark(#e8590c,#ffb14a)}
body{margin:0;padding:28px clamp(16px,4vw,48px);background:var(--ground);color:var(--ink);
font-family:Inter,system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;font-size:13px}
h1{font-size:20px;font-weight:600;margin:0}
p{margin:4px 0 18px;color:var(--dim);display:flex;gap:12px}
section{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:14px 16px;margin-bottom:18px}
.wide{overflow-x:auto}
.legend{display:flex;justify-content:space-between;align-items:center;color:var(--dim);margin-bottom:6px}
.legend select{font:inherit;color:var(--ink);background:var(--card);border:1px solid var(--rule);border-radius:6px;
padding:3px 6px;margin-left:4px}
.ends{display:flex;gap:8px;align-items:center;font-variant-numeric:tabular-nums}.ends[hidden]{display:none}
.ramp{width:120px;height:8px;border-radius:4px;background:linear-gradient(90deg in oklch longer hue,var(--cold),
var(--hot));background:linear-gradient(in oklch 90deg,var(--cold),var(--hot))}
.hint{margin:8px 0 0;font-size:12px}
svg{display:block;margin:0 auto;max-width:100%;height:auto;font-variant-numeric:tabular-nums}
.line path{fill:none;stroke-linecap:round}
.line .grab{stroke:transparent;stroke-width:11;pointer-events:stroke}
.line .ink{stroke:color-mix(in oklch,var(--hot) calc(var(--t)*100%),var(--cold));stroke-width:1.8;opacity:.72;
pointer-events:none;transition:opacity .12s}
.line.none .ink{stroke:var(--axis);stroke-dasharray:4 4}
.line.off{pointer-events:none}.line.off .ink{opacity:.07}
.some .line:not(.on) .ink{opacity:.1}.line.on .ink{stroke-width:3.4;opacity:1}
.line.best .ink{stroke-width:3;opacity:1}.some .line.best:not(.on) .ink,.line.best.off .ink{opacity:.1}
.axis path{stroke:var(--axis);fill:none}
.axis text{font-size:11.5px;fill:var(--ink);paint-order:stroke;stroke:var(--card);stroke-width:4px;
stroke-linejoin:round}
.axis .name{font-size:13px;font-weight:600;text-anchor:middle}
.axis .kind{fill:var(--dim);text-anchor:middle;font-size:11px}
.axis .mark{text-anchor:end;pointer-events:none}
.hit{fill:transparent;cursor:ns-resize}
.brush{fill:light-dark(#0072b233,#5cb8f04d);stroke:light-dark(#0072b2,#5cb8f0);visibility:hidden}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:5px 12px;text-align:right;white-space:nowrap;border-bottom:1px solid var(--rule)}
tbody tr:last-child>*{border-bottom:0}
thead th{color:var(--dim);font-weight:500}tbody th{font-weight:600}th:first-child{text-align:left}
tr.on>*{background:light-dark(#eef4fb,#16202c)}tr.off{opacity:.3}
td.best{font-weight:700;color:light-dark(#007a59,#4fd1a5)}td.best::before{content:"★ ";font-size:10px}
#tip{position:fixed;pointer-events:none;display:none;padding:7px 10px;border-radius:6px;font-size:12px;white-space:pre;
background:var(--ink);color:var(--card);font-variant-numeric:tabular-nums;z-index:2}
@media print{.hint,.legend select{display:none}}
"""

SCRIPT = """
const svg = document.querySelector("svg"), all = s => [...document.querySelectorAll(s)], tip = all("#tip")[0];
const lines = all(".line"), rows = new Map(all("tbody tr").map(row => [row.dataset.run, row]));
const shares = new Map(lines.map(line => [line, line.dataset.s.split(",").map(s => s === "" ? null : +s)]));
const heads = all("thead th").map(th => th.textContent), kept = new Map();
const box = svg.viewBox.baseVal, top_ = +svg.dataset.top, high = +svg.dataset.high;
const byRun = run => lines.find(line => line.dataset.run === run);
function point(run) {
  all(".on").forEach(one => one.classList.remove("on"));
  svg.classList.toggle("some", run !== undefined);
  if (run === undefined) return;
  byRun(run).classList.add("on"); rows.get(run).classList.add("on");
}
function tell(event, run) {
  tip.style.display = run === undefined ? "none" : "block";
  if (run === undefined) return;
  const cells = [...rows.get(run).children].map(cell => cell.textContent);
  tip.textContent = cells.map((text, i) => i ? heads[i] + "  " + (text || "none") : text).join("\\n");
  const size = tip.getBoundingClientRect();
  tip.style.left = Math.min(event.clientX + 16, innerWidth - size.width - 8) + "px";
  tip.style.top = Math.max(8, Math.min(event.clientY + 12, innerHeight - size.height - 8)) + "px";
}
function filter() {
  let left = 0;
  for (const line of lines) {
    const passes = ([i, [a, b]]) => { const s = shares.get(line)[i]; return s !== null && a <= s && s <= b; };
    const out = ![...kept].every(passes);
    line.classList.toggle("off", out); rows.get(line.dataset.run).classList.toggle("off", out);
    left += !out;
  }
  all("#count")[0].textContent = kept.size ? "· " + left + " of " + lines.length + " kept" : "";
}
function colour(by) {
  const low = all("#by")[0].selectedOptions[0].dataset.to === "low";
  let most = -1, best;
  for (const line of lines) {
    const s = shares.get(line)[by], t = s === null ? -1 : low ? 1 - s : s;
    line.style.setProperty("--t", Math.max(t, 0)); line.classList.toggle("none", t < 0);
    line.classList.remove("best");
    if (t > most) { most = t; best = line; }
  }
  best?.classList.add("best");
  all(".ends").forEach(one => one.hidden = one.dataset.axis != by);
  [...lines].sort((a, b) => a.style.getPropertyValue("--t") - b.style.getPropertyValue("--t"))
    .forEach(line => svg.insertBefore(line, svg.querySelector(".axis")));
}
for (const line of lines) {
  line.addEventListener("pointermove", event => { point(line.dataset.run); tell(event, line.dataset.run); });
  line.addEventListener("pointerleave", event => { point(); tell(event); });
  line.querySelector("title").remove();
}
rows.forEach((row, run) => { row.onpointerenter = () => point(run); row.onpointerleave = () => point(); });
all(".axis").forEach((axis, i) => {
  const hit = axis.querySelector(".hit"), brush = axis.querySelector(".brush");
  const at = event => Math.max(top_ - 6, Math.min(top_ + high + 6,
    new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse()).y));
  let start = null;
  hit.onpointerdown = event => { start = at(event); hit.setPointerCapture(event.pointerId); };
  hit.onpointermove = event => {
    if (start === null) return;
    const [a, b] = [start, at(event)].sort((x, y) => x - y);
    const held = b - a > 3;
    brush.style.visibility = held ? "visible" : "hidden";
    brush.setAttribute("y", a); brush.setAttribute("height", b - a);
    if (held) kept.set(i, [1 - (b - top_) / high, 1 - (a - top_) / high]); else kept.delete(i);
    filter();
  };
  hit.onpointerup = event => { hit.onpointermove(event); start = null; };
});
all("#by")[0].onchange = event => colour(+event.target.value);
colour(+svg.dataset.by);
"""
