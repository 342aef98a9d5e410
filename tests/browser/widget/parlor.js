// A demo server for the tests of the widget.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const PRIVATE_KEY = 'sk_demo';

/**
 * Starts a demo. `model` is the URL of a language model, `conversations` the number of
 * conversations that the demo generates, `args` more arguments.
 */
export async function startParlor({ model, conversations = 3, args = [] } = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-widget-'));
  const options = { model, conversations, args };
  let { child, address } = await start(folder, '127.0.0.1:0', options);
  const request = async (method, path, body) => {
    const response = await fetch(`http://${address}/v2${path}`, {
      method,
      headers: { Authorization: `Bearer ${PRIVATE_KEY}`, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
    return response.json();
  };
  return {
    /** The path of the database file. */
    database: join(folder, 'demo.db'),
    target: `http://${address}`,
    url: `http://${address.replace('127.0.0.1', 'parlor.example')}`,
    request,
    /** The newest conversation with its messages. */
    async newestConversation() {
      const list = await request('GET', '/conversations?orderBy=createdAt&orderDir=desc&limit=1');
      return request('GET', `/conversations/${list.data[0].id}`);
    },
    kill() {
      child.kill('SIGKILL');
      return once(child, 'exit');
    },
    async restart() {
      ({ child } = await start(folder, address, options));
    },
    async stop() {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await rm(folder, { recursive: true });
    },
  };
}

async function start(folder, address, { model, conversations, args: more }) {
  const args = ['demo', '--conversations', String(conversations), '--db', join(folder, 'demo.db'), '--listen', address,
    '--rate-limit', '0', ...more];
  if (model) args.push('--model-url', model, '--model', 'test', '--model-private-network');
  const child = spawn(process.env.PARLOR, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stderr.resume();
  for await (const line of createInterface(child.stdout)) {
    const listens = line.match(/listens on http:\/\/([\d.:]+)/);
    if (listens) {
      child.stdout.resume();
      return { child, address: listens[1] };
    }
  }
  throw new Error('parlor did not start');
}
