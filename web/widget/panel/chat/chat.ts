// The state of the chat and what the visitor can do with it.

import {
  type Api,
  type Conversation,
  createApi,
  type Feedback,
  type Message,
  RequestError,
  unwrap,
} from '../../../shared/api';
import { DeviceStorage } from '../../../shared/device-storage';
import { Drafts } from '../../../shared/drafts';
import { textOf } from '../../../shared/message-text';
import { Outbox, type OutboxEntry } from '../../../shared/outbox';
import { randomId } from '../../../shared/random-id';
import { TYPING_TIMEOUT_MS, TypingSignal } from '../../../shared/typing-signal';
import { CONVERSATION_ENTRY, OUTBOX_ENTRY, type PanelContext, storagePrefix } from '../../contract';
import type { Delivery } from './delivery';
import { LiveConnection, type LiveEvent } from './live';
import { OutboxRunner } from './outbox-runner';
import { PageContext } from './page-context';
import { Session } from './session';
import { Store } from './store';
import { TabChannel } from './tab-channel';
import type { LiveAnswer } from './timeline';
import { countUnread, SEEN_ENTRY } from './unread';

export interface ChatState {
  /** The id of the conversation on screen. Null: the next message starts one. */
  conversationId: string | null;
  /** Null while it is loaded. */
  conversation: Conversation | null;
  messages: readonly Message[];
  /** The messages of this conversation that are being sent. */
  entries: readonly OutboxEntry[];
  answer: LiveAnswer | null;
  /** Whether the agent is writing. */
  isAgentTyping: boolean;
  isLoading: boolean;
  /** Whether the server can be reached. */
  isConnected: boolean;
  /** A text for the input field: the draft, or a message that was not accepted. */
  draft: string;
  notice: 'refused' | 'closed' | 'gone' | null;
}

/** Between two reads of an answer that another client receives. */
const POLL_INTERVAL_MS = 1_500;
/** After this silence of the tab that receives an answer, this tab asks the server. */
const TAB_TIMEOUT_MS = 4_000;
/** Collects events that come together. */
const REFRESH_DELAY_MS = 80;

export class Chat {
  readonly store: Store<ChatState>;
  readonly api: Api;
  readonly #context: PanelContext;
  readonly #apiUrl: string;
  readonly #storage: DeviceStorage;
  readonly #session: Session;
  readonly #outbox: Outbox;
  readonly #drafts: Drafts;
  readonly #runner: OutboxRunner;
  readonly #tabs: TabChannel;
  readonly #end = new AbortController();
  readonly #typing = new TypingSignal((isTyping) => this.#sendTyping(isTyping));
  readonly #page: PageContext;
  #live: LiveConnection | null = null;
  #typingTimer: ReturnType<typeof setTimeout> | undefined;
  #refreshTimer: ReturnType<typeof setTimeout> | undefined;
  #tabTimer: ReturnType<typeof setTimeout> | undefined;
  #isVisible = false;
  /** The number of reads of conversations so far. */
  #reads = 0;

  constructor(context: PanelContext) {
    const { options, identity } = context;
    const prefix = storagePrefix(options.key, identity);
    this.#context = context;
    this.#apiUrl = `${options.server}v2`;
    this.#storage = new DeviceStorage('localStorage', prefix);
    this.#page = new PageContext(context.root.host, this.#end.signal);
    this.#drafts = new Drafts(new DeviceStorage('sessionStorage', prefix));
    this.#session = new Session(this.#apiUrl, options.key, this.#storage, {
      identity,
      onRefusal: (status) => context.emit('identityerror', { status }),
      onEnd: options.page?.onSessionEnd,
    });
    this.api = createApi(this.#apiUrl, this.#session.fetch);
    this.#outbox = new Outbox(this.#storage, OUTBOX_ENTRY);
    this.#tabs = new TabChannel(prefix, (message) => this.#onTab(message));
    const sender = { api: this.api, apiUrl: this.#apiUrl, fetch: this.#session.fetch };
    const lock = `${prefix}outbox`;
    this.#runner = new OutboxRunner(this.#outbox, sender, this.#events(), lock, this.#end.signal);
    this.store = new Store<ChatState>(this.#emptyState(this.#storage.read(CONVERSATION_ENTRY)));
  }

  /** Loads the last conversation and sends what a reload interrupted. */
  start(): void {
    const onOutbox = () => this.#onOutboxChange();
    this.#storage.listen(OUTBOX_ENTRY, onOutbox, this.#end.signal);
    const onConversation = () => this.#onOtherConversation();
    this.#storage.listen(CONVERSATION_ENTRY, onConversation, this.#end.signal);
    const { conversationId } = this.store.value;
    if (conversationId) this.#follow(conversationId);
    void this.#runner.run();
  }

  destroy(): void {
    this.#end.abort();
    clearTimeout(this.#refreshTimer);
    clearTimeout(this.#tabTimer);
    clearTimeout(this.#typingTimer);
    this.#typing.stop();
    this.#live?.close();
    this.#tabs.close();
  }

  /** Whether the visitor sees the messages. */
  setVisible(isVisible: boolean): void {
    this.#isVisible = isVisible;
    this.#updateUnread();
  }

  setDraft(draft: string): void {
    this.#drafts.write(this.store.value.conversationId, draft);
    this.store.update({ draft });
    this.#typing.change(draft);
  }

  /** Agents see that the visitor is writing. The assistant does not wait for it. */
  #sendTyping(isTyping: boolean): void {
    const { conversation } = this.store.value;
    if (!conversation?.isHumanHandled) return;
    const headers = { 'Content-Type': 'application/json' };
    const body = JSON.stringify({ isTyping });
    const url = `${this.#apiUrl}/conversations/${conversation.id}/typing`;
    void this.#session.fetch(url, { method: 'POST', headers, body }).catch(() => null);
  }

  send(content: string): void {
    this.#add(content, this.store.value.messages.at(-1)?.id ?? null);
    this.#drafts.write(this.store.value.conversationId, '');
    this.#typing.stop();
    this.store.update({ draft: '' });
    this.#context.emit('message', { role: 'user', text: content });
  }

  #add(content: string, after: string | null): void {
    const { conversationId } = this.store.value;
    this.#outbox.add({
      key: randomId(),
      conversation: conversationId,
      content,
      body: JSON.stringify({
        content,
        stream: true,
        detached: true,
        pageContext: this.#page.take(),
      }),
      after,
      createdAt: new Date().toISOString(),
      failed: false,
    });
    this.store.update({ notice: null, entries: this.#entriesOf(conversationId) });
    void this.#runner.run();
  }

  /** Sends the last message again whose answer failed. */
  retry(): void {
    const { conversationId, entries, messages } = this.store.value;
    const failed = entries.find((entry) => entry.failed);
    const index = messages.findLastIndex((message) => message.role === 'user');
    const question = messages[index];
    if (failed) {
      this.#outbox.update(failed.key, { failed: false });
      this.store.update({ entries: this.#entriesOf(conversationId) });
      void this.#runner.run();
    } else if (question) {
      // The server replaces the failed answer to the same text.
      this.#add(textOf(question), messages[index - 1]?.id ?? null);
    }
  }

  /** Ends the answer that is being received. */
  async stop(): Promise<void> {
    const { conversationId } = this.store.value;
    if (!conversationId) return;
    const result = await this.api
      .POST('/conversations/{conversationId}/stop', { params: { path: { conversationId } } })
      .catch(() => null);
    // Otherwise the stream ends by itself.
    if (!result?.response.ok) this.#runner.abort();
  }

  openConversation(id: string | null): void {
    this.#typing.stop();
    if (id) this.#storage.write(CONVERSATION_ENTRY, id);
    else this.#storage.remove(CONVERSATION_ENTRY);
    this.#live?.close();
    this.#live = null;
    this.store.update(this.#emptyState(id));
    if (id) this.#follow(id);
  }

  /** Begins a conversation with the draft of the one on screen, which is closed. */
  startNew(): void {
    this.#drafts.move(this.store.value.conversationId, null);
    this.openConversation(null);
  }

  async rate(messageId: string, feedback: Feedback): Promise<void> {
    const before = this.store.value.messages;
    this.#setFeedback(messageId, feedback);
    const result = await this.api
      .POST('/messages/{messageId}/feedback', {
        params: { path: { messageId } },
        body: { feedback },
      })
      .catch(() => null);
    if (!result?.response.ok) this.store.update({ messages: before });
  }

  /** Reads the conversation on screen. Returns whether the server could be reached. */
  async refresh(): Promise<boolean> {
    const { conversationId } = this.store.value;
    if (!conversationId || this.#end.signal.aborted) return true;
    this.#reads += 1;
    const read = this.#reads;
    try {
      const result = await this.api.GET('/conversations/{conversationId}', {
        params: { path: { conversationId } },
      });
      // A later read may have overtaken this one.
      const isNewest = read === this.#reads && this.store.value.conversationId === conversationId;
      if (isNewest) this.#show(unwrap(result));
      return true;
    } catch (error) {
      return this.#onLoadError(conversationId, error);
    }
  }

  #setFeedback(messageId: string, feedback: Feedback): void {
    const messages = this.store.value.messages.map((message) =>
      message.id === messageId ? { ...message, feedback } : message,
    );
    this.store.update({ messages });
  }

  #emptyState(conversationId: string | null): ChatState {
    return {
      conversationId,
      conversation: null,
      messages: [],
      entries: this.#entriesOf(conversationId),
      answer: null,
      isAgentTyping: false,
      isLoading: conversationId !== null,
      isConnected: true,
      draft: this.#drafts.read(conversationId),
      notice: null,
    };
  }

  #entriesOf(conversationId: string | null): OutboxEntry[] {
    return this.#outbox.entries.filter((entry) => entry.conversation === conversationId);
  }

  /** Reads the conversation and listens to its events. */
  #follow(id: string): void {
    void this.refresh();
    const key = encodeURIComponent(this.#context.options.key);
    const url = `${this.#apiUrl.replace(/^http/, 'ws')}/conversations/${id}/ws?apiKey=${key}`;
    this.#live?.close();
    this.#live = new LiveConnection(url, {
      onOpen: () => this.#refreshSoon(),
      onEvent: (event) => this.#onLiveEvent(event),
    });
  }

  #show(conversation: Conversation & { messages: Message[] }): void {
    const { messages, ...rest } = conversation;
    this.store.update({
      conversation: rest,
      messages,
      entries: this.#entriesOf(conversation.id),
      isLoading: false,
      isConnected: true,
    });
    this.#updateUnread();
    this.#pollAnswer();
  }

  /** Reads again while an answer is written that this tab does not receive. */
  #pollAnswer(): void {
    const { messages, answer } = this.store.value;
    const isStreaming = messages.at(-1)?.status === 'streaming';
    if (isStreaming && !answer) this.#refreshSoon(POLL_INTERVAL_MS);
  }

  /** Returns whether another read would have the same result. */
  #onLoadError(conversationId: string, error: unknown): boolean {
    if (this.store.value.conversationId !== conversationId) return true;
    const status = error instanceof RequestError ? error.status : 0;
    if (status === 404 || status === 403) {
      this.openConversation(null);
      return true;
    }
    this.store.update({ isConnected: false });
    this.#refreshSoon(POLL_INTERVAL_MS * 2);
    return false;
  }

  #refreshSoon(delay = REFRESH_DELAY_MS): void {
    clearTimeout(this.#refreshTimer);
    this.#refreshTimer = setTimeout(() => void this.refresh(), delay);
  }

  #onLiveEvent(event: LiveEvent): void {
    const { message } = event;
    if (event.chatId !== this.store.value.conversationId) return;
    this.#showTyping(event.type === 'typing' && event.isTyping === true);
    if (event.type === 'typing') return;
    const isFromAgent = event.type === 'new_message' && message?.role === 'human_agent';
    // A new connection repeats recent messages. While the conversation is loaded, they
    // would be in the wrong place.
    if (isFromAgent && !this.store.value.isLoading) this.#insert(message);
    this.#refreshSoon();
  }

  /** Any other event ends it, above all the message that the agent was writing. */
  #showTyping(isAgentTyping: boolean): void {
    clearTimeout(this.#typingTimer);
    if (isAgentTyping) {
      this.#typingTimer = setTimeout(() => this.#showTyping(false), TYPING_TIMEOUT_MS);
    }
    if (this.store.value.isAgentTyping !== isAgentTyping) this.store.update({ isAgentTyping });
  }

  /** Adds a message, or replaces the one with its id. */
  #insert(message: Message): void {
    const { messages } = this.store.value;
    if (!messages.some(({ id }) => id === message.id)) {
      this.store.update({ messages: [...messages, message] });
      this.#context.emit('message', { role: 'human_agent', text: textOf(message) });
    }
    this.#updateUnread();
  }

  #updateUnread(): void {
    const { conversationId, messages } = this.store.value;
    if (!conversationId) {
      this.#context.setUnread(0);
      return;
    }
    const last = messages.at(-1);
    if (this.#isVisible && last) this.#storage.write(SEEN_ENTRY, last.id);
    const seen = this.#storage.read<string>(SEEN_ENTRY);
    this.#context.setUnread(this.#isVisible ? 0 : countUnread(messages, seen));
  }

  // ── Other tabs ──

  #onTab({ conversation, answer }: { conversation: string; answer: LiveAnswer | null }): void {
    if (conversation !== this.store.value.conversationId) return;
    clearTimeout(this.#tabTimer);
    if (!answer) {
      void this.#endTabAnswer();
      return;
    }
    this.store.update({ answer });
    // The other tab may be closed in the middle of the answer.
    this.#tabTimer = setTimeout(() => this.#onTabSilent(), TAB_TIMEOUT_MS);
  }

  /** Shows the stored answer instead of the one that arrived; reads first, so that it stays. */
  async #endTabAnswer(): Promise<void> {
    const { answer } = this.store.value;
    await this.refresh();
    if (this.store.value.answer === answer) this.store.update({ answer: null });
    this.#pollAnswer();
  }

  #onTabSilent(): void {
    void this.#endTabAnswer();
    void this.#runner.run();
  }

  #onOutboxChange(): void {
    const { conversationId, entries } = this.store.value;
    const changed = this.#entriesOf(conversationId);
    // A message that left the outbox is shown until the server returns it (`#show`).
    const left = entries.filter(({ key }) => !changed.some((entry) => entry.key === key));
    this.store.update({ entries: [...left, ...changed] });
    this.#refreshSoon();
    void this.#runner.run();
  }

  /** Another tab started the conversation that this tab waits for. */
  #onOtherConversation(): void {
    const id = this.#storage.read<string>(CONVERSATION_ENTRY);
    if (this.store.value.conversationId !== null || !id) return;
    this.#drafts.move(null, id);
    this.openConversation(id);
  }

  // ── The outbox ──

  #events() {
    return {
      onConversation: (entry: OutboxEntry, id: string) => this.#onConversation(entry, id),
      onAttempt: (entry: OutboxEntry) => this.#onAttempt(entry),
      onAnswer: (conversation: string, messageId: string | null, text: string) =>
        this.#onAnswer({ conversation, messageId, text }),
      onWait: (isReachable: boolean) => this.store.update({ isConnected: isReachable }),
      onEnd: (entry: OutboxEntry, result: Exclude<Delivery['kind'], 'retry'>) =>
        this.#onEnd(entry, result),
    };
  }

  #onConversation(entry: OutboxEntry, id: string): void {
    const { conversationId, entries } = this.store.value;
    const isOnScreen = conversationId === null && entries.some(({ key }) => key === entry.key);
    if (!isOnScreen) return;
    this.#storage.write(CONVERSATION_ENTRY, id);
    this.#drafts.move(null, id);
    this.store.update({ conversationId: id, entries: this.#entriesOf(id) });
    this.#follow(id);
  }

  #onAttempt(entry: OutboxEntry): void {
    const { conversationId, conversation, answer } = this.store.value;
    if (entry.conversation !== conversationId || conversation?.isHumanHandled) return;
    if (!answer) this.#onAnswer({ conversation: conversationId ?? '', messageId: null, text: '' });
  }

  #onAnswer(answer: LiveAnswer): void {
    clearTimeout(this.#tabTimer);
    this.#tabs.send(answer.conversation, answer);
    const { conversationId, answer: shown } = this.store.value;
    if (answer.conversation !== (conversationId ?? '')) return;
    // An attempt that attaches to the answer begins with its first word again.
    const isBehind = shown?.messageId && answer.text.length < shown.text.length;
    const isSame = shown?.messageId === answer.messageId;
    this.store.update({ isConnected: true, ...(isBehind && isSame ? {} : { answer }) });
  }

  async #onEnd(entry: OutboxEntry, result: Exclude<Delivery['kind'], 'retry'>): Promise<void> {
    // Another tab may have removed the message meanwhile.
    const stored = this.#outbox.entries.find(({ key }) => key === entry.key);
    const { conversationId } = this.store.value;
    const conversation = (stored ?? entry).conversation ?? conversationId;
    const isOnScreen = conversation === conversationId;
    if (result !== 'done' && result !== 'failed') {
      this.#giveBack(entry.content, conversation, result);
    }
    if (isOnScreen) {
      // Before the outbox forgets the message, so that it never disappears.
      if (conversation) await this.#refreshUntilRead();
      const { answer } = this.store.value;
      if (answer?.text) this.#context.emit('message', { role: 'assistant', text: answer.text });
      this.store.update({ answer: null, entries: this.#withoutKey(entry, result) });
      this.#updateUnread();
      this.#pollAnswer();
    }
    if (conversation) this.#tabs.send(conversation, null);
  }

  #withoutKey(entry: OutboxEntry, result: Delivery['kind']): OutboxEntry[] {
    const entries = this.#entriesOf(this.store.value.conversationId);
    return result === 'failed' ? entries : entries.filter(({ key }) => key !== entry.key);
  }

  async #refreshUntilRead(): Promise<void> {
    while (!(await this.refresh()) && !this.#end.signal.aborted) {
      await new Promise((done) => setTimeout(done, POLL_INTERVAL_MS));
    }
  }

  /** Puts a message that was not accepted back into the input field. */
  #giveBack(content: string, from: string | null, notice: 'refused' | 'closed' | 'gone'): void {
    // The conversation does not exist: the next message starts one.
    const conversation = notice === 'gone' ? null : from;
    const draft = this.#drafts.read(conversation);
    this.#drafts.write(conversation, draft ? `${content}\n${draft}` : content);
    if (notice === 'gone' && from === this.store.value.conversationId) this.openConversation(null);
    if (conversation !== this.store.value.conversationId) return;
    this.store.update({ notice, draft: this.#drafts.read(conversation) });
  }
}
