"use strict";
// On a phone the rail folds to one line; without this script it stands open, as on a large screen.
(() => {
  const rail = document.getElementById("rail"), fold = rail.querySelector(".fold"), narrow = matchMedia("(max-width: 900px)");
  const show = (open) => {
    rail.classList.toggle("folded", !open);
    fold.setAttribute("aria-expanded", String(open));
  };
  const settle = () => {
    fold.hidden = !narrow.matches;
    show(!narrow.matches);
  };
  fold.addEventListener("click", () => show(rail.classList.contains("folded")));
  rail.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !narrow.matches || rail.classList.contains("folded")) return;
    show(false);
    fold.focus();
  });
  narrow.addEventListener("change", settle);
  settle();
})();
