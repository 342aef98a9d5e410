// `test` with a timeout, so that a hanging stream fails only its own test.

import { test as testWithoutTimeout } from 'node:test';

export const test = (name, run) => testWithoutTimeout(name, { timeout: 30_000 }, run);
