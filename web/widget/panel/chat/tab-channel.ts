// Shows an answer that one tab receives in the other tabs of the visitor.

import type { LiveAnswer } from './timeline';

/** Null: the answer ended; the conversation can be read. */
type TabMessage = { conversation: string; answer: LiveAnswer | null };

export class TabChannel {
  readonly #channel: BroadcastChannel | null;

  constructor(name: string, onMessage: (message: TabMessage) => void) {
    this.#channel = 'BroadcastChannel' in window ? new BroadcastChannel(name) : null;
    if (this.#channel) {
      this.#channel.onmessage = (event: MessageEvent<TabMessage>) => onMessage(event.data);
    }
  }

  send(conversation: string, answer: LiveAnswer | null): void {
    this.#channel?.postMessage({ conversation, answer });
  }

  close(): void {
    this.#channel?.close();
  }
}
