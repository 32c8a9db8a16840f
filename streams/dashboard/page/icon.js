// The symbols of IEC 60601-1-8 for signals of alarms that are not given: a bell or a triangle, crossed out for good
// (off) or with broken lines (paused).

const SVG = "http://www.w3.org/2000/svg";
const SHAPES = {
  bell: "M12 3a6 6 0 0 0-6 6v5l-2 3h16l-2-3V9a6 6 0 0 0-6-6zM10 19a2 2 0 0 0 4 0",
  triangle: "M12 3.5 21.5 20h-19zM12 9v5M12 16.6v.6",
};
const INACTIVE = {
  "enabled": ["bell", ""], "audio-paused": ["bell", "dashed"], "audio-off": ["bell", "solid"],
  "alarm-paused": ["triangle", "dashed"], "alarm-off": ["triangle", "solid"],
};

export function icon(state) {
  const [shape, cross] = INACTIVE[state];
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of [["viewBox", "0 0 24 24"], ["class", "icon"], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
  svg.append(path(SHAPES[shape], ""));
  if (cross) svg.append(path("M3 3 21 21M21 3 3 21", cross));
  return svg;
}

function path(d, kind) {
  const made = document.createElementNS(SVG, "path");
  made.setAttribute("d", d);
  made.setAttribute("class", kind);
  return made;
}
