// Copies what the browser needs from node_modules to static/vendor/ and writes manifest.json with the hash of each file.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "static", "vendor");

// The WASM must be the very one that barcode-detector was built with, so it is looked up from inside that package:
// another version may lie at the top of node_modules.
const detector = join(here, "node_modules", "barcode-detector");
const reader = createRequire(join(detector, "package.json")).resolve("zxing-wasm/reader/zxing_reader.wasm");
const zxing = reader.slice(0, reader.lastIndexOf("zxing-wasm") + "zxing-wasm".length);
const htmx = join(here, "node_modules", "htmx.org");

const files = [
  ["htmx.min.js", htmx, "dist/htmx.min.js"],
  ["htmx.LICENSE.txt", htmx, "LICENSE"],
  ["barcode-detector.js", detector, "dist/iife/ponyfill.js"],
  ["barcode-detector.LICENSE.txt", detector, "LICENSE"],
  ["zxing_reader.wasm", zxing, "dist/reader/zxing_reader.wasm"],
  ["zxing-wasm.LICENSE.txt", zxing, "LICENSE"],
];

rmSync(target, { recursive: true, force: true });
mkdirSync(target, { recursive: true });
const manifest = {};
for (const [name, from, path] of files) {
  const about = JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
  const content = readFileSync(join(from, path));
  writeFileSync(join(target, name), content);
  manifest[name] = {
    package: about.name,
    version: about.version,
    licence: about.license,
    sha256: createHash("sha256").update(content).digest("hex"),
  };
}

// zxing-cpp is compiled into the WASM; its licence asks that its text travels along.
const apache = readFileSync(join(here, "licences", "Apache-2.0.txt"));
writeFileSync(join(target, "zxing-cpp.LICENSE.txt"), apache);
const commit = readFileSync(join(detector, "dist/iife/ponyfill.js"), "utf8").match(/`([0-9a-f]{40})`/)[1];
manifest["zxing-cpp.LICENSE.txt"] = {
  package: "zxing-cpp",
  version: commit,
  licence: "Apache-2.0",
  sha256: createHash("sha256").update(apache).digest("hex"),
};
writeFileSync(join(target, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
