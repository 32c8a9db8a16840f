// The picture and what is drawn over it: zoom, place, window and level, and the marks of devices and distances.

import { drawDevice, TipMark } from "./device.js";
import { element, setText } from "./element.js";

const LARGEST_ZOOM = 12, ARROW_PX = 12, WINDOW_PX = 300, WHEEL = 0.0015;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const SVG = "http://www.w3.org/2000/svg";
let made = 0;

export class Stage {
  constructor(name, measures) {
    this.measures = measures;
    this.canvas = element("canvas", { role: "img", "aria-label": `fluoroscopy of ${name}`, class: "picture" });
    this.over = element("canvas", { class: "over", "aria-hidden": "true" });
    this.tips = element("div", { class: "tips" });
    this.corner = element("p", { class: "corner" });
    this.band = element("p", { class: "veil", role: "status", hidden: "" });
    this.withheld = element("p", { class: "withheld", role: "status", hidden: "" });
    this.root = element("div", { class: "screen", tabindex: "0", role: "application",
      "aria-label": `picture of ${name}: arrow keys do what a drag does, Enter sets a point while measuring` },
    this.curve(), this.canvas, this.over, this.tips, this.corner, this.withheld, this.band);
    this.marks = new Map();
    this.size = { width: 0, height: 0 };
    this.box = { width: 0, height: 0 };
    this.fit();
    this.resetWindow();
    this.listen();
    this.sizes = new ResizeObserver(() => this.resize());
    this.sizes.observe(this.root);
  }

  // The line that maps grey values, as a filter of the picture alone.
  curve() {
    made += 1;
    const svg = document.createElementNS(SVG, "svg"), filter = document.createElementNS(SVG, "filter");
    const transfer = document.createElementNS(SVG, "feComponentTransfer");
    svg.setAttribute("class", "curve");
    svg.setAttribute("aria-hidden", "true");
    this.filter = `window-${made}`;
    filter.id = this.filter;
    filter.setAttribute("color-interpolation-filters", "sRGB");
    this.lines = ["R", "G", "B"].map((part) => {
      const line = document.createElementNS(SVG, `feFunc${part}`);
      line.setAttribute("type", "linear");
      return line;
    });
    transfer.append(...this.lines);
    filter.append(transfer);
    svg.append(filter);
    return svg;
  }

  listen() {
    this.root.addEventListener("pointerdown", (event) => this.down(event));
    this.root.addEventListener("pointermove", (event) => this.moved(event));
    for (const end of ["pointerup", "pointercancel"]) this.root.addEventListener(end, () => { this.from = null; });
    this.root.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.zoom(Math.exp(-event.deltaY * WHEEL), this.inside(event));
    }, { passive: false });
    this.root.addEventListener("dblclick", () => this.tool !== "measure" && this.fit());
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  close() {
    this.sizes.disconnect();
  }

  use(tool) {
    this.tool = tool;
    this.root.dataset.tool = tool;
    this.measures.cursor = null;
    this.stale = true;
  }

  inside({ clientX, clientY }) {
    const { left, top } = this.root.getBoundingClientRect();
    return [clientX - left, clientY - top];
  }

  down(event) {
    if (event.button !== 0) return;
    this.from = this.inside(event);
    this.root.setPointerCapture(event.pointerId);
    if (this.tool === "measure" && !event.shiftKey) this.measures.point(this.toFrame(this.from));
  }

  moved(event) {
    const at = this.inside(event);
    if (this.tool === "measure" && !(this.from && event.shiftKey)) this.measures.aim(this.toFrame(at));
    if (!this.from) return;
    this.drag(at[0] - this.from[0], at[1] - this.from[1], event.shiftKey ? "move" : this.tool);
    this.from = at;
  }

  drag(x, y, tool) {
    if (tool === "move") {
      this.x += x;
      this.y += y;
    } else if (tool === "window") {
      this.window = Math.min(Math.max(this.window - x / WINDOW_PX, 0.05), 3);
      this.level = Math.min(Math.max(this.level - y / WINDOW_PX, -0.5), 1.5);
    }
    this.arrange();
  }

  key(event) {
    const arrow = ARROWS[event.key];
    if (!arrow && !(event.key === "Enter" && this.tool === "measure")) return;
    event.preventDefault();
    event.stopPropagation();
    if (this.tool === "measure") {
      const at = this.measures.cursor ?? [this.size.width / 2, this.size.height / 2];
      const step = (event.shiftKey ? 1 : ARROW_PX) / this.scale;
      if (arrow) this.measures.aim([at[0] + arrow[0] * step, at[1] + arrow[1] * step]);
      else this.measures.point(at);
      return;
    }
    this.drag(arrow[0] * ARROW_PX, arrow[1] * ARROW_PX, this.tool);
  }

  fit() {
    Object.assign(this, { zoomed: 1, x: 0, y: 0 });
    this.arrange();
  }

  // Zoom by a factor, so that the point of the screen `at` (else its middle) stays where it is.
  zoom(factor, at = [this.box.width / 2, this.box.height / 2]) {
    const zoomed = Math.min(Math.max(this.zoomed * factor, 1), LARGEST_ZOOM), by = zoomed / this.zoomed;
    const middle = [this.box.width / 2 + this.x, this.box.height / 2 + this.y];
    this.x += (middle[0] - at[0]) * (by - 1);
    this.y += (middle[1] - at[1]) * (by - 1);
    this.zoomed = zoomed;
    if (zoomed === 1) Object.assign(this, { x: 0, y: 0 });
    this.arrange();
  }

  resetWindow() {
    Object.assign(this, { window: 1, level: 0.5 });
    this.arrange();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.root, dense = devicePixelRatio || 1;
    this.box = { width, height };
    Object.assign(this.over, { width: Math.round(width * dense), height: Math.round(height * dense) });
    this.arrange();
  }

  // Bring zoom, place and window to the picture.
  arrange() {
    const { width, height } = this.size;
    if (!width) return;
    this.scale = Math.min(this.box.width / width, this.box.height / height) * this.zoomed;
    const roomX = Math.max(width * this.scale, this.box.width) / 2, roomY = Math.max(height * this.scale, this.box.height) / 2;
    this.x = Math.min(Math.max(this.x, -roomX), roomX);
    this.y = Math.min(Math.max(this.y, -roomY), roomY);
    this.left = (this.box.width - width * this.scale) / 2 + this.x;
    this.top = (this.box.height - height * this.scale) / 2 + this.y;
    const style = this.canvas.style, plain = this.window === 1 && this.level === 0.5;
    style.width = `${width}px`;
    style.height = `${height}px`;
    style.transform = `translate(${this.left}px, ${this.top}px) scale(${this.scale})`;
    for (const line of this.lines) {
      line.setAttribute("slope", String(1 / this.window));
      line.setAttribute("intercept", String(0.5 - this.level / this.window));
    }
    style.filter = plain ? "" : `url(#${this.filter})`;
    this.stale = true;
  }

  // The centre of the top left pixel is (0, 0): half a pixel inside the picture.
  toScreen([x, y]) {
    return [this.left + (x + 0.5) * this.scale, this.top + (y + 0.5) * this.scale];
  }

  toFrame([x, y]) {
    return [(x - this.left) / this.scale - 0.5, (y - this.top) / this.scale - 0.5];
  }

  picture(image, { width, height }) {
    this.context ??= this.canvas.getContext("bitmaprenderer");
    this.context.transferFromImageBitmap(image);
    this.stale = true;
    if (width === this.size.width && height === this.size.height) return;
    this.size = { width, height };
    this.arrange();
  }

  draw(devices) {
    if (!this.stale || !this.size.width) return;
    this.stale = false;
    const context = this.over.getContext("2d"), dense = devicePixelRatio || 1;
    context.setTransform(dense, 0, 0, dense, 0, 0);
    context.clearRect(0, 0, this.box.width, this.box.height);
    const place = (point) => this.toScreen(point);
    for (const device of devices) drawDevice(context, device, place, this.scale);
    this.measures.draw(context, place);
    this.mark(devices);
  }

  // Each tip has an element of its own, which a screen reader finds as well.
  mark(devices) {
    const gone = new Set(this.marks.keys());
    for (const device of devices) {
      if (!device.tip_px) continue;
      gone.delete(device.id);
      if (!this.marks.has(device.id)) {
        this.marks.set(device.id, new TipMark());
        this.tips.append(this.marks.get(device.id).root);
      }
      this.marks.get(device.id).show(device, this.toScreen(device.tip_px));
    }
    for (const id of gone) {
      this.marks.get(id).root.remove();
      this.marks.delete(id);
    }
  }

  veil(why) {
    this.band.hidden = !why;
    setText(this.band, why);
  }

  notice(why) {
    this.withheld.hidden = !why;
    setText(this.withheld, why);
  }

  words() {
    const parts = [`zoom ${this.zoomed.toFixed(1)}`];
    if (this.canvas.style.filter) parts.push(`window ${Math.round(this.window * 255)}  level ${Math.round(this.level * 255)}`);
    return parts.join("   ");
  }
}
