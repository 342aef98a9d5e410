// Tests that end: a stream that hangs fails its test in place of the whole run.

import { test as untimed } from 'node:test';

export const test = (name, run) => untimed(name, { timeout: 30_000 }, run);
