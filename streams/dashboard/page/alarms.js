// How alarm conditions look: colour, symbol and words together, never colour alone (IEC 60601-1-8).

import { element, placeOf, seconds, setText } from "./element.js";

const SYMBOLS = { high: "!!!", medium: "!!", low: "!" };
const SHOWN = 4;

export function badge(alarm) {
  const symbol = element("span", { class: "symbol", title: `${alarm.priority} priority` }, SYMBOLS[alarm.priority]);
  const name = element("strong", {}, alarm.condition.replaceAll("_", " "));
  return element("span", { class: "badge", "data-priority": alarm.priority, "data-change": alarm.change }, symbol, name);
}

// The banner of one stream: its most urgent condition in words, and how many more there are.
export class Banner {
  constructor() {
    this.root = element("p", { class: "banner" });
    this.show([]);
  }

  show(alarms) {
    const [first] = alarms;
    const key = first ? `${first.condition} ${first.change} ${alarms.length}` : "none";
    if (key !== this.key) {
      this.key = key;
      this.age = element("span", { class: "age" });
      this.root.replaceChildren(...(first ? this.parts(first, alarms.length) : ["no alarms"]));
      for (const name of ["priority", "change"]) {
        if (first) this.root.dataset[name] = first[name];
        else delete this.root.dataset[name];
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
  if (alarm.change === "acknowledged") return `${alarm.text}, acknowledged`;
  return alarm.text;
}

// The most urgent alarms of all streams, for the top of the page.
export class Summary {
  constructor(root) {
    this.root = root;
  }

  show(alarms) {
    const key = alarms.map((alarm) => `${alarm.stream} ${alarm.condition} ${alarm.change}`).join();
    if (key === this.key) return;
    this.key = key;
    const items = alarms.slice(0, SHOWN).map((alarm) => element("li", {}, badge(alarm), placeOf(alarm.stream)));
    if (alarms.length > SHOWN) items.push(element("li", {}, `+${alarms.length - SHOWN} more`));
    if (!alarms.length) items.push(element("li", { class: "calm" }, "no alarms"));
    this.root.replaceChildren(...items);
  }
}
