// The development server: `npm run dev`, then http://localhost:5173/inbox.
//
// PARLOR_URL: the server that gets the requests to the API, by default that of the demo.
// PARLOR_KEY: a private key to send with these requests, instead of signing in.

import { defineConfig } from 'vite';

const target = process.env.PARLOR_URL ?? 'http://127.0.0.1:8787';
const key = process.env.PARLOR_KEY;

/** The account that the inbox shows while it uses a private key. */
const KEY_ACCOUNT = {
  object: 'agent',
  id: '00000000-0000-4000-8000-000000000000',
  name: 'Private key',
  email: 'key@example.com',
  avatarUrl: null,
  role: 'owner',
  isAway: false,
  isOnline: true,
  hasPassword: false,
  createdAt: '2026-01-01T00:00:00.000Z',
  project: { id: '', name: 'Development' },
};

/** Serves the pages under the paths of the program, and the account of the key. */
const routes = {
  name: 'routes',
  configureServer(server) {
    server.middlewares.use((request, response, next) => {
      const { pathname } = new URL(request.url, target);
      if (key && pathname === '/v2/agents/me' && request.method === 'GET') {
        response.setHeader('Content-Type', 'application/json');
        response.end(JSON.stringify(KEY_ACCOUNT));
        return;
      }
      if (/^\/inbox(\/|$)/.test(pathname)) request.url = '/inbox.html';
      if (pathname === '/setup') request.url = '/setup.html';
      next();
    });
  },
};

const proxy = {
  target,
  ws: true,
  // The server accepts cookies from its own origin only.
  headers: { Origin: target, ...(key && { Authorization: `Bearer ${key}` }) },
};

export default defineConfig({
  root: import.meta.dirname,
  plugins: [routes],
  appType: 'mpa',
  server: {
    fs: { allow: ['..'] },
    proxy: { '/v2': proxy, '/widget': target, '/assets': target },
  },
});
