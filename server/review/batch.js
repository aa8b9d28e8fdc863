// The crops before this reviewer.
//
// Owns their order, their pictures fetched ahead, and the sending of what was said: one after the other, again until it arrives, so
// that a person goes on at once. Refuses to draw: it tells `changed` that there is something to draw.

import { Refused } from './api.js';

const CLAIMED = 20;
const REFILL_AT = 8;
const PICTURES_AHEAD = 6;
/** Leases last ten minutes. */
const RENEW_MS = 4 * 60 * 1000;
/** Answers that say: not with this token. */
const EXPIRED = [401, 403];
/** Answers that say: not now. */
const LATER = [408, 425, 429];

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export class Batch {
  #api;
  #changed;
  #items = [];
  /** Look-alikes claimed besides. */
  #held = [];
  #pictures = new Map();
  /** Ids this person has said something of: a claim that was under way may still bring them. */
  #said = new Set();
  #sends = Promise.resolve();
  #unsent = 0;
  #refilling = null;
  #renewing;
  progress = null;

  /** `changed({ said, trouble, expired })` is called with what there is to say when there is something to draw. */
  constructor(api, changed) {
    this.#api = api;
    this.#changed = changed;
    this.#renewing = setInterval(() => this.current && this.refill(true), RENEW_MS);
  }

  get current() {
    return this.#items[0] ?? null;
  }

  /** How many decisions the server has not answered yet. */
  get unsent() {
    return this.#unsent;
  }

  /** Claims more where few are left; always where `now`. */
  refill(now = false) {
    if (!now && this.#items.length > REFILL_AT) return Promise.resolve();
    this.#refilling ??= this.#claim().finally(() => (this.#refilling = null));
    return this.#refilling;
  }

  async #claim() {
    try {
      const { items, progress } = await this.#api.claim(CLAIMED + this.#held.length);
      const mine = new Set(items.map((item) => item.id));
      const current = this.current;
      // What the server no longer gives is somebody else's, or was labelled elsewhere.
      this.#keep(this.#items.filter((item) => mine.has(item.id)));
      const known = new Set([...this.#items, ...this.#held].map((item) => item.id));
      this.#items.push(...items.filter((item) => !known.has(item.id) && !this.#said.has(item.id)));
      this.progress = progress;
      this.#fetchAhead();
      const gone = current && current !== this.current && !this.#said.has(current.id);
      this.#changed(gone ? { said: 'Somebody else has that crop now; here is the next.' } : {});
    } catch (error) {
      this.#trouble(error);
    }
  }

  #keep(items) {
    const kept = new Set(items.map((item) => item.id));
    for (const item of this.#items) if (!kept.has(item.id)) this.#forget(item.id);
    this.#items = items;
  }

  /** The picture of an item, as an address. */
  picture(item) {
    if (!this.#pictures.has(item.id)) {
      const picture = this.#api.picture(item.crop.url);
      picture.catch(() => this.#pictures.delete(item.id));
      this.#pictures.set(item.id, picture);
    }
    return this.#pictures.get(item.id);
  }

  #forget(id) {
    this.#pictures.get(id)?.then(URL.revokeObjectURL, () => {});
    this.#pictures.delete(id);
  }

  #fetchAhead() {
    for (const item of this.#items.slice(0, PICTURES_AHEAD)) this.picture(item);
  }

  /** Claims what looks like the current item: `{ similarity, item }` each. */
  async lookAlikes(similarity) {
    await this.letGo();
    const { items } = await this.#api.lookAlikes(this.current.id, similarity);
    this.#held = items.map(({ item }) => item);
    return items;
  }

  /** Gives back the look-alikes that are not in this batch; but `kept`. */
  async letGo(kept = []) {
    const stay = new Set([...kept, ...this.#items.map((item) => item.id)]);
    const back = this.#held.filter((item) => !stay.has(item.id)).map((item) => item.id);
    back.forEach((id) => this.#forget(id));
    this.#held = this.#held.filter((item) => kept.includes(item.id));
    if (back.length > 0) await this.#api.release(back);
  }

  /** Says what the current item is, and `others` with it, and goes on to the next. */
  say(label, name, others = []) {
    const item = this.current;
    if (!item) return;
    const ids = [item.id, ...others];
    const gone = this.#items.filter((one) => ids.includes(one.id));
    this.#items = this.#items.filter((one) => !ids.includes(one.id));
    this.#held = [];
    ids.forEach((id) => this.#said.add(id));
    this.#fetchAhead();
    this.#changed({ said: ids.length > 1 ? `${name} (${ids.length} crops)` : name });
    this.#queue(async () => {
      try {
        const answer = await (ids.length > 1 ? this.#api.labelMany(ids, label) : this.#api.label(item.id, label));
        this.progress = answer.progress;
        ids.forEach((id) => this.#forget(id));
        const refused = answer.refused ?? [];
        const trouble = refused.length && `${refused.length} of ${ids.length} were not labelled: ${refused[0].error.message}`;
        this.#changed(trouble ? { trouble } : {});
      } catch (error) {
        if (!final(error)) throw error;
        // Of what the label is wrong with, another label is asked for. The others are somebody else's now.
        if (error.status === 422) this.#bringBack(gone);
        this.#changed({ trouble: error.message });
      }
    });
    this.refill();
  }

  /** Takes back the last thing said: its item comes to the front. */
  undo() {
    this.#queue(async () => {
      try {
        const { item, progress } = await this.#api.undo();
        this.progress = progress;
        this.#bringBack([item]);
        this.#changed({ said: 'Taken back.' });
      } catch (error) {
        if (!final(error)) throw error;
        this.#changed({ said: 'There is nothing to take back.' });
      }
    });
  }

  #bringBack(items) {
    const ids = items.map((item) => item.id);
    ids.forEach((id) => this.#said.delete(id));
    this.#items = [...items, ...this.#items.filter((one) => !ids.includes(one.id))];
    this.#fetchAhead();
  }

  /** Waits until all that was said has been answered. */
  settled() {
    return this.#sends;
  }

  #queue(send) {
    this.#unsent += 1;
    this.#sends = this.#sends.then(() => this.#persist(send)).finally(() => (this.#unsent -= 1));
  }

  /** Sends until there is an answer, or the token is not good any more. */
  async #persist(send) {
    for (let wait = 500; ; wait = Math.min(2 * wait, 15000)) {
      try {
        return await send();
      } catch (error) {
        this.#trouble(error);
        if (!(error instanceof Refused) || EXPIRED.includes(error.status)) return;
        await pause(error.retryAfter ? error.retryAfter * 1000 : wait);
      }
    }
  }

  #trouble(error) {
    this.#changed({ trouble: error.message, expired: error instanceof Refused && EXPIRED.includes(error.status) });
  }

  /** Lets go of everything here; the server's leases end by themselves. */
  close() {
    clearInterval(this.#renewing);
    this.#keep([]);
  }
}

/** Whether asking again would be answered the same. */
function final(error) {
  const client = error instanceof Refused && error.status >= 400 && error.status < 500;
  return client && !EXPIRED.includes(error.status) && !LATER.includes(error.status);
}
