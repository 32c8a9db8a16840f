// A dialog: a title, a body, a row of buttons; and short words at the foot of the page about what has happened.

import { element } from "./element.js";

// Show a dialog. `buttons` maps labels to functions; one that gives false keeps it open. Gives the dialog's element.
export function dialog(title, body, buttons) {
  const heading = element("h2", { id: "dialog-title" }, title);
  const row = element("div", { class: "buttons" });
  const form = element("form", { method: "dialog" }, heading, body, row);
  const box = element("dialog", { "aria-labelledby": "dialog-title" }, form);
  const press = async (does) => {
    if ((await does?.()) !== false) box.close();
  };
  Object.entries(buttons).forEach(([label, does], n) => {
    const button = element("button", { type: n ? "button" : "submit", class: n ? "" : "main" }, label);
    if (n) button.addEventListener("click", () => press(does));
    row.append(button);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    press(Object.values(buttons)[0]);
  });
  box.addEventListener("close", () => box.remove());
  document.body.append(box);
  box.showModal();
  return box;
}

let hiding;
export function say(words, bad = false) {
  const said = document.getElementById("said");
  said.textContent = words;
  said.dataset.bad = String(bad);
  said.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { said.hidden = true; }, bad ? 8000 : 4000);
}
