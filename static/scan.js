// One scan with the camera: opens it, waits for one code, closes it. The decoder comes from our own server only.

const LOOK_MS = 150;
const FORMATS = ["ean_13", "ean_8", "upc_a", "upc_e", "code_128", "qr_code"];

let loading;

function detector(script, wasm) {
  loading ??= new Promise((done, failed) => {
    const tag = document.createElement("script");
    tag.src = script;
    tag.onload = done;
    tag.onerror = () => {
      loading = undefined;
      failed(new Error("no detector"));
    };
    document.head.append(tag);
  });
  return loading.then(() => {
    const { BarcodeDetector, prepareZXingModule } = window.BarcodeDetectionAPI;
    prepareZXingModule({ overrides: { locateFile: (path, prefix) => (path.endsWith(".wasm") ? wasm : prefix + path) } });
    return new BarcodeDetector({ formats: FORMATS });
  });
}

export const canScan = () => window.isSecureContext && !!navigator.mediaDevices?.getUserMedia;

/** The text of the first code the camera sees, or null when `signal` aborts. Throws when there is no camera. */
export async function scanOnce(video, script, wasm, signal) {
  const stream = await navigator.mediaDevices.getUserMedia({
    video: { facingMode: { ideal: "environment" }, width: { ideal: 1280 } },
  });
  try {
    video.srcObject = stream;
    await video.play();
    const eye = await detector(script, wasm);
    while (!signal.aborted) {
      const [found] = video.readyState >= 2 ? await eye.detect(video) : [];
      if (found?.rawValue) return found.rawValue;
      await new Promise((wait) => setTimeout(wait, LOOK_MS));
    }
    return null;
  } finally {
    for (const track of stream.getTracks()) track.stop();
    video.srcObject = null;
  }
}
