// One plane: its live picture with the overlay of that very frame, what is known about both, and why an overlay is gone.

import { Banner } from "./alarms.js";
import { Facts } from "./lab-facts.js";
import { Measures } from "./lab-measure.js";
import { Stage } from "./lab-stage.js";
import { element, placeOf, seconds, setData, setText } from "./element.js";
import { silence } from "./silence.js";

export class Plane {
  constructor(shell, number) {
    this.shell = shell;
    this.number = number;
    this.stream = shell.streams[number];
    const name = placeOf(this.stream.id);
    this.banner = new Banner();
    this.facts = new Facts(name);
    this.measures = new Measures(() => this.measured());
    this.stage = new Stage(name, this.measures);
    this.root = element("article", { class: "lab", "aria-label": name },
      element("header", {}, element("h2", {}, name), this.banner.root), this.stage.root,
      element("div", { class: "facts", tabindex: "0", role: "group", "aria-label": `what is known of the picture of ${name}` }, this.facts.root, this.measures.root));
    this.about = null;
    this.silent = "waiting for data";
    this.heldMs = null;
    this.shown = "";
  }

  close() {
    this.closed = true;
    this.stage.close();
  }

  use(tool) { this.stage.use(tool); }
  zoom(factor) { this.stage.zoom(factor); }
  fit() { this.stage.fit(); }
  resetWindow() { this.stage.resetWindow(); }
  clear() { this.measures.clear(); }

  hold(held) {
    this.heldMs = held && this.about ? this.about.captured_ms : null;
    this.waiting = null;
  }

  measured() {
    this.stage.stale = true;
  }

  // Decode the newest frame; those that come while one is being decoded replace each other.
  async take(about, jpeg) {
    if (this.heldMs !== null) return;
    this.waiting = { about, picture: new Blob([jpeg], { type: "image/jpeg" }) };
    if (this.decoding) return;
    this.decoding = true;
    try {
      while (this.waiting) {
        const { about: next, picture } = this.waiting;
        this.waiting = null;
        const image = await createImageBitmap(picture);
        if (this.closed || (this.heldMs !== null && this.about)) return void image.close();
        this.next?.image.close();
        this.next = { image, about: next };
      }
    } finally {
      this.decoding = false;
    }
  }

  update(stream) {
    this.stream = stream;
    const alarms = this.shell.alarms(stream.id);
    this.banner.show(alarms);
    setData(this.root, "priority", alarms[0] && alarms[0].change !== "latched" ? alarms[0].priority : "none");
  }

  ageMs(nowMs) {
    return nowMs === null || !this.about ? Infinity : nowMs - this.about.captured_ms;
  }

  // Why no overlay may be on the screen now, empty where it may.
  reason(nowMs) {
    if (!this.about) return "no picture yet";
    if (this.heldMs !== null) return "the picture is held";
    if (this.silent) return this.silent;
    const age = this.ageMs(nowMs), budget = this.about.age_budget_ms;
    if (age > budget) return `the frame is older than ${budget} ms, its budget`;
    return this.about.shown ? "" : this.about.reason;
  }

  draw(nowMs) {
    if (this.next) {
      const { image, about } = this.next;
      this.next = null;
      this.about = about;
      this.measures.scale = about;
      this.stage.picture(image, about);
      setData(this.root, "frame", String(about.frame));
    }
    if (!this.about) return;
    const reason = this.reason(nowMs), shown = reason ? "withdrawn" : "shown";
    if (shown !== this.shown) {
      this.shown = shown;
      this.stage.stale = true;
      setData(this.root, "overlay", shown);
      this.facts.overlay(reason, this.about);
    }
    this.stage.draw(reason ? [] : this.about.devices);
  }

  tick(nowMs, connected) {
    this.silent = silence(this.stream, this.about ? this.about.captured_ms : NaN, nowMs, connected);
    if (this.heldMs !== null && connected && this.stream.state === "live") this.silent = "";
    const held = this.heldMs === null || nowMs === null ? "" : `picture held, ${seconds((nowMs - this.heldMs) / 1000)} old`;
    const why = this.silent && this.about && this.heldMs === null ? `${this.silent} · last picture held` : this.silent || held;
    this.stage.veil(why);
    setData(this.root, "frozen", String(Boolean(this.silent)));
    setData(this.root, "held", String(Boolean(held)));
    const reason = this.reason(nowMs);
    this.facts.overlay(reason, this.about);
    this.stage.notice(reason && this.about ? `overlay withdrawn: ${reason}` : "");
    this.facts.show(this.about, { ageMs: this.ageMs(nowMs), nowMs, live: !this.silent && this.heldMs === null, reason });
    if (this.about) setText(this.stage.corner, this.corner());
  }

  corner() {
    const { frame, width, height } = this.about;
    return `frame ${frame}\n${width} × ${height}   ${this.stream.messages_hz.toFixed(1)} fps\n${this.stage.words()}`;
  }
}
