// nginx and Caddy with the snippets of docs/operations.md and docs/scaling.md.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { codeBlock, codeBlocks, replaceAll } from './operations.js';
import { freePort, isListening, isServingTls, start, waitFor } from './programs.js';

/** The host name of the snippets. */
export const HOST = 'chat.example';

/** A certificate that `openssl` signs with its own key. */
function createCertificate(directory) {
  const [certificate, key] = [join(directory, 'fullchain.pem'), join(directory, 'privkey.pem')];
  const { status, stderr } = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec',
    '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', `/CN=${HOST}`,
    '-addext', `subjectAltName=DNS:${HOST}`, '-out', certificate, '-keyout', key]);
  assert.equal(status, 0, String(stderr));
  return { certificate, key };
}

async function startNginx(directory, snippet) {
  const { certificate, key } = createCertificate(directory);
  const [httpPort, port] = [await freePort(), await freePort()];
  const site = replaceAll(snippet, {
    'listen 80;': `listen ${httpPort};`,
    'listen [::]:80;': `listen [::]:${httpPort};`,
    'listen 443 ssl': `listen ${port} ssl`,
    'listen [::]:443 ssl': `listen [::]:${port} ssl`,
    '/var/log/nginx/parlor.log': join(directory, 'access.log'),
    '/etc/ssl/parlor/fullchain.pem': certificate,
    '/etc/ssl/parlor/privkey.pem': key,
  });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${join(directory, name)};`);
  const main = `daemon off; pid ${join(directory, 'nginx.pid')}; error_log stderr;
    events {} http { ${temporary.join(' ')} include ${join(directory, 'site.conf')}; }`;
  await writeFile(join(directory, 'site.conf'), site);
  await writeFile(join(directory, 'nginx.conf'), main);
  const program = start('nginx', ['-p', directory, '-c', join(directory, 'nginx.conf'), '-e', 'stderr']);
  await waitFor(program, () => isListening(port));
  const ca = await readFile(certificate);
  return { ...program, port, httpPort, ca, accessLog: join(directory, 'access.log') };
}

/** A certificate of Caddy's own authority instead of one from the network. */
async function startCaddy(directory, site) {
  const [httpPort, port] = [await freePort(), await freePort()];
  const options = `{
    admin off
    local_certs
    skip_install_trust
    http_port ${httpPort}
    https_port ${port}
    storage file_system ${directory}
  }\n`;
  const caddyfile = join(directory, 'Caddyfile');
  await writeFile(caddyfile, options + site);
  const program = start('caddy', ['run', '--config', caddyfile, '--adapter', 'caddyfile'],
    { env: { ...process.env, HOME: directory, XDG_CONFIG_HOME: directory, XDG_DATA_HOME: directory } });
  const authority = join(directory, 'pki/authorities/local/root.crt');
  // Caddy stores a certificate before it uses it.
  await waitFor(program, async () => existsSync(authority) && isServingTls(port, HOST));
  return { ...program, port, httpPort, ca: await readFile(authority) };
}

const STARTERS = { nginx: startNginx, caddy: startCaddy };

export const PROXIES = Object.keys(STARTERS);

/** Starts the proxy with its snippet of docs/operations.md before a parlor on `port`. */
export async function startProxy(name, directory, port) {
  await mkdir(directory, { recursive: true });
  const snippet = replaceAll(await codeBlock(name), { '127.0.0.1:8787': `127.0.0.1:${port}` });
  return STARTERS[name](directory, snippet);
}

/** Starts the proxy with its snippets of docs/scaling.md before the nodes on the ports. */
export async function startProxyOfNodes(name, directory, ports) {
  await mkdir(directory, { recursive: true });
  const addresses = ports.map((port, index) => [`10.0.0.1${index + 1}:8787`, `127.0.0.1:${port}`]);
  return STARTERS[name](directory, replaceAll(await SNIPPETS_OF_NODES[name](), Object.fromEntries(addresses)));
}

const SNIPPETS_OF_NODES = {
  async nginx() {
    const [upstream, locations] = await codeBlocks('scaling.md', 'nginx', 'A proxy for three nodes');
    const snippet = await codeBlock('nginx');
    const block = snippet.match(/^upstream .*?^}\n/ms)[0];
    // The first line of the block of docs/operations.md that is left out.
    return replaceAll(snippet, { [block]: upstream, '    location / {\n': `    location / {\n${locations}` });
  },
  async caddy() {
    const [site] = await codeBlocks('scaling.md', 'caddy', 'A proxy for three nodes');
    return site;
  },
};
