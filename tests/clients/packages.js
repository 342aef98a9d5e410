// The exact versions that package.json asks for, by the names they are imported under.

import { readFileSync } from 'node:fs';

const { devDependencies } = JSON.parse(readFileSync(new URL('package.json', import.meta.url)));

export default Object.fromEntries(
  Object.entries(devDependencies).map(([name, asked]) => [name, asked.split('@').at(-1)]),
);
