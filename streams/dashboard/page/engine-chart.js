// A small histogram on a logarithmic scale, with its figures in words.

import { element, setText } from "./element.js";

const SVG = "http://www.w3.org/2000/svg", WIDTH = 180, HEIGHT = 44;

function drawn(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export class Chart {
  constructor(name, title, hint) {
    this.name = name;
    this.bars = drawn("path", { class: "bars" });
    this.lines = drawn("path", { class: "lines" });
    this.svg = drawn("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" });
    this.svg.append(this.bars, this.lines);
    this.figures = element("p", { class: "figures" });
    this.root = element("figure", { class: "chart", title: hint }, element("figcaption", {}, title), this.svg, this.figures);
  }

  show({ count, counts, p50_ms: p50, p99_ms: p99, max_ms: max }, edgesMs) {
    const most = Math.max(...counts), wide = WIDTH / counts.length;
    const bars = counts.map((n, at) => (n ? `M${(at * wide).toFixed(1)} ${HEIGHT}v${((-n / most) * HEIGHT).toFixed(1)}h${(wide * 0.86).toFixed(1)}V${HEIGHT}z` : ""));
    this.bars.setAttribute("d", bars.join(""));
    const low = Math.log(edgesMs[0]), span = Math.log(edgesMs.at(-1)) - low;
    const x = (ms) => (Math.min(Math.max((Math.log(Math.max(ms, 1e-6)) - low) / span, 0), 1) * WIDTH).toFixed(1);
    this.lines.setAttribute("d", `M${x(p50)} 0V${HEIGHT}M${x(p99)} 0V${HEIGHT}`);
    const words = `p50 ${ms(p50)}  p99 ${ms(p99)}\nmax ${ms(max)}  n ${count}`;
    setText(this.figures, words);
    this.svg.setAttribute("aria-label", `${this.name} in ms: ${words.replace("\n", "  ")}`);
  }
}

function ms(value) {
  return value < 0.1 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : value.toFixed(0);
}
