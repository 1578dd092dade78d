// Talking to the server: JSON, the form's token, and never an exception. A lost answer is an answer too.

import { $ } from "./page.js";

const token = $('meta[name="csrf-token"]').content;

/**
 * POST `body` (or GET when it is null). Resolves to
 * { ok, status, body } with the server's JSON, or { ok: false, lost: true } when no answer came.
 */
export async function ask(url, body, key = null) {
  const headers = { Accept: "application/json", "X-CSRFToken": token };
  if (key) headers["Idempotency-Key"] = key;
  if (body) headers["Content-Type"] = "application/json";
  try {
    const answer = await fetch(url, { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) });
    const known = answer.headers.get("content-type")?.includes("json") ?? false;
    connected(true);
    // An error page of something in between says nothing about what happened: as good as lost.
    if (!known) return { ok: false, lost: true, status: answer.status };
    return { ok: answer.ok, status: answer.status, lost: answer.status >= 502, body: await answer.json() };
  } catch {
    connected(false);
    return { ok: false, lost: true };
  }
}

function connected(there) {
  document.body.dataset.network = there ? "on" : "off";
}

addEventListener("offline", () => connected(false));
addEventListener("online", () => connected(true));

export const newKey = () =>
  crypto.randomUUID?.() ??
  // Without HTTPS there is no randomUUID; the same thing by hand.
  "10000000-1000-4000-8000-100000000000".replace(/[018]/g, (c) =>
    (Number(c) ^ (crypto.getRandomValues(new Uint8Array(1))[0] & (15 >> (Number(c) / 4)))).toString(16),
  );
