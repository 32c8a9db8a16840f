// Distances between two points of the picture, in mm where the spacing of its pixels is known.

import { element } from "./element.js";

const MOST = 6, COLOUR = "#ffe45c", CASING = "rgba(0, 0, 0, 0.7)", END_PX = 5;
const PLANES = { patient: "mm at the patient", detector: "mm at the detector", unknown: "mm, plane not known" };

export class Measures {
  // `changed` is called when something must be drawn anew.
  constructor(changed) {
    this.changed = changed;
    this.scale = { spacing_mm: null, spacing_plane: "unknown" };
    this.done = [];
    this.start = null;
    this.cursor = null;
    this.list = element("ul", { "aria-label": "measured distances" });
    this.root = element("section", { class: "measures", hidden: "" }, element("h3", {}, "Distances"), this.list);
  }

  point(at) {
    this.cursor = at;
    if (this.start) {
      this.done = [...this.done, [this.start, at]].slice(-MOST);
      this.start = null;
      this.tell();
    } else {
      this.start = at;
    }
    this.changed();
  }

  aim(at) {
    this.cursor = at;
    this.changed();
  }

  clear() {
    this.done = [];
    this.start = this.cursor = null;
    this.tell();
    this.changed();
  }

  tell() {
    this.root.hidden = !this.done.length;
    this.list.replaceChildren(...this.done.map(([from, to]) => element("li", {}, this.words(from, to))));
  }

  words(from, to, short = false) {
    const x = to[0] - from[0], y = to[1] - from[1], { spacing_mm: spacing, spacing_plane: plane } = this.scale;
    if (!spacing) return short ? `${Math.hypot(x, y).toFixed(0)} px` : `${Math.hypot(x, y).toFixed(0)} px: the spacing of pixels is not known`;
    const mm = Math.hypot(x * spacing[1], y * spacing[0]).toFixed(1);
    return `${mm} ${short && plane === "patient" ? "mm" : PLANES[plane] ?? PLANES.unknown}`;
  }

  draw(context, place) {
    for (const [from, to] of this.done) this.line(context, place(from), place(to), this.words(from, to, true));
    if (this.start && this.cursor) {
      this.line(context, place(this.start), place(this.cursor), this.words(this.start, this.cursor, true));
    } else if (this.cursor) {
      this.cross(context, place(this.cursor));
    }
  }

  line(context, from, to, words) {
    for (const [style, width] of [[CASING, 4], [COLOUR, 1.5]]) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(...from);
      context.lineTo(...to);
      context.stroke();
    }
    this.cross(context, from);
    this.cross(context, to);
    context.font = "600 14px system-ui, sans-serif";
    context.textAlign = "left";
    context.lineWidth = 4;
    context.strokeStyle = CASING;
    context.fillStyle = COLOUR;
    const at = [(from[0] + to[0]) / 2 + 8, (from[1] + to[1]) / 2 - 8];
    context.strokeText(words, ...at);
    context.fillText(words, ...at);
  }

  cross(context, [x, y]) {
    for (const [style, width] of [[CASING, 4], [COLOUR, 1.5]]) {
      context.strokeStyle = style;
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(x - END_PX, y);
      context.lineTo(x + END_PX, y);
      context.moveTo(x, y - END_PX);
      context.lineTo(x, y + END_PX);
      context.stroke();
    }
  }
}
