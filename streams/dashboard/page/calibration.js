// Measuring the screen: a bar is made as long as a bank card is wide (85.6 mm, ISO/IEC 7810 ID-1).

import { dialog } from "./dialog.js";
import { element } from "./element.js";
import { mmPx, setMmPx } from "./screen.js";

const CARD_MM = 85.6;

export function openCalibration() {
  const slider = element("input", { id: "card", type: "range", min: 200, max: 900, step: 1, value: Math.round(mmPx() * CARD_MM) });
  const card = element("div", { class: "card" });
  const size = () => { card.style.width = `${slider.value}px`; };
  slider.addEventListener("input", size);
  size();
  dialog("Size of this screen", element("div", {},
    element("p", {}, "Hold a bank card against the screen and make the bar as wide as the card: strips are then drawn at true 25 mm/s and mm/mV."),
    card, element("label", { for: "card" }, "Width"), slider), {
    Set: () => setMmPx(Number(slider.value) / CARD_MM),
    "As the browser says": () => setMmPx(0),
    Cancel: () => {},
  });
}
