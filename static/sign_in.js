// What a script adds to signing in: the code from the slip's address or camera, a look at the typed PIN, printing.

const form = document.querySelector("[data-activate]");

// The slip's QR holds this page's address with the code behind "#", which never reaches the server or its logs.
function takeCode(text) {
  const digits = (text.match(/#?([0-9]{12})$/) || [])[1];
  if (!digits || !form) return false;
  form.elements.code.value = `${digits.slice(0, 4)} ${digits.slice(4, 8)} ${digits.slice(8)}`;
  form.elements.pin.focus();
  return true;
}

if (form && takeCode(location.hash)) history.replaceState(null, "", location.pathname + location.search);

for (const line of document.querySelectorAll("[data-show]")) {
  const field = document.getElementById(line.dataset.show);
  line.hidden = false;
  line.querySelector("input").addEventListener("change", (event) => {
    field.type = event.target.checked ? "text" : "password";
  });
}

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}

// A second press while the first is on its way would use the slip twice.
for (const each of document.querySelectorAll("form[method=post]")) {
  each.addEventListener("submit", () => {
    setTimeout(() => each.querySelectorAll("button[type=submit]").forEach((button) => (button.disabled = true)), 0);
  });
}
addEventListener("pageshow", () => {
  document.querySelectorAll("button[type=submit]").forEach((button) => (button.disabled = false));
});

const scan = document.querySelector("[data-scan]");
if (scan && navigator.mediaDevices?.getUserMedia) {
  scan.hidden = false;
  scan.querySelector("button").addEventListener("click", () => watch(scan));
}

async function watch(place) {
  const video = place.querySelector("video");
  const say = place.querySelector("[role=status]");
  const button = place.querySelector("button");
  button.disabled = true;
  say.textContent = "";
  let stream;
  try {
    await load(place.dataset.lib);
    const api = window.BarcodeDetectionAPI;
    api.prepareZXingModule({ overrides: { locateFile: (path, before) => (path.endsWith(".wasm") ? place.dataset.wasm : before + path) } });
    const detector = new api.BarcodeDetector({ formats: ["qr_code"] });
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    video.srcObject = stream;
    video.hidden = false;
    await video.play();
    while (stream.active) {
      const found = await detector.detect(video);
      if (found.some((one) => takeCode(one.rawValue))) break;
      if (found.length) say.textContent = place.dataset.sayOther;
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    say.textContent = "";
  } catch {
    say.textContent = place.dataset.sayDenied;
  } finally {
    stream?.getTracks().forEach((track) => track.stop());
    video.hidden = true;
    button.disabled = false;
  }
}

function load(address) {
  if (window.BarcodeDetectionAPI) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
}
