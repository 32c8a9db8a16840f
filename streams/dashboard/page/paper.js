// Draws a piece of a recording at true size, 25 mm/s and 10 mm/mV, each lead below the other, with its beats.

import { element } from "./element.js";
import { mmPx, SPEED_MM_S } from "./screen.js";

const GAIN_MM_MV = 10, LEAD_MM = 24, MOST_MM = 120, INVALID_UV = -32768, ABOVE_PX = 18;

// `piece` has rateHz or rate_hz, leads, samplesUv and beats: pairs of sample number (from its first) and class.
export class Paper {
  constructor(label) {
    this.canvas = element("canvas", { role: "img", "aria-label": label });
    this.root = element("div", { class: "paper scroll", tabindex: "0", role: "group", "aria-label": label }, this.canvas);
  }

  show({ rate_hz: rateHz, leads, samplesUv, beats = [] }) {
    const mm = mmPx(), scale = devicePixelRatio || 1, count = samplesUv.length / leads.length;
    const rooms = leads.map((_, n) => room(samplesUv, n, leads.length));
    const tall = rooms.reduce((sum, [above, below]) => sum + above + below, 0);
    const width = Math.ceil((count / rateHz) * SPEED_MM_S * mm), height = Math.ceil(tall * mm + ABOVE_PX);
    Object.assign(this.canvas, { width: width * scale, height: height * scale });
    Object.assign(this.canvas.style, { width: `${width}px`, height: `${height}px` });
    const context = this.canvas.getContext("2d"), style = getComputedStyle(this.canvas);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    context.scale(scale, scale);
    context.strokeStyle = colour("grid");
    context.beginPath();
    for (let x = 0; x <= width; x += 5 * mm) line(context, x, 0, x, height);
    for (let y = ABOVE_PX; y <= height; y += 5 * mm) line(context, 0, y, width, y);
    context.stroke();
    context.font = "600 12px system-ui, sans-serif";
    let top = ABOVE_PX;
    leads.forEach((lead, n) => {
      const [above, below] = rooms[n], bottom = top + (above + below) * mm, zero = top + above * mm;
      context.strokeStyle = colour("trace");
      context.lineWidth = 1.4;
      trace(context, samplesUv, n, leads.length, (sample) => (sample / rateHz) * SPEED_MM_S * mm,
        (mv) => Math.min(Math.max(zero - mv * GAIN_MM_MV * mm, top), bottom));
      context.fillStyle = colour("muted");
      // At both ends, for a long strip opens at its newest.
      context.textAlign = "left";
      context.fillText(lead, 4, top + 14);
      context.textAlign = "right";
      context.fillText(lead, width - 4, top + 14);
      top = bottom;
    });
    context.textAlign = "center";
    for (const [sample, label] of beats) {
      context.fillStyle = colour(`beat-${label.toLowerCase()}`) || colour("beat-q");
      context.fillText(label, (sample / rateHz) * SPEED_MM_S * mm, 13);
    }
  }
}

function line(context, x0, y0, x1, y1) {
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
}

// The valid samples of one of interleaved leads, sorted.
function sorted(samplesUv, lead, leads) {
  const values = [];
  for (let n = lead; n < samplesUv.length; n += leads) if (samplesUv[n] !== INVALID_UV) values.push(samplesUv[n]);
  return Int16Array.from(values).sort();
}

const middle = (values) => values[values.length >> 1] ?? 0;

// What a lead takes above and below its median, mm: its waves whole, at least half of `LEAD_MM`.
function room(samplesUv, lead, leads) {
  const values = sorted(samplesUv, lead, leads), median = middle(values);
  return [(values.at(-1) ?? 0) - median, median - (values[0] ?? 0)]
    .map((uv) => Math.min(Math.max((uv / 1000) * GAIN_MM_MV + 1, LEAD_MM / 2), MOST_MM / 2));
}

// Stroke one lead of interleaved samples about its median.
export function trace(context, samplesUv, lead, leads, x, y) {
  const median = middle(sorted(samplesUv, lead, leads));
  let pen = false;
  context.beginPath();
  for (let n = lead, sample = 0; n < samplesUv.length; n += leads, sample += 1) {
    if (samplesUv[n] === INVALID_UV) { pen = false; continue; }
    const to = [x(sample), y((samplesUv[n] - median) / 1000)];
    if (pen) context.lineTo(...to);
    else context.moveTo(...to);
    pen = true;
  }
  context.stroke();
}
