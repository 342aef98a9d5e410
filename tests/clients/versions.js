// The versions of the AI SDK that existing chats use. The two oldest validate every
// chunk strictly; the newest are the current releases.

import { DefaultChatTransport as Transport5 } from 'ai';
import * as ai5_0_52 from 'ai-5-0-52';
import * as ai5_0_93 from 'ai-5-0-93';
import { DefaultChatTransport as Transport7 } from 'ai-7';
import { Chat as Chat5 } from 'ai-react-5';
import { Chat as Chat7 } from 'ai-react-7';
import packages from './packages.js';

/** The state of useChat of @ai-sdk/react, without the hooks. */
class ChatState {
  status = 'ready';
  error = undefined;
  #messages;

  constructor(messages) { this.#messages = messages; }
  get messages() { return this.#messages; }
  set messages(messages) { this.#messages = [...messages]; }
  pushMessage = (message) => { this.#messages = [...this.#messages, message]; };
  popMessage = () => { this.#messages = this.#messages.slice(0, -1); };
  replaceMessage = (index, message) => {
    this.messages = this.#messages.map((old, position) => (position === index ? this.snapshot(message) : old));
  };
  snapshot = (value) => structuredClone(value);
}

const withState = ({ AbstractChat }) => class extends AbstractChat {
  constructor({ messages = [], ...init }) { super({ ...init, state: new ChatState(messages) }); }
};

const version = (name, Transport, Chat) => ({ name: `ai ${packages[name]}`, Transport, Chat });

export const versions = [
  version('ai-5-0-52', ai5_0_52.DefaultChatTransport, withState(ai5_0_52)),
  version('ai-5-0-93', ai5_0_93.DefaultChatTransport, withState(ai5_0_93)),
  version('ai', Transport5, Chat5),
  version('ai-7', Transport7, Chat7),
];

/** The newest release of the major version that the original chat uses. */
export const defaultVersion = versions[2];
