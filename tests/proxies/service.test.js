// docs/parlor.service, and the commands of docs/operations.md for backup and restore.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmod, chown, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { codeBlock, replaceAll } from './operations.js';
import { start, waitFor } from './programs.js';

const UNIT = new URL('../../docs/parlor.service', import.meta.url);

/** systemd rates a unit from 0 (no exposure) to 100. */
const MAX_EXPOSURE = 15;

/** A user of every Debian system. The commands name it instead of `parlor`. */
const USER = 'daemon';

const timeout = 60_000;

const run = (command, args) => {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8' });
  return { status, output: `${error ?? ''}${stdout}${stderr}` };
};

const hasSystemd = run('systemd-analyze', ['--version']).status === 0;
const isRoot = process.getuid() === 0;

async function withDirectory(use) {
  const directory = await mkdtemp(join(tmpdir(), 'parlor-service-'));
  try {
    await chmod(directory, 0o755);
    await use(directory);
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The unit, with the binary under test. */
async function writeUnit(directory) {
  const unit = replaceAll(await readFile(UNIT, 'utf8'), { '/usr/local/bin/parlor': process.env.PARLOR });
  const file = join(directory, 'parlor.service');
  await writeFile(file, unit);
  return file;
}

test('systemd accepts the unit', { timeout, skip: !hasSystemd && 'needs systemd' }, () =>
  withDirectory(async (directory) => {
    const { status, output } = run('systemd-analyze', ['verify', '--man=no', await writeUnit(directory)]);
    assert.equal(status, 0, output);
    assert.equal(output, '');
  }));

test('the unit restricts what parlor can reach', { timeout, skip: !hasSystemd && 'needs systemd' }, () =>
  withDirectory(async (directory) => {
    const { status, output } = run('systemd-analyze', ['security', '--no-pager', '--offline=true',
      `--threshold=${MAX_EXPOSURE}`, await writeUnit(directory)]);
    assert.equal(status, 0, output);
  }));

/** A server with the file `lib/parlor.db`, which runs as `USER`. */
class Service {
  constructor(directory) {
    this.directory = directory;
    this.file = join(directory, 'lib/parlor.db');
  }

  async install() {
    this.binary = join(this.directory, 'parlor');
    await copyFile(process.env.PARLOR, this.binary);
    await chmod(this.binary, 0o755);
    this.user = Number(run('id', ['-u', USER]).output);
    await mkdir(join(this.directory, 'lib'), { mode: 0o700 });
    await chown(join(this.directory, 'lib'), this.user, Number(run('id', ['-g', USER]).output));
  }

  async start() {
    this.program = start('setpriv', ['--reuid', USER, '--regid', USER, '--clear-groups',
      this.binary, 'serve', '--db', this.file, '--listen', '127.0.0.1:0']);
    this.url = await waitFor(this.program, () => this.program.output().match(/listens on (http:\S+)/)?.[1]);
    this.privateKey ??= this.program.output().match(/\bsk_[\w-]+/)[0];
  }

  /** Ends without a checkpoint, as at a power failure: the -wal file stays. */
  async kill() {
    this.program.child.kill('SIGKILL');
    await this.program.ended;
  }

  async request(method, path, body) {
    const response = await fetch(`${this.url}/v2${path}`, {
      method,
      headers: { Authorization: `Bearer ${this.privateKey}`, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    assert.ok(response.ok, `${method} ${path}: ${text}`);
    return JSON.parse(text);
  }

  /** Runs the commands of a section, in the folders and as the user of this service. */
  runCommands(code, replacements) {
    const sudo = `set -eu
      sudo() { if [ "$1" = -u ]; then setpriv --reuid "$2" --regid "$2" --clear-groups "\${@:3}"; else "$@"; fi; }`;
    const commands = replaceAll(code, {
      '/var/lib/parlor': join(this.directory, 'lib'),
      '/var/backups/parlor': join(this.directory, 'backups'),
      ...replacements,
    });
    const { status, output } = run('bash', ['-c', `${sudo}\n${commands}`]);
    assert.equal(status, 0, output);
  }
}

test('the commands for backup and restore work', { timeout, skip: !isRoot && 'needs root' }, () =>
  withDirectory(async (directory) => {
    const service = new Service(directory);
    await service.install();
    await service.start();
    const { id } = await service.request('POST', '/conversations', { visitor: { saVid: 'restore' } });
    service.runCommands(await codeBlock('sh', 'Backup'), {
      '-o parlor -g parlor': `-o ${USER} -g ${USER}`,
      '-u parlor parlor': `-u ${USER} ${service.binary}`,
    });
    const backup = (await readdir(join(directory, 'backups'))).find((name) => name.endsWith('.db'));
    await service.request('POST', `/conversations/${id}/close`);

    const [stop, ...rest] = (await codeBlock('sh', 'Restore')).trim().split('\n');
    assert.deepEqual([stop, rest.pop()], ['sudo systemctl stop parlor', 'sudo systemctl start parlor']);
    await service.kill();
    service.runCommands(rest.join('\n'), { 'sudo parlor': `sudo ${service.binary}`, 'parlor-20261126T013000Z.db': backup });
    await service.start();
    const restored = await service.request('GET', `/conversations/${id}`);
    await service.program.stop();

    assert.equal(restored.status, 'open');
    const { uid, mode } = await stat(service.file);
    assert.deepEqual([uid, mode & 0o777], [service.user, 0o600]);
  }));
