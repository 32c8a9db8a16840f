// The navigation view: one lab, beside it a second plane where there is one, and the tools that work on both.

import { element, placeOf, setData } from "./element.js";
import { Plane } from "./lab-plane.js";

const TOOLS = [
  ["window", "Window", "w", "drag sideways: contrast, up and down: brightness"],
  ["move", "Move", "p", "drag moves the picture"],
  ["measure", "Measure", "m", "two points give a distance"],
];
const ZOOM_STEP = 1.25;

export class LabView {
  constructor(shell) {
    this.shell = shell;
    this.planes = [];
    this.tool = "window";
    this.place = element("div", { class: "planes" });
    this.partner = element("select", { "aria-label": "second plane" });
    this.partner.addEventListener("change", () => this.show([this.planes[0].number, Number(this.partner.value)]));
    this.choice = element("label", { class: "partner" }, "second plane ", this.partner);
    this.root = element("section", { class: "lab-view", "aria-label": "Navigation" }, this.toolbar(), this.place);
    this.keys = {
      ...Object.fromEntries(TOOLS.map(([tool, , key]) => [key, () => this.use(tool)])),
      h: () => this.hold(), 0: () => this.each("fit"), r: () => this.each("resetWindow"), c: () => this.each("clear"),
      "+": () => this.each("zoom", ZOOM_STEP), "=": () => this.each("zoom", ZOOM_STEP), "-": () => this.each("zoom", 1 / ZOOM_STEP),
    };
  }

  toolbar() {
    const button = (words, key, title, does) => {
      const made = element("button", { type: "button", title: `${title} (${key})`, "aria-keyshortcuts": key }, words,
        element("kbd", { "aria-hidden": "true" }, key));
      made.addEventListener("click", does);
      return made;
    };
    this.tools = TOOLS.map(([tool, words, key, title]) => {
      const made = button(words, key, title, () => this.use(tool));
      made.dataset.tool = tool;
      return made;
    });
    this.holding = button("Hold", "h", "keep this picture on the screen", () => this.hold());
    this.holding.classList.add("hold");
    const group = (name, ...parts) => element("div", { role: "group", "aria-label": name }, ...parts);
    const bar = element("div", { class: "lab-tools", role: "toolbar", "aria-label": "Tools of the picture" },
      group("Picture", this.holding), group("What a drag does", ...this.tools),
      group("Zoom", button("Closer", "+", "zoom in", () => this.each("zoom", ZOOM_STEP)),
        button("Farther", "-", "zoom out", () => this.each("zoom", 1 / ZOOM_STEP)), button("Fit", "0", "the whole picture", () => this.each("fit"))),
      group("Begin anew", button("Reset window", "r", "contrast and brightness as they came", () => this.each("resetWindow")),
        button("Clear", "c", "take the measured distances away", () => this.each("clear"))),
      this.choice);
    return bar;
  }

  open(id) {
    const number = this.shell.number(id), labs = this.labs();
    this.place.replaceChildren();
    this.planes = [];
    if (!labs.includes(number)) {
      this.place.append(element("p", { class: "notice" }, `There is no lab ${placeOf(id)} in this run.`));
      this.choice.hidden = true;
      return;
    }
    const others = labs.filter((other) => other !== number);
    this.choice.hidden = !others.length;
    this.partner.replaceChildren(element("option", { value: -1 }, "none"),
      ...others.map((other) => element("option", { value: other }, placeOf(this.shell.streams[other].id))));
    const root = id.split("/")[0];
    this.show([number, others.find((other) => this.shell.streams[other].id.split("/")[0] === root) ?? -1]);
  }

  // Numbers of the streams with pictures.
  labs() {
    return this.shell.streams.flatMap((stream, number) => (stream.kind === "xray" ? [number] : []));
  }

  show(numbers) {
    for (const plane of this.planes) plane.close();
    this.planes = numbers.filter((number) => number >= 0).map((number) => new Plane(this.shell, number));
    this.place.replaceChildren(...this.planes.map((plane) => plane.root));
    setData(this.place, "count", String(this.planes.length));
    this.partner.value = String(numbers[1] ?? -1);
    this.held = false;
    this.use(this.tool);
    this.marked();
    if (this.shell.status) this.status(this.shell.status);
  }

  close() {
    for (const plane of this.planes) plane.close();
    this.planes = [];
  }

  each(does, ...values) {
    for (const plane of this.planes) plane[does](...values);
  }

  use(tool) {
    this.tool = tool;
    for (const button of this.tools) button.setAttribute("aria-pressed", String(button.dataset.tool === tool));
    this.each("use", tool);
  }

  hold() {
    this.held = !this.held;
    this.each("hold", this.held);
    this.marked();
  }

  marked() {
    this.holding.setAttribute("aria-pressed", String(this.held));
    this.holding.firstChild.data = this.held ? "Go live" : "Hold";
  }

  watched() {
    return this.planes.map((plane) => plane.number);
  }

  frame(stream, about, jpeg) {
    this.planes.find((plane) => plane.number === stream)?.take(about, jpeg);
  }

  status(status) {
    for (const plane of this.planes) plane.update(status.streams[plane.number]);
  }

  tick(nowMs, connected) {
    this.each("tick", nowMs, connected);
  }

  draw(nowMs) {
    this.each("draw", nowMs);
  }
}
