// The servers of the tests: the demo that `run` starts, and servers with a model.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Long enough for a debug build on a busy machine. */
const START_TIMEOUT_MS = 20_000;

export const demo = { url: process.env.PARLOR_URL, publishable: 'pk_demo', secret: 'sk_demo' };

/** Starts parlor with `model`, the address of an OpenAI-compatible server. */
export async function withModel(model) {
  const directory = await mkdtemp(join(tmpdir(), 'parlor-clients-'));
  const args = ['serve', '--db', join(directory, 'parlor.db'), '--listen', '127.0.0.1:0',
    '--rate-limit', '0', '--model-url', model, '--model', 'test', '--model-private-network'];
  const child = spawn(process.env.PARLOR, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((done) => { child.once('exit', done); });
  const stop = async () => {
    child.kill();
    await ended;
    await rm(directory, { recursive: true });
  };
  try {
    return { ...await readStartOutput(child), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Reads the address and the two keys that the first start prints. */
function readStartOutput(child) {
  let output = '';
  return new Promise((resolve, reject) => {
    const fail = (reason) => reject(new Error(`parlor ${reason}:\n${output}`));
    const timeout = setTimeout(fail, START_TIMEOUT_MS, 'did not start');
    child.once('exit', () => fail('ended'));
    child.once('error', fail);
    for (const out of [child.stdout, child.stderr]) {
      createInterface(out).on('line', (line) => {
        output += `${line}\n`;
        const url = output.match(/listens on (http:\/\/[\d.:]+)/)?.[1];
        const [publishable, secret] = [/\bpk_[\w-]+/, /\bsk_[\w-]+/].map((key) => output.match(key)?.[0]);
        if (!url || !publishable || !secret) return;
        clearTimeout(timeout);
        resolve({ url, publishable, secret });
      });
    }
  });
}

/** A request with the private key. */
export async function privateRequest({ url, secret }, method, path, body) {
  const response = await fetch(`${url}/v2${path}`, {
    method,
    headers: { Authorization: `Bearer ${secret}`, ...(body && { 'Content-Type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}
