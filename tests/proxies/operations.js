// Reads the code blocks of docs/operations.md.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

const OPERATIONS = new URL('../../docs/operations.md', import.meta.url);

/** The only code block of the language in the document, or in one of its sections. */
export async function codeBlock(language, section) {
  const document = await readFile(OPERATIONS, 'utf8');
  const text = section ? document.split(/^(?=## )/m).find((part) => part.startsWith(`## ${section}\n`)) : document;
  const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === language);
  assert.equal(blocks.length, 1, `one block of ${language} in ${section ?? 'docs/operations.md'}`);
  return blocks[0][2];
}

/** Replaces each text of `replacements`, which the code must contain. */
export function replaceAll(code, replacements) {
  return Object.entries(replacements).reduce((result, [from, to]) => {
    assert.ok(result.includes(from), `the code contains ${from}`);
    return result.replaceAll(from, to);
  }, code);
}
