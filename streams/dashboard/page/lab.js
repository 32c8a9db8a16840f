// The lab view: live fluoroscopy with the overlay that belongs to the frame on the screen, and the age of both.

import { Banner } from "./alarms.js";
import { drawDevice } from "./device.js";
import { element, placeOf, setData, setText } from "./element.js";
import { silence } from "./silence.js";

const LISTED = 3;

export class LabView {
  constructor(shell) {
    this.shell = shell;
    this.root = element("section", { class: "lab-view", "aria-label": "Lab" });
  }

  open(id) {
    this.number = this.shell.number(id);
    this.root.replaceChildren();
    this.lab = this.number < 0 ? null : new Lab(this.shell.streams[this.number]);
    if (this.lab) this.lab.mount(this.root);
    else this.root.append(element("p", { class: "notice" }, `There is no lab ${placeOf(id)} in this run.`));
  }

  close() {
    this.lab = null;
    this.number = -1;
  }

  watched() {
    return this.lab ? [this.number] : [];
  }

  frame(stream, about, jpeg) {
    if (this.lab && stream === this.number) this.lab.take(about, jpeg);
  }

  status(status) {
    const stream = status.streams[this.number];
    if (this.lab) this.lab.update(stream, this.shell.alarms(stream.id));
  }

  tick(nowMs, connected) {
    this.lab?.tick(nowMs, connected);
  }

  draw(nowMs) {
    this.lab?.draw(nowMs);
  }
}

class Lab {
  constructor(status) {
    const name = placeOf(status.id);
    this.banner = new Banner();
    this.canvas = element("canvas", { role: "img", "aria-label": `fluoroscopy of ${name}`, width: 512, height: 512 });
    this.veil = element("p", { class: "veil", hidden: "" });
    this.notice = element("p", { class: "withheld", role: "status", hidden: "" });
    this.corner = element("p", { class: "corner" });
    this.age = element("output", { class: "value", "aria-label": "age of the frame, ms" }, "––");
    this.budget = element("span", { class: "unit" });
    this.meter = element("meter", { min: 0, "aria-label": "age of the frame against its budget" });
    this.devices = element("ul", { class: "devices" });
    this.root = element("article", { class: "lab", "aria-label": name },
      element("header", {}, element("h2", {}, name), this.banner.root),
      element("div", { class: "screen" }, this.canvas, this.corner, this.notice, this.veil),
      element("div", { class: "facts" },
        element("p", { class: "frame-age" }, element("span", { class: "unit" }, "age"), this.age,
          element("span", { class: "unit" }, "ms"), this.meter, this.budget),
        this.devices));
    this.status = status;
    this.about = null;
    this.withheld = "";
  }

  mount(parent) {
    parent.append(this.root);
    this.context = this.canvas.getContext("2d");
  }

  // Decode the newest frame; those that come while one is being decoded replace each other.
  async take(about, jpeg) {
    this.waiting = { about, picture: new Blob([jpeg], { type: "image/jpeg" }) };
    if (this.decoding) return;
    this.decoding = true;
    try {
      while (this.waiting) {
        const { about: next, picture } = this.waiting;
        this.waiting = null;
        const image = await createImageBitmap(picture);
        this.image?.close();
        Object.assign(this, { image, about: next, dirty: true });
      }
    } finally {
      this.decoding = false;
    }
  }

  update(status, alarms) {
    this.status = status;
    this.banner.show(alarms);
    setData(this.root, "priority", alarms[0] && alarms[0].change !== "latched" ? alarms[0].priority : "none");
  }

  ageMs(nowMs) {
    return nowMs === null || !this.about ? Infinity : nowMs - this.about.captured_ms;
  }

  // Why no overlay may be on the screen now, empty where it may.
  reason(nowMs) {
    if (!this.about) return "";
    const age = this.ageMs(nowMs), budget = this.about.age_budget_ms;
    if (age > budget) return `frame is ${Math.round(age)} ms old, over its budget of ${budget} ms`;
    return this.about.shown ? "" : this.about.reason;
  }

  draw(nowMs) {
    if (!this.about) return;
    const withheld = this.reason(nowMs) !== "";
    if (!this.dirty && withheld === this.withheld) return;
    this.dirty = false;
    this.withheld = withheld;
    const { width, height, devices } = this.about, image = this.image;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, { width, height });
    }
    this.context.drawImage(image, 0, 0, width, height);
    if (withheld) return;
    const scale = width / Math.max(this.canvas.clientWidth, 1);
    for (const device of devices) drawDevice(this.context, device, scale);
  }

  tick(nowMs, connected) {
    const why = silence(this.status, this.about ? this.about.captured_ms : NaN, nowMs, connected);
    this.veil.hidden = !why;
    setText(this.veil, why);
    setData(this.root, "frozen", String(Boolean(why)));
    const reason = why ? "" : this.reason(nowMs);
    this.notice.hidden = !reason;
    setText(this.notice, reason && `overlay withdrawn: ${reason}`);
    if (!this.about) return;
    const { age_budget_ms: budget, frame, width, height } = this.about;
    const age = this.ageMs(nowMs);
    setText(this.age, why ? "––" : String(Math.round(age)));
    const moved = why || reason ? null : this.about.overlay_age_mm;
    setText(this.budget, `of ${budget} ms${moved === null ? "" : `, moved ${moved.toFixed(2)} mm`}`);
    Object.assign(this.meter, { max: budget, high: budget * 0.8, value: Math.min(age, budget) });
    setText(this.corner, `frame ${frame}   ${width} × ${height}   ${this.status.messages_hz.toFixed(1)} fps`);
    this.list(why || reason ? [] : this.about.devices, this.about);
  }

  // The surest devices in words, each a line.
  list(devices, about) {
    const surest = [...devices].sort((a, b) => b.confidence - a.confidence);
    const lines = surest.slice(0, LISTED).map((device) => describe(device, about));
    if (!lines.length) lines.push({ words: "no device shown", title: "" });
    if (devices.length > LISTED) lines.push({ words: `and ${devices.length - LISTED} more`, title: "" });
    while (this.devices.children.length > lines.length) this.devices.lastChild.remove();
    lines.forEach(({ words, title }, n) => {
      if (!this.devices.children[n]) this.devices.append(element("li"));
      setText(this.devices.children[n], words);
      this.devices.children[n].title = title;
    });
  }
}

function describe(device, about) {
  const parts = [`${device.id}  ${device.class}, ${device.state}`, `${Math.round(device.confidence * 100)} %`];
  const numbers = (point) => point.map((value) => value.toFixed(1)).join(", ");
  if (!device.visible) parts.push("tip not visible");
  else if (device.tip_px) parts.push(`tip ${numbers(device.tip_px)} px`);
  if (device.visible && device.tip_mm) parts.push(`${numbers(device.tip_mm)} mm`);
  return { words: parts.join("  "), title: device.tip_mm ? `mm at the ${about.spacing_plane}` : "" };
}
