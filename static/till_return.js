// Pages of the till that read one code into a field: the field keeps the focus, the camera fills it and sends the form.

import { Camera } from "./till/camera.js";
import { $, atDesk, say } from "./till/page.js";

document.body.dataset.script = "on";
const field = $("[data-scan]");

if (field) {
  const camera = new Camera($("#camera video"), {
    onCode: (text) => {
      camera.stop();
      field.value = text;
      field.form.requestSubmit();
    },
    onState: (now) => {
      document.body.dataset.camera = now;
      $("#camera").hidden = now === "off";
      $("#camera-words").textContent = say(`camera_${now}`);
    },
  });
  $("[data-camera]").addEventListener("click", () => camera.start());
  if (atDesk() && document.activeElement === document.body) field.focus(); // never from under hands that type already
  // A scanner ends with Enter; where other fields are still to be filled in, that must not send the form half empty.
  field.addEventListener("keydown", (event) => {
    const reason = $("#reason");
    if (event.key !== "Enter" || !reason || reason.value.trim().length > 1) return;
    event.preventDefault();
    reason.focus();
  });
}

$("[data-print]")?.addEventListener("click", () => window.print());

addEventListener("keydown", (event) => {
  if (["F1", "F2", "F4", "F8", "F9", "F10"].includes(event.key)) event.preventDefault();
  if (event.key === "Escape") $('a[href$="/till"]')?.click();
});
