// The bar at the top: the views, the most urgent alarms of all streams, the connection and the time.

import { Summary } from "./alarms.js";
import { element, placeOf, setData, setText } from "./element.js";
import { toggle } from "./theme.js";

const LINKS = { connecting: "connecting", live: "live", lost: "no connection: trying again" };
const $ = (id) => document.getElementById(id);

export class Bar {
  constructor(shell) {
    this.shell = shell;
    this.summary = new Summary($("summary"));
    this.keys = {
      t: toggle,
      b: () => { location.hash = "#/"; },
      e: () => { location.hash = "#/engine"; },
      l: () => { const lab = shell.streams.find((stream) => stream.kind === "xray"); if (lab) location.hash = `#/lab/${lab.id}`; },
      Escape: () => { location.hash = "#/"; },
    };
    $("theme").addEventListener("click", toggle);
  }

  status(status) {
    this.summary.show(status.alarms);
    this.labs(status.streams.filter((stream) => stream.kind === "xray"));
  }

  labs(labs) {
    const names = labs.map((lab) => lab.id).join();
    if (names === this.names) return;
    this.names = names;
    const links = labs.map((lab) => element("li", {}, element("a", { href: `#/lab/${lab.id}` }, placeOf(lab.id))));
    for (const old of document.querySelectorAll("#views li.lab-link")) old.remove();
    for (const link of links) link.className = "lab-link";
    $("views").children[0].after(...links);
    this.opened(...this.at);
  }

  // Mark the link of the open view.
  opened(name, id) {
    this.at = [name, id];
    for (const link of document.querySelectorAll("#views a")) {
      const [, view, of] = /^#\/(\w*)\/?(.*)$/.exec(link.getAttribute("href"));
      const here = view === name && (of === id || !of);
      if (here) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
  }

  link(state) {
    setText($("link"), LINKS[state]);
    setData($("link"), "state", state);
  }

  tick() {
    setText($("clock"), new Date().toLocaleTimeString([], { hour12: false }));
  }
}
