// Buttons that print the page; without script the browser's own menu does it.
for (const button of document.querySelectorAll("[data-print]")) {
  button.addEventListener("click", () => window.print());
}
