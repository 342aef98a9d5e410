// A mail server that keeps the e-mails which it receives.

import { EventEmitter, once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';

export async function startMail() {
  const emails = [];
  const received = new EventEmitter();
  const server = createServer(async (socket) => {
    socket.on('error', () => socket.destroy());
    const say = (text) => socket.write(`${text}\r\n`);
    say('220 mail.example');
    let data = null;
    for await (const line of createInterface({ input: socket, crlfDelay: Infinity })) {
      if (data && line === '.') {
        emails.push(decode(data.join('\n')));
        data = null;
        received.emit('email');
        say('250 OK');
      } else if (data) {
        data.push(line.replace(/^\./, ''));
      } else if (/^DATA/i.test(line)) {
        data = [];
        say('354 Go ahead');
      } else {
        say(/^QUIT/i.test(line) ? '221 Bye' : '250 OK');
      }
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `smtp://127.0.0.1:${server.address().port}?tls=none`,
    /** The text of the first e-mail that matches. */
    async waitFor(pattern, timeoutMs) {
      const signal = AbortSignal.timeout(timeoutMs);
      for (;;) {
        const email = emails.find((text) => pattern.test(text));
        if (email) return email;
        await once(received, 'email', { signal });
      }
    },
    stop: () => server.close(),
  };
}

/** Undoes quoted-printable. */
function decode(text) {
  return text.replace(/=\n/g, '').replace(/=([0-9A-F]{2})/g, (_, code) =>
    String.fromCharCode(Number.parseInt(code, 16)));
}
