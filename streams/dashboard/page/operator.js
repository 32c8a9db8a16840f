// Who sits here, asked once and sent with every command, and the commands themselves.

import { dialog, say } from "./dialog.js";
import { element, placeOf } from "./element.js";

const KEY = "heartwire.operator";
const listeners = new Set();

export const operator = () => sessionStorage.getItem(KEY) ?? "";
export const onOperator = (listener) => listeners.add(listener);

// Ask who it is; resolves to the name, empty where none was given.
export function askOperator() {
  return new Promise((resolve) => {
    const input = element("input", { id: "operator-name", maxlength: 64, autocomplete: "off", required: "" });
    input.value = operator();
    const body = element("div", {}, element("p", {}, "Your name is written into the journal with each command you give."),
      element("label", { for: "operator-name" }, "Name"), input);
    let name = "";
    const box = dialog("Who is at this screen?", body, {
      OK: () => {
        if (!input.value.trim()) return false;
        name = input.value.trim();
        sessionStorage.setItem(KEY, name);
        for (const listener of listeners) listener();
      },
      Cancel: () => {},
    });
    box.addEventListener("close", () => resolve(name));
    input.focus();
  });
}

const DONE = {
  acknowledge: "acknowledged", "audio-pause": "sound paused", "audio-off": "sound off", "alarm-pause": "alarms paused",
  "alarm-off": "alarms off", resume: "every signal is given again", limits: "limits changed",
};

// Give a command; says on the page what became of it and gives whether it was carried out.
export async function command(stream, action, more = {}) {
  const by = operator() || (await askOperator());
  if (!by) return false;
  const where = placeOf(stream);
  try {
    const answer = await fetch("api/command", {
      method: "POST", headers: { "content-type": "application/json" },
      body: JSON.stringify({ stream, action, by, ...more }),
    });
    const outcome = answer.headers.get("content-type") === "application/json" ? await answer.json()
      : { accepted: false, reason: await answer.text() };
    say(outcome.accepted ? `${where}: ${DONE[action]}, by ${by}` : `${where}: refused: ${outcome.reason}`, !outcome.accepted);
    return outcome.accepted;
  } catch {
    say(`${where}: not given: no connection`, true);
    return false;
  }
}
