// Starts the programs of the tests: parlor, nginx, Caddy.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** Long enough for a debug build on a busy machine. */
const WAIT_TIMEOUT_MS = 30_000;

/** How long a program may take to end after SIGTERM. It is killed after this time. */
const STOP_TIMEOUT_MS = 30_000;

const running = new Set();

/** Kills a program with the processes that it has started, such as the workers of nginx. They
 * hold its output open. */
function kill({ pid }) {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** Kills the programs that still run. Without it, a program that a failed test has left would
 * keep the test run from ending. */
export async function killAll() {
  const programs = [...running];
  programs.forEach(({ child }) => kill(child));
  await Promise.all(programs.map(({ ended }) => ended));
}

process.once('exit', () => running.forEach(({ child }) => kill(child)));
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1));

/** Starts a program. `output` returns what it has written. `stop` sends SIGTERM. */
export function start(command, args, options = {}) {
  // `detached`: the program and its processes are a group.
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, ...options });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { output += data; });
  child.once('error', (error) => { output += error; });
  const ended = once(child, 'close').catch(() => {});
  if (child.pid) {
    const entry = { child, ended };
    running.add(entry);
    ended.then(() => running.delete(entry));
  }
  return {
    child,
    ended,
    output: () => output,
    async stop() {
      child.kill();
      const timer = setTimeout(() => kill(child), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Calls `attempt` until it returns a value. Fails at once, with the output of the
 * program, if the program ends. */
export async function waitFor(program, attempt, timeout = WAIT_TIMEOUT_MS) {
  const deadline = Date.now() + timeout;
  while (Date.now() < deadline && program.child.exitCode === null) {
    const value = await attempt();
    if (value) return value;
    await new Promise((done) => { setTimeout(done, 20); });
  }
  await program.stop();
  throw new Error(`${program.child.spawnfile} did not reach the expected state:\n${program.output()}`);
}

/** Whether a program listens on the port. */
export const isListening = (port) => new Promise((resolve) => {
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => { socket.destroy(); resolve(true); });
  socket.once('error', () => resolve(false));
});

/** Whether a program has a certificate for the host and uses it on the port. */
export const isServingTls = (port, servername) => new Promise((resolve) => {
  const socket = connectTls({ port, host: '127.0.0.1', servername, rejectUnauthorized: false });
  socket.once('secureConnect', () => { socket.destroy(); resolve(true); });
  socket.once('error', () => resolve(false));
});

/** A port that no program listens on. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a demo with `args`; its data is in the file `db` or in the database `store`. */
export async function startParlor({ db, store, port = 0, conversations = 100, args }) {
  const data = store ? ['--store', store] : ['--db', db];
  const program = start(process.env.PARLOR, ['demo', ...data, '--conversations', String(conversations),
    '--listen', `127.0.0.1:${port}`, '--behind-proxy', ...args]);
  const listening = () => program.output().match(/listens on http:\/\/127\.0\.0\.1:(\d+)/);
  const [, usedPort] = await waitFor(program, listening);
  return { ...program, port: Number(usedPort) };
}
