// The exact versions in package.json, by import name.

import { readFileSync } from 'node:fs';

const { devDependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url)));

export default Object.fromEntries(
  Object.entries(devDependencies).map(([name, range]) => [name, range.split('@').at(-1)]),
);
