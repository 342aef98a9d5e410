// Sends the messages of the outbox, one after the other and in one tab only.

import type { Outbox, OutboxEntry } from '../../../shared/outbox';
import type { AnswerListener } from './answer-stream';
import { classify, type Delivery, deliver, type Sender, startConversation } from './delivery';

const FIRST_DELAY_S = 1;
const MAX_DELAY_S = 30;
/** Attempts at a server that responds that it cannot. */
const MAX_BUSY_ATTEMPTS = 8;
/** A longer wait, such as for the quota of the next month, is the visitor's decision. */
const MAX_WAIT_S = 120;

export interface RunnerListener {
  /** The conversation of a first message exists. */
  onConversation(entry: OutboxEntry, id: string): void;
  onAttempt(entry: OutboxEntry): void;
  /** The text of the answer so far. */
  onAnswer(conversation: string, messageId: string | null, text: string): void;
  /** The server cannot be reached; the message is sent when it can. */
  onWait(isReachable: boolean): void;
  /** The message left the outbox, or waits for the visitor. */
  onEnd(entry: OutboxEntry, result: Exclude<Delivery['kind'], 'retry'>): Promise<void>;
}

export class OutboxRunner {
  readonly #outbox: Outbox;
  readonly #sender: Sender;
  readonly #listener: RunnerListener;
  readonly #lockName: string;
  readonly #end: AbortSignal;
  #isRunning = false;
  #attempt: AbortController | null = null;
  #wake: (() => void) | null = null;

  constructor(
    outbox: Outbox,
    sender: Sender,
    listener: RunnerListener,
    lockName: string,
    end: AbortSignal,
  ) {
    this.#outbox = outbox;
    this.#sender = sender;
    this.#listener = listener;
    this.#lockName = lockName;
    this.#end = end;
    end.addEventListener('abort', () => this.#attempt?.abort());
    window.addEventListener('online', () => this.tryNow(), { signal: end });
  }

  /** Sends what is in the outbox, unless this or another tab does. */
  async run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      await withLock(this.#lockName, this.#end, () => this.#sendAll());
    } finally {
      this.#isRunning = false;
    }
    // A message that was added while the lock was released.
    if (this.#outbox.next && !this.#end.aborted) void this.run();
  }

  /** Ends the wait before the next attempt. */
  tryNow(): void {
    this.#wake?.();
  }

  /** Drops the connection of the message that is being sent. */
  abort(): void {
    this.#attempt?.abort();
  }

  async #sendAll(): Promise<void> {
    while (!this.#end.aborted) {
      const entry = this.#outbox.next;
      if (!entry) return;
      await this.#sendOne(entry);
    }
  }

  async #sendOne(entry: OutboxEntry): Promise<void> {
    let busyAttempts = 0;
    for (let delay = FIRST_DELAY_S; !this.#end.aborted; delay = Math.min(delay * 2, MAX_DELAY_S)) {
      const result = await this.#try(entry.key);
      if (this.#end.aborted) return;
      if (result.kind !== 'retry') return this.#finish(entry, result.kind);
      if (result.isReachable) delay = FIRST_DELAY_S;
      else if (result.seconds) busyAttempts += 1;
      const isTooLong = busyAttempts >= MAX_BUSY_ATTEMPTS || (result.seconds ?? 0) > MAX_WAIT_S;
      if (isTooLong) return this.#finish(entry, 'failed');
      this.#listener.onWait(result.isReachable);
      await this.#sleep(result.seconds ?? delay);
    }
  }

  /** One attempt. Reads the entry again, because it may have got its conversation. */
  async #try(key: string): Promise<Delivery> {
    const entry = this.#outbox.entries.find((other) => other.key === key);
    if (!entry) return { kind: 'done' };
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#listener.onAttempt(entry);
    try {
      const conversation = entry.conversation ?? (await this.#start(entry));
      const listener = this.#answerListener(conversation);
      return await deliver(this.#sender, conversation, entry, listener, attempt.signal);
    } catch (error) {
      return attempt.signal.aborted ? { kind: 'done' } : classify(error);
    } finally {
      this.#attempt = null;
    }
  }

  async #start(entry: OutboxEntry): Promise<string> {
    const id = await startConversation(this.#sender, entry);
    this.#outbox.update(entry.key, { conversation: id });
    this.#listener.onConversation(entry, id);
    return id;
  }

  #answerListener(conversation: string): AnswerListener {
    let messageId: string | null = null;
    const report = (text: string) => this.#listener.onAnswer(conversation, messageId, text);
    return {
      onStart(id) {
        messageId = id;
        report('');
      },
      onText: report,
    };
  }

  async #finish(entry: OutboxEntry, result: Exclude<Delivery['kind'], 'retry'>): Promise<void> {
    if (result === 'failed') this.#outbox.update(entry.key, { failed: true });
    await this.#listener.onEnd(entry, result);
    if (result !== 'failed') this.#outbox.remove(entry.key);
  }

  #sleep(seconds: number): Promise<void> {
    return new Promise((done) => {
      const timer = setTimeout(finish, seconds * 1_000);
      const end = this.#end;
      function finish() {
        clearTimeout(timer);
        end.removeEventListener('abort', finish);
        done();
      }
      this.#wake = finish;
      this.#end.addEventListener('abort', finish);
    });
  }
}

/**
 * Runs `task` while no other tab runs a task of this name. Browsers have locks only on
 * pages with TLS; without them, the idempotency keys prevent doubled messages.
 */
async function withLock(name: string, signal: AbortSignal, task: () => Promise<void>) {
  if (!navigator.locks) return task();
  await navigator.locks.request(name, { signal }, task).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}
