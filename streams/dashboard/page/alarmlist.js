// The alarms of a bed from the journal, the newest first; one that has a strip opens to it.

import { badge, name } from "./alarms.js";
import { clock } from "./clock.js";
import { element } from "./element.js";
import { Paper } from "./paper.js";
import { read } from "./records.js";

const MOST = 1000; // entries that are kept while new ones come; "Earlier" brings older ones back
const TOGETHER_MS = 1000;

export class AlarmList {
  // `changed` is called when the list has changed.
  constructor(stream, changed) {
    this.stream = stream;
    this.changed = changed;
    this.alarms = []; // those that began
    this.list = element("ol", { class: "list" });
    this.more = element("button", { type: "button", hidden: "" }, "Earlier");
    this.more.addEventListener("click", () => this.load(this.last));
    this.root = element("section", { class: "panel alarm-list", "aria-label": "Alarms of this bed" },
      element("h3", {}, "Alarms"), element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "List of alarms" }, this.list, this.more));
    this.known = new Set();
  }

  // Load anew where the alarms or what is paused have changed.
  status(alarms, inactive) {
    const key = [...alarms.map((a) => `${a.condition} ${a.change}`), ...inactive.map((i) => `${i.condition} ${i.change}`)].join();
    if (key === this.key) return;
    this.key = key;
    this.load();
  }

  async load(before = 0) {
    const query = `stream=${encodeURIComponent(this.stream)}&before=${before}`;
    const answer = await fetch(`api/alarms?${query}`).catch(() => null);
    if (!answer?.ok) return;
    const entries = await answer.json();
    const fresh = entries.filter((entry) => !this.known.has(entry.id));
    const shown = fresh.filter((entry) => (entry.kind !== "command" || entry.change === "limits")
      && !entries.some((other) => again(entry, other)));
    for (const entry of fresh) this.known.add(entry.id);
    const rows = shown.map((entry) => this.row(entry));
    if (before) this.list.append(...rows);
    else this.list.prepend(...rows);
    if (entries.length && (before || !this.last)) {
      this.last = entries.at(-1).id;
      this.more.hidden = this.last <= 1 || entries.length < 100;
    }
    this.alarms = [...this.alarms, ...shown.filter((entry) => entry.kind === "alarm" && entry.change === "on")];
    if (!before) this.trim();
    if (!this.known.size) this.list.replaceChildren(element("li", { class: "calm" }, "none yet"));
    else this.list.querySelector(".calm")?.remove();
    this.changed();
  }

  // A list that stays open for days does not grow.
  trim() {
    if (this.list.children.length <= MOST) return;
    while (this.list.children.length > MOST) this.list.lastChild.remove();
    this.last = Number(this.list.lastChild.dataset.id);
    this.more.hidden = false;
    this.known = new Set([...this.known].filter((id) => id >= this.last));
    this.alarms = this.alarms.filter(({ id }) => id >= this.last);
  }

  row(entry) {
    const when = new Date(entry.written_ms), time = element("time", { datetime: when.toISOString() },
      clock(entry.written_ms));
    time.title = when.toLocaleString();
    const what = entry.kind === "alarm" ? badge(entry) : element("span", { class: "what" }, describe(entry));
    const words = element("span", { class: "words" }, entry.kind === "alarm" ? change(entry) : entry.by ? `by ${entry.by}` : "");
    const row = element("li", { "data-id": entry.id, "data-kind": entry.kind, "data-condition": entry.condition });
    if (!entry.strip) {
      row.append(element("span", { class: "entry" }, time, what, words));
      return row;
    }
    const button = element("button", { type: "button", class: "entry", "aria-expanded": "false" }, time, what, words,
      element("span", { class: "opens" }, "strip"));
    button.addEventListener("click", () => this.toggle(entry, row, button));
    row.append(button);
    return row;
  }

  async toggle(entry, row, button) {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    if (open) return void row.lastChild.remove();
    const paper = new Paper(`strip that made the alarm ${name(entry.condition)}`);
    row.append(paper.root);
    const answer = await fetch(`api/strip?id=${entry.id}`).catch(() => null);
    if (!answer?.ok) return;
    read(await answer.arrayBuffer(), { piece: (_, piece) => {
      const beats = piece.beats.map(([sample, label]) => [sample - piece.first_sample, label]);
      paper.show({ ...piece, beats });
    } });
    paper.root.scrollLeft = paper.root.scrollWidth;
  }
}

// Those of the patient's alarms and of the technical ones each tell that they are paused, for the one command.
function again(entry, before) {
  return entry.kind === "inactivation" && before.id < entry.id && entry.written_ms - before.written_ms < TOGETHER_MS
    && ["kind", "condition", "change", "by"].every((name) => entry[name] === before[name]);
}

function change(entry) {
  if (entry.change === "acknowledged" || entry.by) return `${entry.change}${entry.by ? ` by ${entry.by}` : ""}`;
  return entry.change === "on" ? entry.text : entry.change;
}

function describe(entry) {
  if (entry.change === "limits") {
    return `limits: ${Object.entries(entry.limits).map(([limit, value]) => `${limit} ${value}`).join(", ")}`;
  }
  return `${entry.condition ? `${name(entry.condition)}: ` : ""}signals ${entry.change.replace("-", " ")}`;
}
