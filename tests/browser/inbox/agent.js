// Agents who are signed in, each with a window of their own.

import { newVisitor } from '../widget/browser.js';

let count = 0;

/** Opens a window in which a new agent is signed in. `parlor` is of `startParlor`. */
export async function newAgent(browser, parlor, name, options = {}) {
  count += 1;
  const account = { name, email: `agent${count}@shop.example`, role: options.role ?? 'agent' };
  const { signInLink, id } = await parlor.request('POST', '/agents', account);
  const token = signInLink.split('#link=')[1];
  const { context, problems } = await newVisitor(browser, options);
  const response = await fetch(`${parlor.target}/v2/agents/sign-in-link`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  if (!response.ok) throw new Error(`sign-in: ${response.status}`);
  // `Path`, `HttpOnly` and the like follow.
  const [cookie, value] = response.headers.get('Set-Cookie').split(';')[0].split('=');
  await context.addCookies([{ name: cookie, value, url: parlor.url }]);
  const page = await context.newPage();
  return {
    id, name, context, page,
    /** Without what Chromium says about pages without TLS and the pictures of the demo. */
    get problems() {
      return problems.filter((problem) =>
        !/Cross-Origin-Opener-Policy|ERR_CONNECTION_REFUSED/.test(problem));
    },
  };
}
