// Draws one catheter or guidewire: centreline, electrodes, tip with the 95 % bound of its error, and its number.

const COLOURS = { catheter: "#4cd9ff", guidewire: "#ffc24b", "electrode-catheter": "#c79bff" };
const CASING = "rgba(0, 0, 0, 0.55)";

// `scale` is how many picture px there are to a px of the screen: lines keep their width on it.
export function drawDevice(context, device, scale) {
  const colour = COLOURS[device.class] ?? COLOURS.catheter;
  context.save();
  context.globalAlpha = 0.4 + 0.6 * device.confidence;
  context.lineJoin = context.lineCap = "round";
  if (device.state !== "tracked") context.setLineDash([5 * scale, 5 * scale]);
  line(context, device.centreline_px, CASING, 4 * scale);
  line(context, device.centreline_px, colour, 2 * scale);
  context.setLineDash([]);
  for (const electrode of device.electrodes_px) dot(context, electrode, colour, scale);
  if (device.tip_px) tip(context, device, colour, scale);
  context.restore();
}

function line(context, points, colour, width) {
  if (points.length < 2) return;
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  // The centre of the top left pixel is (0, 0): half a pixel inside the picture.
  points.forEach(([x, y], n) => (n ? context.lineTo(x + 0.5, y + 0.5) : context.moveTo(x + 0.5, y + 0.5)));
  context.stroke();
}

function dot(context, [x, y], colour, scale) {
  for (const [style, radius] of [[CASING, 4], [colour, 3]]) {
    context.fillStyle = style;
    context.beginPath();
    context.arc(x + 0.5, y + 0.5, radius * scale, 0, 2 * Math.PI);
    context.fill();
  }
}

function tip(context, device, colour, scale) {
  const [x, y] = device.tip_px.map((v) => v + 0.5), radius = 7 * scale;
  for (const [style, width] of [[CASING, 4], [colour, 2]]) {
    context.strokeStyle = style;
    context.lineWidth = width * scale;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
  }
  if (device.error_px > 0) {
    context.setLineDash([3 * scale, 3 * scale]);
    context.lineWidth = scale;
    context.beginPath();
    context.arc(x, y, Math.max(device.error_px, radius + 3 * scale), 0, 2 * Math.PI);
    context.stroke();
    context.setLineDash([]);
  }
  const label = `${device.id}${device.visible ? "" : " ?"}`;
  context.font = `600 ${13 * scale}px system-ui, sans-serif`;
  context.lineWidth = 3 * scale;
  context.strokeStyle = CASING;
  context.fillStyle = colour;
  context.strokeText(label, x + 12 * scale, y - 9 * scale);
  context.fillText(label, x + 12 * scale, y - 9 * scale);
}
