// The central station: every bed in a grid that fits the window.

import { element, setData } from "./element.js";
import { Sheet } from "./sheet.js";
import { Tile } from "./tile.js";

const LEAST_PX = { width: 300, height: 92 }, GAP_PX = 6;

export class Station {
  constructor(shell) {
    this.shell = shell;
    this.root = element("section", { class: "station", "aria-label": "Beds" });
    this.tiles = shell.streams
      .map((stream, number) => ({ stream, number }))
      .filter(({ stream }) => stream.kind === "ecg")
      .map(({ stream, number }) => new Tile(stream, shell.signal(number), number));
    for (const tile of this.tiles) this.root.append(tile.root);
    if (!this.tiles.length) this.root.append(element("p", { class: "notice" }, "This run has no bed."));
    addEventListener("resize", () => this.fit());
    new ResizeObserver(() => this.fit()).observe(document.querySelector(".top"));
    this.fit();
    this.keys = {
      ArrowRight: () => this.move(1), ArrowLeft: () => this.move(-1),
      ArrowDown: () => this.move(this.columns), ArrowUp: () => this.move(-this.columns),
      a: () => this.tiles[this.focused()]?.seen.click(),
    };
  }

  open() {
    this.sheet = new Sheet(this.root);
    for (const tile of this.tiles) tile.mount(this.sheet);
  }

  close() {
    this.sheet.close();
  }

  // As few columns as let all beds be seen at once: the strips are then the longest.
  // Measured is the place of the view, not the view: laying out all tiles twice would cost when the page is opened.
  fit() {
    const place = document.getElementById("main").getBoundingClientRect();
    const width = place.width - 2 * GAP_PX, height = innerHeight - place.top - 2 * GAP_PX;
    const rows = Math.max(1, Math.floor(height / (LEAST_PX.height + GAP_PX)));
    const most = Math.max(1, Math.floor((width + GAP_PX) / (LEAST_PX.width + GAP_PX)));
    const columns = Math.min(most, Math.max(1, Math.ceil(this.tiles.length / rows)));
    this.columns = columns;
    this.root.style.setProperty("--height", `${innerHeight - place.top}px`);
    this.root.style.setProperty("--columns", columns);
    this.root.style.setProperty("--rows", Math.ceil(this.tiles.length / columns));
    setData(this.root, "narrow", String(width / columns < 420));
  }

  // Number of the tile that has the focus, -1 where none has.
  focused() {
    return this.tiles.findIndex((tile) => tile.root.contains(document.activeElement));
  }

  move(by) {
    const at = this.focused(), to = at < 0 ? 0 : at + by;
    this.tiles[to]?.root.querySelector("a").focus();
  }

  status(status) {
    for (const tile of this.tiles) {
      const stream = status.streams[tile.number];
      tile.status(stream, this.shell.alarms(stream.id), this.shell.inactive(stream.id));
    }
  }

  tick(nowMs, connected) {
    for (const tile of this.tiles) tile.tick(nowMs, connected);
  }

  draw(nowMs) {
    for (const tile of this.tiles) tile.draw(nowMs);
  }
}
