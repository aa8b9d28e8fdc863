// The server's review API.
//
// Owns the token, kept in this tab alone, and what an answer that is no success means. Refuses to know about the page.

const BASE = '/api/v1/ai/v2';
const KEPT = 'shelfscan-token';

/** An answer that is no success; `status` 0 where there was none. */
export class Refused extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export class Api {
  #token = sessionStorage.getItem(KEPT);

  get signedIn() {
    return this.#token !== null;
  }

  /** Takes the token if it may review; who it belongs to. */
  async signIn(token) {
    this.#token = token;
    try {
      const me = await this.#ask('GET', '/review/me');
      sessionStorage.setItem(KEPT, token);
      return me;
    } catch (refused) {
      this.signOut();
      throw refused;
    }
  }

  me() {
    return this.#ask('GET', '/review/me');
  }

  signOut() {
    this.#token = null;
    sessionStorage.removeItem(KEPT);
  }

  claim(count) {
    return this.#ask('POST', '/review/claim', { count });
  }

  lookAlikes(itemId, similarity) {
    return this.#ask('POST', '/review/look-alikes', { item_id: itemId, similarity });
  }

  /** Gives items back; all if none are named. Outlives the page. */
  release(itemIds) {
    return this.#ask('POST', '/review/release', itemIds ? { item_ids: itemIds } : {}, { keepalive: true });
  }

  label(itemId, label) {
    return this.#ask('POST', '/review/label', { item_id: itemId, label });
  }

  labelMany(itemIds, label) {
    return this.#ask('POST', '/review/label-many', { item_ids: itemIds, label });
  }

  undo() {
    return this.#ask('POST', '/review/undo', {});
  }

  async search(text, signal) {
    const query = new URLSearchParams({ q: text, limit: '12' });
    return (await this.#ask('GET', `/review/skus?${query}`, undefined, { signal })).skus;
  }

  progress() {
    return this.#ask('GET', '/review/progress');
  }

  /** A crop's picture as an address that an image can show; the caller revokes it. */
  async picture(url) {
    return URL.createObjectURL(await (await this.#send('GET', url)).blob());
  }

  async #ask(method, path, body, options) {
    return (await this.#send(method, BASE + path, body, options)).json();
  }

  async #send(method, url, body, options = {}) {
    const headers = { Authorization: `Bearer ${this.#token}` };
    if (body !== undefined) headers['Content-Type'] = 'application/json';
    let answer;
    try {
      answer = await fetch(url, { method, headers, body: body && JSON.stringify(body), ...options });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new Refused(0, 'offline', 'The server can’t be reached. Nothing is lost: what you said is sent when it is back.');
    }
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => ({}));
    const wait = Number(answer.headers.get('Retry-After')) || undefined;
    const refused = new Refused(answer.status, said.error?.code ?? 'unknown', said.error?.message ?? `The server answered ${answer.status}.`);
    refused.retryAfter = wait;
    throw refused;
  }
}
