// The servers that the tests talk to: the demo that `run` has started, and others
// that have a model behind them.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Generous: a debug binary on a busy machine. */
const START_MS = 20_000;

export const demo = { url: process.env.PARLOR_URL, publishable: 'pk_demo', secret: 'sk_demo' };

/** A parlor of its own, whose answers come from `model`, the address of an OpenAI-compatible server. */
export async function withModel(model) {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-clients-'));
  const args = ['serve', '--db', join(folder, 'parlor.db'), '--listen', '127.0.0.1:0',
    '--rate-limit', '0', '--model-url', model, '--model', 'test', '--model-private-network'];
  const child = spawn(process.env.PARLOR, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((done) => { child.once('exit', done); });
  const stop = async () => {
    child.kill();
    await ended;
    await rm(folder, { recursive: true });
  };
  try {
    return { ...await announced(child), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Its address and its two keys, which the first start prints. */
function announced(child) {
  let said = '';
  return new Promise((found, failed) => {
    const fail = (why) => failed(new Error(`parlor ${why}:\n${said}`));
    const late = setTimeout(fail, START_MS, 'did not start');
    child.once('exit', () => fail('ended'));
    child.once('error', fail);
    for (const out of [child.stdout, child.stderr]) {
      createInterface(out).on('line', (line) => {
        said += `${line}\n`;
        const url = said.match(/listens on (http:\/\/[\d.:]+)/)?.[1];
        const [publishable, secret] = [/\bpk_[\w-]+/, /\bsk_[\w-]+/].map((key) => said.match(key)?.[0]);
        if (!url || !publishable || !secret) return;
        clearTimeout(late);
        found({ url, publishable, secret });
      });
    }
  });
}

/** A request of the website's own server or of its staff. */
export async function staff({ url, secret }, method, path, body) {
  const response = await fetch(`${url}/v2${path}`, {
    method,
    headers: { Authorization: `Bearer ${secret}`, ...(body && { 'Content-Type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response;
}
