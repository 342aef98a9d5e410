// Checks a folder of built files: that each file has its compressed copies, and that a
// page loads few bytes. Argument: the folder.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';

/** In bytes, compressed with gzip. */
const MAX_LOADER_BYTES = 5_000;
/** The loader, the panel and one language. */
const MAX_CHAT_BYTES = 45_000;

const dist = process.argv[2];
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((file) => file.isFile())
  .map((file) => join(file.parentPath, file.name));

function check(condition, message) {
  if (!condition) throw new Error(message);
}

for (const path of files.filter((path) => !/\.(br|gz)$/.test(path))) {
  const content = readFileSync(path);
  check(gunzipSync(readFileSync(`${path}.gz`)).equals(content), `${path}.gz has another content`);
  const brotli = brotliDecompressSync(readFileSync(`${path}.br`));
  check(brotli.equals(content), `${path}.br has another content`);
}

const sizeOf = (pattern) =>
  files.filter((path) => pattern.test(path)).map((path) => readFileSync(path).length);
const sum = (sizes) => sizes.reduce((a, b) => a + b, 0);

for (const name of ['widget.js', 'widget.mjs']) {
  const loader = sum(sizeOf(new RegExp(`/${name}\\.gz$`)));
  console.log(`${name}: ${loader} bytes`);
  check(
    loader > 0 && loader <= MAX_LOADER_BYTES,
    `${name} has more than ${MAX_LOADER_BYTES} bytes`,
  );
}
// Every chunk that is not a language may be loaded with the panel.
const panel = sum(sizeOf(/assets\/panel-[^/]*\.js\.gz$/));
const languages = sizeOf(/assets\/[a-z]{2}-[^/]*\.js\.gz$/);
const chat = sum(sizeOf(/\/widget\.js\.gz$/)) + panel + Math.max(...languages);
console.log(`panel: ${panel} bytes, ${languages.length} languages, together ${chat} bytes`);
check(panel > 0 && languages.length === 16, 'the panel or a language is missing');
check(chat <= MAX_CHAT_BYTES, `the chat has more than ${MAX_CHAT_BYTES} bytes`);
