// The camera as a scanner. It runs only while the till wants codes, reads one code once while it stays in view, and
// says plainly why it does not work: no permission, no camera, no HTTPS. Typing and the USB scanner always remain.

import { data } from "./page.js";

const AGAIN_MS = 1500; // a code counts again after it has been out of view this long
const LOOK_MS = 120;
const IDLE_MS = 3 * 60_000; // a camera that nobody uses goes to sleep

let detector;

/** The decoder comes from our own server: left to itself it would be fetched from a public one. */
async function makeDetector() {
  if (!window.BarcodeDetectionAPI) {
    await new Promise((done, failed) => {
      const script = document.createElement("script");
      script.src = data.urls.detector;
      script.onload = done;
      script.onerror = failed;
      document.head.append(script);
    });
  }
  const { BarcodeDetector, prepareZXingModule } = window.BarcodeDetectionAPI;
  prepareZXingModule({
    overrides: { locateFile: (path, prefix) => (path.endsWith(".wasm") ? data.urls.wasm : prefix + path) },
  });
  return new BarcodeDetector({ formats: ["qr_code", "ean_13", "ean_8", "code_128"] });
}

export class Camera {
  /** `onCode(text)` for each code; `onState(state)`: off, starting, on, denied, none, insecure, failed. */
  constructor(video, { onCode, onState }) {
    Object.assign(this, { video, onCode, onState, state: "off", stream: null, seen: "", seenAt: 0, usedAt: 0 });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.rest();
      else if (this.wanted) this.start();
    });
  }

  become(state) {
    this.state = state;
    this.onState(state);
  }

  async start() {
    this.wanted = true;
    this.usedAt = Date.now();
    if (this.state === "on" || this.state === "starting") return;
    if (!navigator.mediaDevices?.getUserMedia) return this.become(window.isSecureContext ? "none" : "insecure");
    this.become("starting");
    try {
      const stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment", width: { ideal: 1280 } },
        audio: false,
      });
      detector ??= await makeDetector();
      if (!this.wanted) return stream.getTracks().forEach((track) => track.stop());
      this.stream = stream;
      this.video.srcObject = stream;
      await this.video.play();
      this.become("on");
      this.look();
    } catch (error) {
      this.rest();
      const reasons = { NotAllowedError: "denied", NotFoundError: "none", OverconstrainedError: "none" };
      this.become(reasons[error?.name] ?? "failed");
    }
  }

  stop() {
    this.wanted = false;
    this.rest();
  }

  rest() {
    this.stream?.getTracks().forEach((track) => track.stop());
    this.stream = null;
    this.video.srcObject = null;
    if (this.state === "on" || this.state === "starting") this.become("off");
  }

  async look() {
    if (!this.stream) return;
    try {
      const [found] = this.video.readyState >= 2 ? await detector.detect(this.video) : [];
      if (found && this.stream) this.read(found.rawValue);
    } catch {
      // a frame that could not be read: the next one comes in a moment
    }
    if (Date.now() - this.usedAt > IDLE_MS) return this.stop();
    setTimeout(() => this.look(), LOOK_MS);
  }

  read(text) {
    const now = Date.now();
    const fresh = text !== this.seen || now - this.seenAt > AGAIN_MS;
    this.seen = text;
    this.seenAt = now;
    if (!fresh) return;
    this.usedAt = now;
    this.onCode(text);
  }
}
