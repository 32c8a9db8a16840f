// How alarm conditions look: colour, symbol and words together, never colour alone (IEC 60601-1-8).

import { element, placeOf, seconds, setText } from "./element.js";
import { icon } from "./icon.js";

const SYMBOLS = { high: "!!!", medium: "!!", low: "!" };
const SHOWN = 4;
const INACTIVE = {
  "audio-paused": "sound paused", "audio-off": "sound off", "alarm-paused": "alarms paused", "alarm-off": "alarms off",
};

export const name = (condition) => condition.replaceAll("_", " ");
export const unseen = (alarm) => alarm.change !== "acknowledged";

export function badge(alarm) {
  const symbol = element("span", { class: "symbol", title: `${alarm.priority} priority` }, SYMBOLS[alarm.priority]);
  return element("span", { class: "badge", "data-priority": alarm.priority, "data-change": alarm.change },
    symbol, element("strong", {}, name(alarm.condition)));
}

// The banner of one stream: its most urgent condition in words, and how many more there are.
export class Banner {
  constructor() {
    this.root = element("p", { class: "banner" });
    this.show([]);
  }

  show(alarms) {
    const [first] = alarms;
    const key = first ? `${first.condition} ${first.change} ${first.by} ${first.inactivation} ${alarms.length}` : "none";
    if (key !== this.key) {
      this.key = key;
      this.age = element("span", { class: "age" });
      this.root.replaceChildren(...(first ? this.parts(first, alarms.length) : ["no alarms"]));
      for (const field of ["priority", "change"]) {
        if (first) this.root.dataset[field] = first[field];
        else delete this.root.dataset[field];
      }
    }
    if (first) setText(this.age, seconds(first.since_s));
  }

  parts(alarm, count) {
    const words = [badge(alarm), element("span", { class: "words" }, wording(alarm)), this.age];
    if (count > 1) words.push(element("span", { class: "more", title: "further alarms" }, `+${count - 1}`));
    return words;
  }
}

function wording(alarm) {
  if (alarm.change === "latched") return `${alarm.text}, over but not acknowledged`;
  if (alarm.change === "acknowledged") return `${alarm.text}, acknowledged${alarm.by ? ` by ${alarm.by}` : ""}`;
  return alarm.text;
}

// Which signals of a stream are not given, by whom and for how long; nothing where all are.
export class Inactive {
  constructor() {
    this.root = element("p", { class: "inactive", hidden: "" });
  }

  show(inactive) {
    const worst = inactive.find((one) => one.change.startsWith("alarm")) ?? inactive[0];
    this.root.hidden = !worst;
    if (!worst) return;
    const key = `${worst.change} ${worst.condition} ${worst.by}`;
    if (key !== this.key) {
      this.key = key;
      this.rest = element("span");
      const what = `${worst.condition ? `${name(worst.condition)}: ` : ""}${INACTIVE[worst.change]}`, by = worst.by ? `by ${worst.by}` : "";
      const words = (text) => element("span", { class: "words" }, text);
      this.root.title = `${what} ${by}`;
      this.root.replaceChildren(icon(worst.change), words(what), this.rest, words(by));
    }
    setText(this.rest, worst.ends_s === null ? "" : clockOf(worst.ends_s));
  }
}

const clockOf = (s) => `${Math.floor(s / 60)}:${String(Math.floor(s % 60)).padStart(2, "0")}`;

// The most urgent alarms of all streams, for the top of the page.
export class Summary {
  constructor(root) {
    this.root = root;
  }

  show(alarms, streams) {
    const key = alarms.map((alarm) => `${alarm.stream} ${alarm.condition} ${alarm.change}`).join();
    if (key === this.key) return;
    this.key = key;
    const items = alarms.slice(0, SHOWN).map((alarm) => element("li", {}, badge(alarm), place(alarm.stream, streams)));
    if (alarms.length > SHOWN) items.push(element("li", {}, `+${alarms.length - SHOWN} more`));
    if (!alarms.length) items.push(element("li", { class: "calm" }, "no alarms"));
    this.root.replaceChildren(...items);
  }
}

function place(id, streams) {
  const kind = streams.find((stream) => stream.id === id)?.kind;
  return element("a", { href: `#/${kind === "xray" ? "lab" : "bed"}/${id}` }, placeOf(id));
}
