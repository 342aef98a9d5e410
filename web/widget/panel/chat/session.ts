// The visitor's session: a token for the requests of the widget.

import { RequestError, requestError } from '../../../shared/api';
import type { DeviceStorage } from '../../../shared/device-storage';
import { randomId } from '../../../shared/random-id';
import type { Identity } from '../../contract';

/** The entry with the token. */
export const TOKEN_ENTRY = 'token';
const VISITOR_ENTRY = 'visitor';

/** A person whom the website knows, and what happens when the server refuses the token. */
export interface SessionIdentity {
  identity: Identity | null;
  onRefusal: (status: number) => void;
  /** For a session that only a link starts: called at its end, instead of starting another. */
  onEnd?: (() => void) | undefined;
}

export class Session {
  readonly #api: string;
  readonly #key: string;
  readonly #storage: DeviceStorage;
  readonly #person: SessionIdentity;
  #renewal: Promise<string> | null = null;

  constructor(api: string, key: string, storage: DeviceStorage, person: SessionIdentity) {
    this.#api = api;
    this.#key = key;
    this.#storage = storage;
    this.#person = person;
  }

  /** `fetch` with the token. A token that the server refuses is renewed once. */
  readonly fetch = async (input: RequestInfo, init?: RequestInit): Promise<Response> => {
    const request = new Request(input, init);
    const repeated = request.clone();
    const token = this.#token() ?? (await this.#renew(null));
    const response = await send(request, token);
    if (response.status !== 401) return response;
    return send(repeated, await this.#renew(token));
  };

  #token(): string | null {
    return this.#storage.read<string>(TOKEN_ENTRY);
  }

  /** A token other than `refused`: that of another tab, or a new one. */
  #renew(refused: string | null): Promise<string> {
    const current = this.#token();
    if (current && current !== refused) return Promise.resolve(current);
    this.#renewal ??= this.#begin().finally(() => {
      this.#renewal = null;
    });
    return this.#renewal;
  }

  async #begin(): Promise<string> {
    const { identity, onRefusal, onEnd } = this.#person;
    if (onEnd) {
      onEnd();
      throw new RequestError(401, 'UNAUTHORIZED', {});
    }
    const response = identity
      ? await this.#post('identify', { token: identity.token })
      : await this.#post('init', { saVid: this.#deviceId() });
    if (!response.ok && identity) onRefusal(response.status);
    if (!response.ok) throw await requestError(response);
    const { sessionToken } = (await response.json()) as { sessionToken: string };
    this.#storage.write(TOKEN_ENTRY, sessionToken);
    return sessionToken;
  }

  #post(operation: string, body: object): Promise<Response> {
    return fetch(`${this.#api}/identity/${operation}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ apiKey: this.#key, ...body }),
    });
  }

  /** The name of this device. */
  #deviceId(): string {
    const id = this.#storage.read<string>(VISITOR_ENTRY) ?? randomId();
    this.#storage.write(VISITOR_ENTRY, id);
    return id;
  }
}

function send(request: Request, token: string): Promise<Response> {
  request.headers.set('Authorization', `Bearer ${token}`);
  return fetch(request);
}
