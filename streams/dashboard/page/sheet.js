// Canvases that lie over strips, and on which these draw.
//
// A browser brings only those canvases to the screen on which something was drawn, and each costs. Strips of one column
// are swept at the same place, that of the time of their samples: so they share canvases that are narrow and high, and
// what changes in a frame is one of them or two.

import { element } from "./element.js";
import { onScale } from "./screen.js";
import { onColours } from "./theme.js";

const PANE_PX = { width: 192, height: 1200 };
const COLOURS = ["trace", "beat-n", "beat-s", "beat-v", "beat-f", "beat-q"];

export class Sheet {
  // `root` is the element, itself the origin of places, that has all strips somewhere in it.
  constructor(root) {
    this.root = root;
    this.strips = [];
    this.layer = element("div", { class: "sheet", "aria-hidden": "true" });
    root.append(this.layer);
    this.observer = new ResizeObserver(() => this.arrange());
    this.undo = [onScale, onColours].map((on) => on(() => this.arrange()));
  }

  add(strip) {
    this.strips.push(strip);
    this.observer.observe(strip.root);
  }

  close() {
    this.observer.disconnect();
    for (const undo of this.undo) undo();
    this.layer.remove();
  }

  // Lay canvases over each column of strips, and anew when sizes or colours change.
  arrange() {
    const style = getComputedStyle(this.root);
    this.colours = Object.fromEntries(COLOURS.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    const origin = this.root.getBoundingClientRect(), columns = new Map();
    for (const strip of this.strips) {
      const { left, top, width, height } = strip.root.getBoundingClientRect();
      const box = { left: Math.round(left - origin.left), top: Math.round(top - origin.top), width: Math.floor(width), height: Math.floor(height) };
      const key = `${box.left} ${box.width} ${Math.floor(box.top / PANE_PX.height)}`;
      if (!columns.has(key)) columns.set(key, []);
      columns.get(key).push({ strip, ...box });
    }
    this.layer.replaceChildren();
    for (const column of columns.values()) {
      const top = Math.min(...column.map((box) => box.top)), bottom = Math.max(...column.map((box) => box.top + box.height));
      const panes = this.panes(column[0], top, bottom - top);
      for (const { strip, top: own, width, height } of column) strip.place(panes, own - top, width, height);
    }
  }

  // Canvases side by side; on each is drawn in the coordinates of the whole column.
  panes({ left: first, width }, top, height) {
    const scale = window.devicePixelRatio || 1, panes = [];
    for (let left = 0; left < width; left += PANE_PX.width) {
      const right = Math.min(left + PANE_PX.width, width), canvas = document.createElement("canvas");
      canvas.width = Math.max(1, Math.round((right - left) * scale));
      canvas.height = Math.max(1, Math.round(height * scale));
      Object.assign(canvas.style, { left: `${first + left}px`, top: `${top}px`, width: `${right - left}px`, height: `${height}px` });
      const context = canvas.getContext("2d");
      Object.assign(context, { lineWidth: 1.5, lineJoin: "bevel" });
      panes.push({ context, left, right, scale });
      this.layer.append(canvas);
    }
    return panes;
  }
}
