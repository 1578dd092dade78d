// Scanning into a form: a keyboard-wedge scanner types the code and sends Enter, which must not send the form.
for (const input of document.querySelectorAll("[data-scan]")) {
  const list = input.dataset.picks ? document.getElementById(input.dataset.picks) : null;
  const ownCode = /^2\d{19}$/;

  // the option a code names: by barcode, or by the code printed on our own labels
  const named = (code) =>
    [...list.options].find((option) =>
      option.value && (option.dataset.barcode === code || (ownCode.test(code) && option.value === code.slice(1).replace(/^0+/, "")))
    );

  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    input.value = input.value.normalize("NFKC").trim().toUpperCase();
    if (list && input.value) {
      const option = named(input.value);
      if (option) {
        list.value = option.value;
        list.dispatchEvent(new Event("change"));
      }
    }
    const fields = [...input.form.elements].filter((one) => one.offsetParent && one !== list);
    fields[fields.indexOf(input) + 1]?.focus();
  });

  // whoever then chooses from the list means the list
  list?.addEventListener("change", (event) => {
    if (event.isTrusted) input.value = "";
  });
}

// Every form goes once: a second press while the first is under way does nothing.
for (const form of document.querySelectorAll("form[method=post]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
  });
}
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
