// Every key press, in one place. A keyboard-wedge scanner types fast and ends with Enter (or Tab); a person types
// slowly. So a scan finds its way to the till wherever the focus is, and cannot press anything on its way.

import { $, $$, atDesk } from "./page.js";

const FAST_MS = 40; // between two characters of a scanner
const SCAN_LENGTH = 6; // fewer characters than any code that we read
const CHOICE_MS = 90; // a digit that is followed by another this soon was a scan, not a choice
const COMMANDS = ["F1", "F2", "F4", "F8", "F9", "F10"];
const EDITS = ["ArrowUp", "ArrowDown", "+", "-", "=", "Delete", "Escape"];

/**
 * field      the scan field
 * isHeld     whether a refusal or a question holds the screen
 * onScan     a scan that arrived while another field had the focus
 * onCommand  a function key
 * onEdit     arrows, + − Del and Esc; answers whether the key was used
 * onChoice   a digit pressed by a person while the screen is held
 */
export function listen(field, { isHeld, onScan, onCommand, onEdit, onChoice }) {
  let burst = "";
  let lastAt = -Infinity;
  let before = "";
  let choice = null;
  const choose = () => {
    const pressed = choice?.pressed;
    clearTimeout(choice?.timer);
    choice = null;
    if (pressed) onChoice(pressed);
  };

  addEventListener(
    "keydown",
    (event) => {
      if (event.key.length > 1) choose(); // whatever comes next was not the rest of a scan
      if (COMMANDS.includes(event.key)) {
        event.preventDefault();
        if (!event.repeat) onCommand(event.key);
        return;
      }
      if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
      const fast = event.timeStamp - lastAt < FAST_MS;
      const target = document.activeElement;
      const editable = target.matches?.("input, textarea, select") ?? false;

      if (event.key.length === 1) {
        if (!fast) {
          burst = "";
          before = editable && target !== field ? target.value : "";
        }
        burst += event.key;
        lastAt = event.timeStamp;
        clearTimeout(choice?.timer);
        choice = null;
        if (isHeld() && !(editable && target !== field)) {
          event.preventDefault();
          if (burst.length === 1) choice = { pressed: event.key, timer: setTimeout(choose, CHOICE_MS) };
          return;
        }
        if (onEditAllowed(event, field, editable, fast) && onEdit(event.key)) return event.preventDefault();
        const presses = event.key === " " && target.matches?.("button, a, summary");
        if (!editable && !presses) $("dialog[open]")?.close();
        if (!editable && !presses) field.focus({ preventScroll: true }); // the character lands in the field
        return;
      }

      if (event.key === "Enter" || event.key === "Tab") {
        const scanned = burst.length >= SCAN_LENGTH && event.timeStamp - lastAt < 3 * FAST_MS;
        const text = burst;
        burst = "";
        if (isHeld() && scanned) return swallow(event);
        if (scanned && editable && target !== field) {
          swallow(event);
          target.value = before;
          return onScan(text);
        }
        if (scanned && event.key === "Tab" && target === field) {
          swallow(event);
          field.form.requestSubmit();
        }
        return;
      }
      if (EDITS.includes(event.key) && onEditAllowed(event, field, editable, fast) && onEdit(event.key)) {
        event.preventDefault();
      }
    },
    { capture: true },
  );

  keepFocus(field, isHeld);
}

const swallow = (event) => {
  event.preventDefault();
  event.stopPropagation();
};

/** Editing keys mean the basket only while nothing is being typed; arrows and Esc always. */
function onEditAllowed(event, field, editable, fast) {
  if (!EDITS.includes(event.key) || (fast && event.key.length === 1)) return false;
  if (editable && document.activeElement !== field) return event.key === "Escape";
  return event.key.startsWith("Arrow") || event.key === "Escape" || field.value === "";
}

/** The focus goes back to the scan field after every press, click on empty space and return of the window. */
function keepFocus(field, isHeld) {
  const back = () => {
    const there = document.activeElement;
    const busy = there?.matches?.("input, textarea, select") || $("dialog[open]");
    if (!busy && !isHeld() && atDesk()) field.focus({ preventScroll: true });
  };
  addEventListener("click", () => setTimeout(back));
  document.addEventListener("till:settled", () => setTimeout(back));
  addEventListener("focus", () => setTimeout(back));
  // A closing dialog gives the focus back without the caret: typing would go nowhere.
  for (const dialog of $$("dialog")) {
    dialog.addEventListener("close", () => {
      field.blur();
      back(); // at once: a digit that is typed meanwhile must find the field
      setTimeout(back);
    });
  }
  document.addEventListener("visibilitychange", () => document.hidden || back());
}
