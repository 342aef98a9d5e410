// Reads the code blocks of the documents.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

/** All code blocks of the language in a document of docs, or in one of its sections. */
export async function codeBlocks(file, language, section) {
  const document = await readFile(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
  const text = section ? document.split(/^(?=## )/m).find((part) => part.startsWith(`## ${section}\n`)) : document;
  const blocks = [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].filter(([, name]) => name === language);
  return blocks.map(([, , code]) => code);
}

/** The only code block of the language in docs/operations.md, or in one of its sections. */
export async function codeBlock(language, section) {
  const blocks = await codeBlocks('operations.md', language, section);
  assert.equal(blocks.length, 1, `one block of ${language} in ${section ?? 'docs/operations.md'}`);
  return blocks[0];
}

/** Replaces each text of `replacements`, which the code must contain. */
export function replaceAll(code, replacements) {
  return Object.entries(replacements).reduce((result, [from, to]) => {
    assert.ok(result.includes(from), `the code contains ${from}`);
    return result.replaceAll(from, to);
  }, code);
}
