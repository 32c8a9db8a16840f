// The marks of beats: a tick, or the letter of the class where it is not N.
//
// Each is painted once, shared by all strips and kept as an image, for every canvas that sets text keeps a cache of it.

export const MARK_PX = 16;
const marks = new Map();

// A square of MARK_PX with the mark of a class.
export function markOf(label, colour) {
  const scale = window.devicePixelRatio || 1, key = `${label} ${colour} ${scale}`;
  if (!marks.has(key)) marks.set(key, paint(label, colour, scale));
  return marks.get(key);
}

function paint(label, colour, scale) {
  const canvas = new OffscreenCanvas(MARK_PX * scale, MARK_PX * scale), context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.fillStyle = colour;
  if (label === "N") {
    context.fillRect(MARK_PX / 2 - 1, 5, 2, 6);
  } else {
    context.font = "700 12px system-ui, sans-serif";
    context.textAlign = "center";
    context.fillText(label, MARK_PX / 2, 12);
  }
  return canvas.transferToImageBitmap();
}
