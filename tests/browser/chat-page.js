// A small chat for the screenshot. It uses the API as the chat of a website does.
// Parameters of the page: `api` is the base URL, `question` the message to send.

import { marked } from './node_modules/marked/lib/marked.esm.js';

const parameters = new URLSearchParams(location.search);
const [header, main, footer] = document.querySelectorAll('header, main, footer');

async function request(method, path, body, token) {
  const response = await fetch(parameters.get('api') + path, {
    method,
    headers: {
      ...(body && { 'Content-Type': 'application/json' }),
      ...(token && { Authorization: `Bearer ${token}` }),
    },
    body: body && JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
  return response.json();
}

/** Adds a message with Markdown, and the titles of the pages that it cites. */
function addMessage(role, text) {
  const element = document.createElement('div');
  element.className = `message ${role}`;
  element.innerHTML = marked.parse(text);
  const cited = new Map();
  for (const link of element.querySelectorAll('a[title]')) {
    cited.set(link.textContent, link.title);
    link.textContent = `[${link.textContent}]`;
  }
  if (cited.size) {
    const sources = document.createElement('p');
    sources.className = 'sources';
    sources.textContent = [...cited].map(([number, title]) => `[${number}] ${title}`).join('\n');
    element.append(sources);
  }
  main.append(element);
}

const project = await request('GET', '/projects/current?apiKey=pk_demo');
const { brandColor, userMessageBubbleColor, welcomeMessage, inputPlaceholder } = project.chatWidgetConfig;
document.body.style.setProperty('--brand', brandColor);
document.body.style.setProperty('--bubble', userMessageBubbleColor);
header.textContent = project.name;
footer.textContent = inputPlaceholder;
addMessage('assistant', welcomeMessage);

const session = await request('POST', '/identity/init', { apiKey: 'pk_demo', saVid: 'screenshot' });
const token = session.sessionToken;
const { id } = await request('POST', '/conversations', {}, token);
await request('POST', `/conversations/${id}/messages`, { content: parameters.get('question') }, token);
const { messages } = await request('GET', `/conversations/${id}`, undefined, token);
for (const { role, parts } of messages) addMessage(role, parts[0].text);
document.body.dataset.ready = 'yes';
