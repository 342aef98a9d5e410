// Tells the other side of a conversation whether this person is writing.

/** While a person writes, the other side is told this often. */
const REPEAT_INTERVAL_MS = 3_000;
/** A person who has not changed the text for this time has stopped. */
const PAUSE_MS = 5_000;
/** Without another event, the other side has stopped writing. */
export const TYPING_TIMEOUT_MS = 7_000;

export class TypingSignal {
  readonly #send: (isTyping: boolean) => void;
  #repeatedAt = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;

  constructor(send: (isTyping: boolean) => void) {
    this.#send = send;
  }

  /** The person changed the text. */
  change(text: string): void {
    if (text.trim() === '') {
      this.stop();
      return;
    }
    clearTimeout(this.#pause);
    this.#pause = setTimeout(() => this.stop(), PAUSE_MS);
    if (Date.now() - this.#repeatedAt < REPEAT_INTERVAL_MS) return;
    this.#repeatedAt = Date.now();
    this.#send(true);
  }

  stop(): void {
    clearTimeout(this.#pause);
    if (this.#repeatedAt === 0) return;
    this.#repeatedAt = 0;
    this.#send(false);
  }
}
