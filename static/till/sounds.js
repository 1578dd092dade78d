// Three sounds, made on the spot: scanned (one short high), done (two rising), refused (one low). Never the only sign.

const NOTES = {
  scanned: [[1320, 0, 0.08]],
  done: [
    [880, 0, 0.09],
    [1320, 0.1, 0.1],
  ],
  refused: [[220, 0, 0.2]],
};

let context;

export const isOn = () => localStorage.getItem("till-sound") !== "off";

export function turn(on) {
  localStorage.setItem("till-sound", on ? "on" : "off");
}

export function play(name) {
  if (!isOn() || !window.AudioContext) return;
  context ??= new AudioContext();
  // Browsers keep a page silent until somebody touches it: then these notes are simply not heard.
  if (context.state === "suspended") context.resume();
  for (const [pitch, after, length] of NOTES[name]) {
    const tone = context.createOscillator();
    const volume = context.createGain();
    const from = context.currentTime + after;
    tone.frequency.value = pitch;
    tone.type = name === "refused" ? "square" : "sine";
    volume.gain.setValueAtTime(name === "refused" ? 0.08 : 0.2, from);
    volume.gain.exponentialRampToValueAtTime(0.001, from + length);
    tone.connect(volume).connect(context.destination);
    tone.start(from);
    tone.stop(from + length);
  }
}
