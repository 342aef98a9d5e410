// A website on another origin than parlor, whose pages contain the widget.

import { once } from 'node:events';
import { createServer } from 'node:http';

const NONCE = 'bm9uY2U';

/** The pages by their path. `server` is the URL of parlor. */
const PAGES = {
  '/': (server) => ({
    body: `<h1>Shop</h1>${tag(server)}`,
  }),
  '/strict': (server) => ({
    policy: [
      "default-src 'none'", `script-src 'nonce-${NONCE}'`,
      `connect-src ${server} ${server.replace('http', 'ws')}`, `img-src ${server} data:`,
      "require-trusted-types-for 'script'; trusted-types 'none'",
    ].join('; '),
    body: `<h1>Strict</h1>${tag(server, `nonce="${NONCE}"`)}`,
  }),
  '/module': (server) => ({
    body: `<h1>Module</h1><script type="module">
      import { load } from '${server}/widget.mjs';
      load({ key: 'pk_demo', theme: 'dark' });
    </script>`,
  }),
  '/launcher': (server) => ({
    body: `<h1>Launcher</h1><button id="help"><b>Help</b></button>
      ${tag(server, 'data-launcher="#help"')}`,
  }),
  '/hostile': (server) => ({
    head: `<style>* { display: block !important; color: red !important; position: static !important;
      opacity: .1 !important; font-size: 40px !important } html { font-size: 40px }</style>`,
    body: `<h1>Hostile styles</h1>${tag(server)}`,
  }),
  '/unknown-key': (server) => ({
    body: `<h1>Shop</h1><script src="${server}/widget.js" data-key="pk_other" async></script>`,
  }),
};

export function tag(server, attributes = '') {
  return `<script src="${server}/widget.js" data-key="pk_demo" ${attributes} async></script>`;
}

/** Starts the website. `server` is the URL of parlor, as browsers use it. */
export async function startSite(server) {
  const site = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const page = PAGES[pathname]?.(server);
    if (!page) return response.writeHead(404).end();
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    if (page.policy) response.setHeader('Content-Security-Policy', page.policy);
    response.end(`<!doctype html><html lang="${searchParams.get('lang') ?? 'en'}"><head>
      <meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
      <link rel="icon" href="data:,"><title>Shop</title>${page.head ?? ''}</head>
      <body>${page.body}</body></html>`);
  }).listen(0, '127.0.0.1');
  await once(site, 'listening');
  const { port } = site.address();
  return {
    url: `http://shop.example:${port}`,
    /** A secure context, in which browsers have all their functions. */
    localUrl: `http://localhost:${port}`,
    stop() {
      site.closeAllConnections();
      site.close();
    },
  };
}
