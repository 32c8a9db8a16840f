// How a catheter or guidewire looks: centreline, electrodes, the 95 % bound of its tip, and the mark of the tip itself.

import { element, setData, setText } from "./element.js";

export const COLOURS = { catheter: "#4cd9ff", guidewire: "#ffc24b", "electrode-catheter": "#d3a8ff" };
const CASING = "rgba(0, 0, 0, 0.55)";

// Draw a device on the screen: `place` gives where a point of the frame is there, `scale` the size of a frame's pixel.
export function drawDevice(context, device, place, scale) {
  const colour = COLOURS[device.class] ?? COLOURS.catheter;
  context.save();
  context.lineJoin = context.lineCap = "round";
  if (device.tip_px && device.error_px > 0) bound(context, place(device.tip_px), device.error_px * scale, colour);
  context.globalAlpha = 0.5 + 0.5 * device.confidence;
  if (device.state !== "tracked") context.setLineDash([6, 6]);
  line(context, device.centreline_px.map(place), CASING, 4.5);
  line(context, device.centreline_px.map(place), colour, 2);
  context.setLineDash([]);
  for (const electrode of device.electrodes_px) dot(context, place(electrode), colour);
  context.restore();
}

function line(context, points, colour, width) {
  if (points.length < 2) return;
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  points.forEach(([x, y], n) => (n ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}

function dot(context, [x, y], colour) {
  for (const [style, radius] of [[CASING, 4.5], [colour, 3.2]]) {
    context.fillStyle = style;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fill();
  }
}

// 19 of 20 tips lie within this circle.
function bound(context, [x, y], radius, colour) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.globalAlpha = 0.16;
  context.fillStyle = colour;
  context.fill();
  context.globalAlpha = 0.9;
  context.setLineDash([3, 3]);
  context.lineWidth = 1;
  context.strokeStyle = colour;
  context.stroke();
  context.setLineDash([]);
}

// The tip's mark: an element whose middle lies on the tip.
export class TipMark {
  constructor() {
    this.label = element("span", { class: "tip-id" });
    this.root = element("div", { class: "tip", role: "img" }, this.label);
  }

  show(device, [x, y]) {
    this.root.style.transform = `translate(${x}px, ${y}px)`;
    setData(this.root, "class", device.class);
    setData(this.root, "seen", String(device.visible && device.state === "tracked"));
    setText(this.label, `${device.id}${device.visible ? "" : " ?"}`);
    const name = `tip of ${device.class} ${device.id}, ${device.visible ? "seen" : "not seen"}`;
    if (name !== this.name) this.root.setAttribute("aria-label", this.name = name);
  }
}
