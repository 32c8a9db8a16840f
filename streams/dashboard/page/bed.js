// One bed opened: all its leads, what can be done about its alarms, its alarm list, trends, and the whole recording.

import { AlarmList } from "./alarmlist.js";
import { Banner, Inactive, unseen } from "./alarms.js";
import { Disclosure } from "./disclosure.js";
import { element, placeOf, setData, setText } from "./element.js";
import { Leads } from "./leads.js";
import { openLimits } from "./limits.js";
import { command } from "./operator.js";
import { rhythmUrgent, rhythmWords } from "./rhythms.js";
import { silence } from "./silence.js";
import { stWords, Trend } from "./trend.js";

export class BedView {
  constructor(shell) {
    this.shell = shell;
    this.number = -1;
    this.root = element("section", { class: "bed-view", "aria-label": "Bed" });
    this.keys = {
      a: () => this.act("acknowledge"), s: () => this.act("audio-pause"), r: () => this.act("resume"),
      i: () => this.number >= 0 && openLimits(this.id),
    };
  }

  open(id) {
    this.id = id;
    this.number = this.shell.number(id);
    const name = placeOf(id), stream = this.shell.streams[this.number];
    if (stream?.kind !== "ecg") {
      this.number = -1;
      this.root.replaceChildren(element("p", { class: "notice" }, `There is no ${name} in this run.`));
      return;
    }
    this.banner = new Banner();
    this.inactive = new Inactive();
    this.rate = element("output", { class: "value", "aria-label": "heart rate, beats a minute" }, "––");
    this.rhythm = element("p", { class: "rhythm" });
    this.st = element("p", { class: "st", title: "ST level, mV" });
    this.leads_ = new Leads();
    this.list = new AlarmList(id, () => this.trend?.draw());
    this.trend = new Trend(id, () => this.list.alarms);
    this.buttons = this.actions();
    this.disclosure = null;
    this.root.setAttribute("aria-label", name);
    this.place = element("div", { class: "place" });
    this.root.replaceChildren(
      element("header", { class: "panel bed-head" },
        element("h2", {}, name),
        element("p", { class: "rate" }, element("span", { class: "unit" }, "HR"), this.rate, element("span", { class: "unit" }, "bpm")),
        this.rhythm, this.st, this.banner.root, this.inactive.root,
        element("div", { class: "actions", role: "group", "aria-label": "Alarms" }, ...Object.values(this.buttons))),
      this.leads_.root, this.list.root, this.trend.root, this.place);
  }

  actions() {
    const make = (words, key, does) => {
      const button = element("button", { type: "button", title: `${words} (${key})`, "aria-keyshortcuts": key }, words);
      button.addEventListener("click", does);
      return button;
    };
    const buttons = {
      acknowledge: make("Acknowledge", "a", this.keys.a),
      pause: make("Pause sound", "s", this.keys.s),
      resume: make("Resume", "r", this.keys.r),
      limits: make("Limits…", "i", this.keys.i),
    };
    buttons.acknowledge.className = "main";
    return buttons;
  }

  act(action) {
    if (this.number >= 0) return command(this.id, action);
  }

  close() {
    for (const part of [this.leads_, this.trend, this.disclosure]) part?.close();
    this.leads_ = this.trend = this.disclosure = null;
    this.number = -1;
  }

  watched() {
    return this.number < 0 ? [] : [this.number];
  }

  leads(stream, record) {
    if (stream !== this.number) return;
    const built = this.leads_.push(record, this.shell.streams[stream].leads, this.shell.now(), this.shell.message());
    // Beats that were told before this bed was opened.
    if (built) for (const { sample, label } of this.shell.signal(stream).marks) this.leads_.beat(sample, label);
  }

  beat(stream, sample, label) {
    if (stream === this.number) this.leads_.beat(sample, label);
  }

  status(status) {
    const stream = status.streams[this.number];
    if (!stream) return;
    const alarms = this.shell.alarms(stream.id), inactive = this.shell.inactive(stream.id);
    this.banner.show(alarms);
    this.inactive.show(inactive);
    this.list.status(alarms, inactive);
    this.buttons.acknowledge.disabled = !alarms.some(unseen);
    this.buttons.resume.disabled = !inactive.length;
    setData(this.root, "priority", alarms.find((alarm) => alarm.change !== "latched")?.priority ?? "none");
    if (!this.disclosure && stream.leads.length) {
      this.disclosure = new Disclosure(stream.id, [stream.lead, ...stream.leads.filter((lead) => lead !== stream.lead)]);
      this.place.append(this.disclosure.root);
    }
  }

  tick(nowMs, connected) {
    const stream = this.shell.streams[this.number];
    if (!stream) return;
    const why = silence(stream, this.shell.signal(this.number).endMs, nowMs, connected);
    this.leads_.tick(why);
    setText(this.st, why ? "" : stWords(stream.st_mv));
    const rate = why ? null : stream.heart_rate_bpm;
    setText(this.rate, rate === null ? "––" : String(Math.round(rate)));
    setText(this.rhythm, why ? "" : rhythmWords(stream.rhythm));
    setData(this.rhythm, "urgent", String(rhythmUrgent(stream.rhythm)));
  }

  draw(nowMs) {
    this.leads_?.draw(nowMs);
  }
}
