// A claim's photos, large: zoom by steps, the next one, pan by the arrow keys.
import { filled } from "./words.js";

const big = document.getElementById("big");
const ZOOMS = [0, 1, 1.5, 2, 3, 4]; // 0: as large as fits
let shots = [];
let shown = 0;
let zoom = 0;

// Shows the photos that lie within a part of the page, from one of them on.
export function showPhotos(part, first) {
  shots = [...part.querySelectorAll("a.shot")];
  if (!shots.length) return;
  shown = Math.max(0, shots.indexOf(first));
  zoom = 0;
  big.showModal();
  paintPhoto();
  big.querySelector(".stage").focus();
}

function paintPhoto() {
  const image = big.querySelector("img");
  const stage = big.querySelector(".stage");
  const draw = () => {
    const fits = Math.min(1, stage.clientWidth / image.naturalWidth, stage.clientHeight / image.naturalHeight) || 1;
    const share = zoom ? ZOOMS[zoom] * fits : fits;
    image.width = Math.round(image.naturalWidth * share);
    const where = document.getElementById("big-where");
    where.textContent = filled(where.dataset.where, {
      n: shown + 1,
      of: shots.length,
      percent: Math.round((zoom ? ZOOMS[zoom] : 1) * 100),
    });
  };
  image.alt = shots[shown].querySelector("img").alt;
  if (image.getAttribute("src") !== shots[shown].href) {
    image.addEventListener("load", draw, { once: true });
    image.src = shots[shown].href;
  } else draw();
}

function nextPhoto() {
  shown = (shown + 1) % shots.length;
  zoom = 0;
  paintPhoto();
}

function zoomPhoto(step) {
  zoom = Math.max(0, Math.min(ZOOMS.length - 1, zoom + step));
  if (zoom === 1 && step > 0) zoom = 2;
  if (zoom === 1 && step < 0) zoom = 0;
  paintPhoto();
}

big.addEventListener("click", (event) => {
  const by = event.target.closest("[data-zoom]");
  if (by) zoomPhoto(Number(by.dataset.zoom));
  if (event.target.closest("[data-next]")) nextPhoto();
});
big.addEventListener("keydown", (event) => {
  const acts = { p: nextPhoto, n: nextPhoto, "+": () => zoomPhoto(1), "=": () => zoomPhoto(1), "-": () => zoomPhoto(-1) };
  const act = acts[event.key.toLowerCase()];
  if (!act || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  act();
});
