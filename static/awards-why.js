// Why a claim goes back or is turned down: one of the usual sentences by its number, or one's own words.

const ask = document.getElementById("ask");
let answered = null;

// Opens the dialog for a verb (return or reject), and calls then(reason) with what was chosen or written.
export function askWhy(verb, then) {
  const title = document.getElementById("ask-title");
  const list = ask.querySelector(".reasons");
  const own = document.getElementById("own-words");
  title.textContent = title.dataset[verb];
  list.replaceChildren(
    ...JSON.parse(list.dataset[verb]).map((reason, index) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "btn";
      button.append(Object.assign(document.createElement("kbd"), { textContent: index + 1 }), ` ${reason}`);
      button.addEventListener("click", () => finish(reason));
      item.append(button);
      return item;
    }),
  );
  own.value = "";
  document.getElementById("ask-error").hidden = true;
  answered = then;
  ask.showModal();
  own.blur();
  list.querySelector("button").focus();
}

function finish(reason) {
  if (reason.trim().length < 2) {
    document.getElementById("ask-error").hidden = false;
    document.getElementById("own-words").focus();
    return;
  }
  const then = answered;
  answered = null;
  ask.close();
  if (then) then(reason.trim());
}

ask.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  finish(document.getElementById("own-words").value);
});
ask.addEventListener("keydown", (event) => {
  if (event.target.id === "own-words" || event.isComposing) return;
  const button = ask.querySelectorAll(".reasons button")[Number(event.key) - 1];
  if (button) {
    event.preventDefault();
    button.click();
  }
});
