// Makes elements, and changes their text only where it differs: an unchanged page costs no layout.

export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setData(node, name, value) {
  if (node.dataset[name] !== value) node.dataset[name] = value;
}

// "bed-1/ecg" -> "Bed 1"
export function placeOf(streamId) {
  const place = streamId.includes("/") ? streamId.slice(0, streamId.lastIndexOf("/")) : streamId;
  const words = place.replaceAll("-", " ").replaceAll("/", " · ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function seconds(value) {
  if (value < 60) return `${Math.floor(value)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min`;
  return `${Math.floor(value / 3600)} h`;
}
