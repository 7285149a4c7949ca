"use strict";
// What the run is: columns of numbers, one entry a box or a message.
const column = (name, Type) => {
  const text = atob(RUN[name]), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return new Type(bytes.buffer);
};
const begin = column("begin", Float64Array), took = column("took", Float32Array), blocked = column("blocked", Float32Array);
const size = column("bytes", Float32Array), number = column("number", Float32Array), count = column("count", Float32Array);
const site = column("site", Uint16Array), group = column("group", Uint16Array), on = column("on", Uint16Array);
const what = column("what", Uint8Array);
const sent = column("m_sent", Float64Array), flew = column("m_took", Float32Array), weight = column("m_bytes", Float32Array);
const from = column("m_from", Uint16Array), to = column("m_to", Uint16Array);
const sends = column("m_sends", Uint32Array), gets = column("m_gets", Uint32Array);
const NONE = 65535, WHOLE = Math.max(RUN.end, 1);
const $ = id => document.getElementById(id);
const kind = i => what[i] & 127, isOpen = i => what[i] > 127;

// Of what a call is a part: of messages, of waiting (which has its own times), of files, of what all ranks do.
const part = i => kind(i) === 3 ? 2 : kind(i) === 2 ? 3 : 0, PARTS = ["call", "wait", "file", "all"];
// Each lane: its calls, in order, with sums so that any stretch is added up at once; and what contains others.
const lanes = RUN.lanes.map(([rank, host, first, last, ...spent]) => {
  const calls = [], spans = [];
  for (let i = first; i < last; i++) (kind(i) < 4 ? calls : spans).push(i);
  const sums = [0, 1, 2, 3].map(() => new Float64Array(calls.length + 1));
  calls.forEach((b, i) => {
    sums.forEach(sum => sum[i + 1] = sum[i]);
    sums[part(b)][i + 1] += took[b] - blocked[b];
    sums[1][i + 1] += blocked[b];
  });
  return { rank, host, calls, spans, sums, spent };
});
const laneOf = new Map(lanes.map((lane, i) => [lane.rank, i]));
// Messages, found from the box that sends or receives them; calls that all ranks make, from each of them.
const ofBox = new Map(), meetings = new Map();
const put = (map, key, value) => { const all = map.get(key); all ? all.push(value) : map.set(key, [value]); };
for (let m = 0; m < sent.length; m++) { put(ofBox, sends[m], m); put(ofBox, gets[m], m); }
for (let i = 0; i < what.length; i++) if (kind(i) === 2) put(meetings, group[i] + ":" + number[i], i);
const longest = flew.reduce((a, b) => Math.max(a, b), 0);

const three = v => v >= 100 ? v.toFixed(0) : v >= 10 ? v.toFixed(1) : v.toFixed(2);
const time = ns => ns < 1e3 ? ns.toFixed(0) + " ns" : ns < 1e6 ? three(ns / 1e3) + " µs"
  : ns < 1e9 ? three(ns / 1e6) + " ms" : three(ns / 1e9) + " s";
const bytes = b => b < 1e3 ? b + " B" : b < 1e6 ? three(b / 1e3) + " kB" : b < 1e9 ? three(b / 1e6) + " MB" : three(b / 1e9) + " GB";
const name = i => {
  const base = RUN.sites[site[i]][0], n = number[i], c = count[i];
  if (kind(i) === 1) return "wait for " + base;
  if (kind(i) === 5 && c === 1) return base + " " + n;
  if ((kind(i) === 5 || kind(i) === 6) && c > 1) return base + " " + n + "–" + (n + c - 1);
  return base;
};

// The view: times from `start` on, so many nanoseconds a pixel; lanes from `top` on.
const view = { start: 0, scale: 1, top: 0 };
const LEFT = 74, RULER = 26;
let width = 0, height = 0, pitch = 0, hover = -1, drag = null, found = null, colour = {};
const x = t => LEFT + (t - view.start) / view.scale;
const at = px => view.start + (px - LEFT) * view.scale;
const hasBand = () => pitch >= 22;
const band = () => hasBand() ? Math.min(15, pitch * .3) : 0;
const laneTop = l => RULER + l * pitch - view.top;

const paint = canvas => {
  const ratio = devicePixelRatio || 1, pen = canvas.getContext("2d");
  canvas.width = Math.round(canvas.clientWidth * ratio);
  canvas.height = Math.round(canvas.clientHeight * ratio);
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  return pen;
};
const PHASES = [218, 40, 130, 300, 185, 15, 260, 80];
const dark = matchMedia("(prefers-color-scheme: dark)");
const tint = i => `hsl(${PHASES[site[i] % PHASES.length]} ${dark.matches ? "35% 34%" : "62% 84%"})`;

function measure() {
  const style = getComputedStyle(document.documentElement);
  for (const c of ["ink", "soft", "line", "paper", "card", "idle", "call", "all", "wait", "file"])
    colour[c] = style.getPropertyValue("--" + c).trim();
  const room = Math.max(320, innerHeight - 230), few = Math.min(58, (room - RULER) / lanes.length);
  pitch = Math.max(2, few);
  const canvas = $("picture");
  height = Math.min(room, RULER + pitch * lanes.length + 6);
  canvas.style.height = height + "px";
  width = canvas.clientWidth;
}
const wholeScale = () => WHOLE / Math.max(1, width - LEFT - 12);
function clamp() {
  view.scale = Math.min(Math.max(view.scale, .02), wholeScale());
  view.start = Math.min(Math.max(view.start, 0), Math.max(0, WHOLE - (width - LEFT - 12) * view.scale));
  view.top = Math.min(Math.max(view.top, 0), Math.max(0, RULER + pitch * lanes.length + 6 - height));
}
const firstAfter = (list, t) => { // the first whose end is after t; calls do not overlap
  let low = 0, high = list.length;
  while (low < high) { const mid = low + high >> 1; begin[list[mid]] + took[list[mid]] <= t ? low = mid + 1 : high = mid; }
  return low;
};
const firstFrom = (list, t) => {
  let low = 0, high = list.length;
  while (low < high) { const mid = low + high >> 1; begin[list[mid]] < t ? low = mid + 1 : high = mid; }
  return low;
};
const fill = i => kind(i) === 3 ? colour.file : kind(i) === 2 ? colour.all : colour.call;

// Times in calls, waiting and in files, between two moments.
function share(lane, a, b) {
  const { calls, sums } = lane, i = firstAfter(calls, a), j = firstFrom(calls, b);
  if (i >= j) return [0, 0, 0, 0];
  const parts = sums.map(s => s[j] - s[i]);
  for (const [k, edge] of [[i, a - begin[calls[i]]], [j - 1, begin[calls[j - 1]] + took[calls[j - 1]] - b]]) {
    if (edge <= 0) continue;
    const c = calls[k], cut = Math.min(1, edge / (took[c] || 1));
    parts[part(c)] -= (took[c] - blocked[c]) * cut;
    parts[1] -= blocked[c] * cut;
  }
  return parts.map(p => Math.max(0, p));
}

function drawLane(pen, lane, y, h) {
  const a = view.start, b = at(width), { calls, spans } = lane;
  pen.fillStyle = colour.idle;
  pen.fillRect(x(0), y, x(WHOLE) - x(0), h);
  const i = firstAfter(calls, a), j = firstFrom(calls, b);
  if (j - i > 1.5 * width) { // more boxes than dots: what each dot is made of
    for (let px = LEFT; px < width; px++) {
      const shares = share(lane, at(px), at(px + 1));
      let top = y + h;
      for (const k of [1, 0, 3, 2]) {
        const high = shares[k] / view.scale * h;
        if (high > .15) { pen.fillStyle = colour[PARTS[k]]; pen.fillRect(px, top -= high, 1, high); }
      }
    }
  } else for (let k = i; k < j; k++) {
    const c = calls[k], from = x(begin[c]), mid = x(begin[c] + blocked[c]), end = x(begin[c] + took[c]);
    pen.globalAlpha = found && !found.has(site[c]) ? .18 : 1;
    if (blocked[c] > 0) { pen.fillStyle = colour.wait; pen.fillRect(from, y, Math.max(.7, mid - from), h); }
    pen.fillStyle = fill(c);
    pen.fillRect(mid, y, Math.max(.7, end - mid), h);
    if (isOpen(c)) { pen.fillStyle = colour.ink; pen.fillRect(end - 2, y, 2, h); }
    if (h > 12 && end - from > 44) label(pen, name(c), Math.max(from, LEFT), end, y + h / 2, "#fff");
  }
  pen.globalAlpha = 1;
  if (!hasBand()) return;
  const top = y - band() - 1;
  let last = -1;
  for (let k = 0, n = firstFrom(spans, b); k < n; k++) {
    const s = spans[k], end = x(begin[s] + took[s]);
    if (end < LEFT || end < last + .6) continue;
    const from = Math.max(LEFT, x(begin[s]));
    pen.globalAlpha = found && !found.has(site[s]) ? .25 : 1;
    pen.fillStyle = tint(s);
    pen.fillRect(from, top, Math.max(.6, end - from - .5), band());
    if (end - from > 30 && band() > 9) label(pen, name(s), from, end, top + band() / 2, colour.ink);
    last = kind(s) === 4 ? last : end;
  }
  pen.globalAlpha = 1;
}
function label(pen, text, from, end, y, ink) {
  pen.font = "11px system-ui, 'DejaVu Sans', sans-serif";
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  const room = end - from - 8, wide = pen.measureText(text).width;
  if (wide > room) { const n = Math.floor(text.length * room / wide) - 1; if (n < .6 * text.length) return; text = text.slice(0, n) + "…"; }
  pen.fillStyle = ink;
  pen.fillText(text, from + 4, y + .5);
}
const middle = rank => { const l = laneOf.get(rank); return l === undefined ? null : laneTop(l) + band() + (pitch - band()) / 2 - 1; };

function drawArrow(pen, m, strong) {
  const ya = middle(from[m]), yb = middle(to[m]);
  if (ya === null || yb === null) return;
  const xa = x(sent[m]), xb = x(sent[m] + flew[m]), angle = Math.atan2(yb - ya, xb - xa), tip = strong ? 8 : Math.min(6, pitch * .5);
  pen.beginPath();
  pen.moveTo(xa, ya);
  pen.lineTo(xb, yb);
  pen.moveTo(xb - tip * Math.cos(angle - .4), yb - tip * Math.sin(angle - .4));
  pen.lineTo(xb, yb);
  pen.lineTo(xb - tip * Math.cos(angle + .4), yb - tip * Math.sin(angle + .4));
  pen.stroke();
}
function drawArrows(pen) {
  let low = 0, high = sent.length;
  while (low < high) { const mid = low + high >> 1; sent[mid] < view.start - longest ? low = mid + 1 : high = mid; }
  const b = at(width), all = [];
  for (let m = low; m < sent.length && sent[m] <= b; m++) if (sent[m] + flew[m] >= view.start) all.push(m);
  const MOST = 700, step = Math.max(1, Math.ceil(all.length / MOST));
  pen.strokeStyle = colour.ink;
  pen.lineWidth = step > 1 ? .6 : 1;
  pen.globalAlpha = step > 1 ? .16 : all.length > 250 ? .4 : .72;
  for (let k = 0; k < all.length; k += step) drawArrow(pen, all[k], false);
  pen.globalAlpha = 1;
  $("some").textContent = step > 1 ? ` (1 of ${step})` : "";
}
function drawPath(pen) {
  pen.strokeStyle = colour.ink;
  pen.lineWidth = 3;
  pen.lineJoin = "round";
  pen.beginPath();
  RUN.path.forEach(([rank, a, b], i) => {
    const y = middle(rank);
    if (y === null) return;
    i ? pen.lineTo(x(a), y) : pen.moveTo(x(a), y);
    pen.lineTo(x(b), y);
  });
  pen.stroke();
}
function ruler(pen) {
  pen.clearRect(0, 0, width, RULER);
  pen.fillStyle = colour.paper;
  pen.fillRect(0, 0, width, RULER);
  const rough = view.scale * 110, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map(k => k * power).find(s => s >= rough);
  pen.font = "11px system-ui, 'DejaVu Sans', sans-serif";
  pen.textBaseline = "middle";
  // In the unit of the greatest, with as many digits as tell two marks apart.
  const [unit, per] = [["s", 1e9], ["ms", 1e6], ["µs", 1e3], ["ns", 1]].find(([, per]) => at(width) >= per) || ["ns", 1];
  const digits = Math.max(0, Math.ceil(Math.log10(per / step) - 1e-9));
  for (let t = Math.ceil(view.start / step) * step; t <= at(width); t += step) {
    pen.fillStyle = colour.line;
    pen.fillRect(x(t), RULER - 5, 1, height);
    pen.fillStyle = colour.soft;
    pen.textAlign = "center";
    const words = (t / per).toFixed(digits) + " " + unit, half = pen.measureText(words).width / 2;
    if (x(t) - half > LEFT - 20 && x(t) + half < width - 4) pen.fillText(words, x(t), RULER / 2);
  }
}
function draw() {
  clamp();
  const pen = paint($("picture"));
  pen.fillStyle = colour.paper;
  pen.fillRect(0, 0, width, height);
  ruler(pen);
  pen.save();
  pen.beginPath();
  pen.rect(LEFT, RULER, width - LEFT, height - RULER);
  pen.clip();
  const gap = pitch > 10 ? 3 : pitch > 5 ? 1 : .5;
  lanes.forEach((lane, l) => {
    const y = laneTop(l);
    if (y + pitch >= RULER && y <= height) drawLane(pen, lane, y + band() + 1, pitch - band() - gap);
  });
  if ($("arrows").checked && pitch >= 6) drawArrows(pen);
  if ($("critical").checked) drawPath(pen);
  if (hover >= 0) highlight(pen);
  pen.restore();
  const every = [1, 2, 4, 8, 16, 32, 64].find(n => n * pitch >= 13) || 128;
  pen.font = "11.5px system-ui, 'DejaVu Sans', sans-serif";
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  pen.fillStyle = colour.soft;
  lanes.forEach((lane, l) => {
    const y = laneTop(l) + band() + (pitch - band()) / 2;
    if (l % every === 0 && y > RULER + 4) pen.fillText("rank " + lane.rank, LEFT - 10, y);
  });
  if (drag && drag.zoom) {
    pen.fillStyle = colour.call + "44";
    pen.fillRect(drag.x, RULER, drag.now - drag.x, height);
  }
  overview();
}
const boxOf = i => { // lane of a box
  let low = 0, high = RUN.lanes.length - 1;
  while (low < high) { const mid = low + high + 1 >> 1; RUN.lanes[mid][2] <= i ? low = mid : high = mid - 1; }
  return low;
};
function outline(pen, i, strong) {
  const y = laneTop(boxOf(i)) + band() + 1, wide = Math.max(2, took[i] / view.scale);
  pen.strokeStyle = colour.ink;
  pen.lineWidth = strong ? 2 : 1;
  pen.strokeRect(x(begin[i]), y, wide, pitch - band() - 3);
}
function highlight(pen) {
  if (kind(hover) === 2) for (const i of meetings.get(group[hover] + ":" + number[hover]) || []) outline(pen, i, false);
  if (kind(hover) < 4) outline(pen, hover, true);
  pen.strokeStyle = colour.ink;
  pen.lineWidth = 2;
  for (const m of (ofBox.get(hover) || []).slice(0, 200)) drawArrow(pen, m, true);
}
let small = null;
function overview() {
  const canvas = $("overview"), pen = paint(canvas), wide = canvas.clientWidth, high = canvas.clientHeight;
  if (!small || small.wide !== wide) { // the whole run: what all ranks do at each moment
    const most = 64, step = Math.max(1, Math.ceil(lanes.length / most)), some = lanes.filter((_, l) => l % step === 0), parts = [];
    for (let px = 0; px < wide; px += 2) {
      const sum = [0, 0, 0, 0];
      for (const lane of some) share(lane, px * WHOLE / wide, (px + 2) * WHOLE / wide).forEach((t, k) => sum[k] += t);
      parts.push(sum.map(t => t / some.length / (2 * WHOLE / wide)));
    }
    small = { wide, parts };
  }
  pen.fillStyle = colour.idle;
  pen.fillRect(0, 0, wide, high);
  small.parts.forEach((shares, i) => {
    let y = high;
    for (const k of [1, 0, 3, 2]) {
      pen.fillStyle = colour[PARTS[k]];
      pen.fillRect(2 * i, y -= shares[k] * high, 2, shares[k] * high);
    }
  });
  const a = view.start / WHOLE * wide, b = Math.min(wide, at(width) / WHOLE * wide);
  pen.fillStyle = colour.paper + "b0";
  pen.fillRect(0, 0, a, high);
  pen.fillRect(b, 0, wide - b, high);
  pen.strokeStyle = colour.ink;
  pen.strokeRect(a + .5, .5, Math.max(2, b - a - 1), high - 1);
}
let asked = false;
const redraw = () => { if (!asked) { asked = true; requestAnimationFrame(() => { asked = false; draw(); }); } };

// Whatever is under the pointer.
function under(px, py) {
  const l = Math.floor((py - RULER + view.top) / pitch), lane = lanes[l];
  if (!lane || px < LEFT || py < RULER) return -1;
  const t = at(px), slack = 2 * view.scale;
  if (hasBand() && py - laneTop(l) < band() + 1) {
    let best = -1;
    for (let k = 0, n = firstFrom(lane.spans, t); k < n; k++) { const s = lane.spans[k]; if (begin[s] + took[s] >= t) best = s; }
    return best;
  }
  const k = firstAfter(lane.calls, t - slack), c = lane.calls[k];
  return c !== undefined && begin[c] <= t + slack ? c : -1;
}
const escape = text => text.replace(/[&<>]/g, c => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
function tell(i) {
  const rank = lanes[boxOf(i)].rank, lines = [`<b>${escape(name(i))}</b>  on rank ${rank}`, escape(RUN.sites[site[i]][1])];
  lines.push(`${time(took[i])}, from ${time(begin[i])} on${isOpen(i) ? "; it never ended" : ""}`);
  if (blocked[i] > 0) lines.push(`waited ${time(blocked[i])} for rank ${on[i]}`);
  const messages = ofBox.get(i) || [];
  for (const m of messages.slice(0, 5))
    lines.push(`${sends[m] === i ? "to rank " + to[m] : "from rank " + from[m]}: ${bytes(weight[m])}, under way ${time(flew[m])}`);
  if (messages.length > 5) lines.push(`and ${messages.length - 5} more messages`);
  if (kind(i) < 4 && !messages.length && size[i]) lines.push(bytes(size[i]));
  if (kind(i) === 2 && number[i]) lines.push(`call ${number[i]} of ${escape(RUN.groups[group[i]])}`);
  else if (kind(i) < 4 && group[i]) lines.push(escape(RUN.groups[group[i]]));
  return lines.join("\n");
}
function tip(px, py) {
  const box = $("tip");
  box.hidden = hover < 0;
  if (hover < 0) return;
  box.innerHTML = tell(hover);
  box.style.left = Math.min(px + 14, width - box.offsetWidth - 8) + "px";
  box.style.top = (py + 18 + box.offsetHeight > height ? Math.max(0, py - box.offsetHeight - 8) : py + 18) + "px";
}
const picture = $("picture");
picture.onwheel = e => {
  e.preventDefault();
  if (e.shiftKey) view.top += e.deltaY || e.deltaX;
  else if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) view.start += e.deltaX * view.scale;
  else {
    const t = at(e.offsetX);
    view.scale = Math.min(view.scale * 1.0016 ** e.deltaY, wholeScale());
    view.start = t - (e.offsetX - LEFT) * view.scale;
  }
  redraw();
};
picture.onpointerdown = e => {
  drag = { x: e.offsetX, y: e.offsetY, now: e.offsetX, start: view.start, top: view.top, zoom: e.shiftKey };
  picture.setPointerCapture(e.pointerId);
};
picture.onpointermove = e => {
  const before = hover;
  if (drag) {
    drag.now = e.offsetX;
    if (!drag.zoom) { view.start = drag.start - (e.offsetX - drag.x) * view.scale; view.top = drag.top - (e.offsetY - drag.y); }
    hover = -1;
  } else hover = under(e.offsetX, e.offsetY);
  tip(e.offsetX, e.offsetY);
  if (drag || hover !== before) redraw();
};
picture.onpointerup = () => {
  if (drag && drag.zoom && Math.abs(drag.now - drag.x) > 4) {
    const [a, b] = [drag.x, drag.now].sort((a, b) => a - b).map(at);
    show(a, b, 0);
  }
  drag = null;
  redraw();
};
picture.onpointerleave = () => { if (!drag) { hover = -1; tip(0, 0); redraw(); } };
picture.ondblclick = e => { const i = under(e.offsetX, e.offsetY); if (i >= 0) show(begin[i], begin[i] + took[i], .3); };
function show(a, b, margin) {
  const wide = Math.max(b - a, 20);
  view.start = a - margin * wide;
  view.scale = wide * (1 + 2 * margin) / (width - LEFT - 12);
  redraw();
}
const jump = e => { view.start = e.offsetX / $("overview").clientWidth * WHOLE - (width - LEFT) * view.scale / 2; redraw(); };
$("overview").onpointerdown = e => { $("overview").setPointerCapture(e.pointerId); jump(e); };
$("overview").onpointermove = e => { if (e.buttons) jump(e); };
$("whole").onclick = () => { view.scale = Infinity; view.start = 0; redraw(); };
$("arrows").onchange = $("critical").onchange = redraw;

// Search: boxes whose name or place has the words.
let hits = [], hit = -1;
function search() {
  const words = $("search").value.trim().toLowerCase();
  found = words ? new Set(RUN.sites.flatMap((s, i) => (s[0] + " " + s[1]).toLowerCase().includes(words) ? [i] : [])) : null;
  hits = [];
  hit = -1;
  if (found) for (let i = 0; i < site.length; i++) if (found.has(site[i])) hits.push(i);
  hits.sort((a, b) => begin[a] - begin[b]);
  $("hits").textContent = words ? hits.length + " found" : "";
  redraw();
}
$("search").oninput = search;
$("search").onkeydown = e => {
  if (e.key === "Escape") { e.target.value = ""; search(); e.target.blur(); }
  if (e.key !== "Enter" || !hits.length) return;
  hit = (hit + (e.shiftKey ? hits.length - 1 : 1)) % hits.length;
  hover = hits[hit];
  $("hits").textContent = `${hit + 1} of ${hits.length}`;
  view.top = Math.max(0, boxOf(hover) * pitch - height / 2);
  show(begin[hover], begin[hover] + took[hover], 2);
};
onkeydown = e => {
  if (e.target === $("search")) return;
  const zoom = k => { const t = at(LEFT + (width - LEFT) / 2); view.scale *= k; view.start = t - (width - LEFT) / 2 * view.scale; };
  const acts = { "/": () => $("search").focus(), "0": () => $("whole").onclick(), "+": () => zoom(.7), "-": () => zoom(1.4),
    ArrowLeft: () => view.start -= 120 * view.scale, ArrowRight: () => view.start += 120 * view.scale };
  if (acts[e.key]) { e.preventDefault(); acts[e.key](); redraw(); }
};

// Beside the picture.
const add = (parent, tag, text) => { const node = parent.appendChild(document.createElement(tag)); node.textContent = text; return node; };
function aside() {
  $("sentence").textContent = RUN.sentence;
  const calls = lanes.reduce((n, lane) => n + lane.calls.length, 0);
  $("facts").textContent = `${RUN.ranks} rank${RUN.ranks === 1 ? "" : "s"} · ${time(RUN.end)} · ${calls.toLocaleString("en")} calls · `
    + `${sent.length.toLocaleString("en")} messages, ${RUN.sent}`;
  $("legend").innerHTML = [["idle", "computing"], ["call", "message"], ["all", "call of all ranks"], ["wait", "waiting"], ["file", "file"]]
    .map(([c, words]) => `<i style="background:var(--${c})"></i>${words}`).join("");
  for (const words of [...RUN.said, ...RUN.notes.map(n => "Note: " + n + ".")]) add($("said"), "li", words);
  if (!RUN.said.length && !RUN.notes.length) add($("said"), "li", RUN.sentence);
  // In the colours of the picture; of many ranks every fourth has its name.
  const names = { idle: "computing", call: "messages", all: "calls of all ranks", wait: "waiting", file: "files" };
  const every = lanes.length > 24 ? 4 : 1;
  $("spent").className = every > 1 ? "many" : "";
  lanes.slice(0, 512).forEach((lane, l) => {
    const bar = add($("spent"), "div", ""), total = k => lane.sums[k][lane.calls.length];
    bar.className = "bar";
    add(bar, "div", l % every ? "" : "rank " + lane.rank);
    const parts = add(bar, "span", ""), times = { idle: lane.spent[0], call: total(0), all: total(3), wait: total(1), file: total(2) };
    bar.title = `rank ${lane.rank}: ` + Object.entries(times).map(([k, t]) => `${names[k]} ${time(t)}`).join(", ");
    for (const [k, t] of Object.entries(times)) add(parts, "em", "").style.cssText = `width:${100 * t / WHOLE}%;background:var(--${k})`;
  });
  const head = add($("calls"), "tr", "");
  for (const words of ["call", "at", "calls", "bytes", "time", "waiting", "late"]) add(head, "th", words);
  for (const [name, place, calls, size, all, wait, late] of RUN.table) {
    const row = add($("calls"), "tr", "");
    for (const words of [name, place, calls.toLocaleString("en"), bytes(size), time(all), time(wait), late < 0 ? "" : "rank " + late]) add(row, "td", words);
    row.onclick = () => { $("search").value = place; search(); scrollTo({ top: 0, behavior: "smooth" }); };
  }
}
function matrix() {
  // Room for the numbers of the ranks, above and on the left.
  const canvas = $("matrix"), cell = Math.max(2, Math.min(22, Math.floor(330 / RUN.ranks))), wide = cell * RUN.ranks, edge = 26;
  canvas.style.width = canvas.style.height = wide + edge + "px";
  const pen = paint(canvas), most = RUN.matrix.reduce((a, c) => Math.max(a, c[3]), 1), known = new Map();
  pen.fillStyle = colour.soft;
  pen.font = "10.5px system-ui, 'DejaVu Sans', sans-serif";
  pen.textBaseline = "middle";
  const every = [1, 2, 4, 8, 16, 32, 64].find(n => n * cell >= 20) || 128;
  for (let r = 0; r < RUN.ranks; r += every) {
    pen.textAlign = "right";
    pen.fillText(r, edge - 5, edge + (r + .5) * cell);
    pen.textAlign = "center";
    pen.fillText(r, edge + (r + .5) * cell, edge - 9);
  }
  pen.translate(edge, edge);
  pen.fillStyle = colour.idle;
  pen.fillRect(0, 0, wide, wide);
  for (const [a, b, n, size] of RUN.matrix) {
    known.set(a + ":" + b, [n, size]);
    pen.globalAlpha = .25 + .75 * Math.log(1 + size) / Math.log(1 + most);
    pen.fillStyle = colour.wait;
    pen.fillRect(b * cell, a * cell, cell - (cell > 4), cell - (cell > 4));
  }
  pen.globalAlpha = 1;
  canvas.onpointermove = e => {
    const a = Math.floor((e.offsetY - edge) / cell), b = Math.floor((e.offsetX - edge) / cell), [n, size] = known.get(a + ":" + b) || [0, 0];
    $("cell").textContent = a < 0 || b < 0 || a >= RUN.ranks || b >= RUN.ranks ? "\u00a0" : `rank ${a} → ${b}: ${n} messages, ${bytes(size)}`;
  };
}
const start = () => { measure(); aside(); view.scale = Infinity; draw(); matrix(); };
onresize = () => { measure(); redraw(); };
dark.onchange = () => { measure(); redraw(); matrix(); };
start();
// A part of the run, and more, may be asked for: page.html#search=send&from=0.1&to=0.2
for (const [key, value] of new URLSearchParams(location.hash.slice(1))) {
  if (key === "search") { $("search").value = value; search(); }
  if (key === "critical") $("critical").checked = true;
  if (key === "to") { const first = +new URLSearchParams(location.hash.slice(1)).get("from"); show(first * WHOLE, +value * WHOLE, 0); }
}
