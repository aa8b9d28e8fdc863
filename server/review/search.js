// Search as you type over all SKUs, as a combobox.
//
// Owns the list below the field and the keys in it. Refuses stale answers: what was typed last counts.

const WAIT_MS = 120;

export class Search {
  #field;
  #list;
  #ask;
  #chosen;
  #skus = [];
  #active = -1;
  #asking = null;
  #timer = 0;

  /** `ask(text, signal)` finds SKUs; `chosen(sku)` is told of one that was picked. */
  constructor(field, list, ask, chosen) {
    this.#field = field;
    this.#list = list;
    this.#ask = ask;
    this.#chosen = chosen;
    field.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#find(), WAIT_MS);
    });
    field.addEventListener('keydown', (event) => this.#key(event));
    list.addEventListener('click', (event) => {
      const option = event.target.closest('[role=option]');
      if (option) this.#pick(Number(option.dataset.place));
    });
  }

  /** Empties it. */
  clear() {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.#field.value = '';
    this.#draw([]);
  }

  async #find() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#asking?.abort();
    const asking = (this.#asking = new AbortController());
    const text = this.#field.value.trim();
    try {
      const skus = text ? await this.#ask(text, asking.signal) : [];
      if (!asking.signal.aborted) this.#draw(skus, text !== '');
    } catch (error) {
      if (error.name !== 'AbortError') this.#draw([], true, error.message);
    }
  }

  async #key(event) {
    const { key } = event;
    if (key === 'ArrowDown' || key === 'ArrowUp') {
      event.preventDefault();
      if (this.#skus.length === 0) return;
      const step = key === 'ArrowDown' ? 1 : -1;
      this.#activate((this.#active + step + this.#skus.length) % this.#skus.length);
    } else if (key === 'Enter') {
      event.preventDefault();
      // What is typed may be ahead of what is shown.
      if (this.#timer) await this.#find();
      if (this.#skus.length > 0) this.#pick(Math.max(this.#active, 0));
    } else if (key === 'Escape') {
      event.preventDefault();
      this.clear();
      this.#field.blur();
    }
  }

  #pick(place) {
    const sku = this.#skus[place];
    this.clear();
    this.#field.blur();
    this.#chosen(sku);
  }

  #draw(skus, asked = false, trouble = 'No SKU has these words.') {
    this.#skus = skus;
    const options = skus.map((sku, place) => {
      const option = document.createElement('li');
      option.role = 'option';
      option.id = `found-${place}`;
      option.dataset.place = place;
      const name = document.createElement('span');
      name.textContent = sku.name;
      const id = document.createElement('small');
      id.textContent = [sku.id, sku.container, sku.barcode].filter(Boolean).join(' · ');
      option.append(name, id);
      return option;
    });
    if (asked && options.length === 0) {
      const none = document.createElement('li');
      none.textContent = trouble;
      none.className = 'none';
      options.push(none);
    }
    this.#list.replaceChildren(...options);
    this.#list.hidden = options.length === 0;
    this.#field.setAttribute('aria-expanded', String(skus.length > 0));
    this.#activate(skus.length > 0 ? 0 : -1);
  }

  #activate(place) {
    this.#active = place;
    [...this.#list.children].forEach((option, index) => option.setAttribute('aria-selected', String(index === place)));
    if (place >= 0) {
      this.#field.setAttribute('aria-activedescendant', `found-${place}`);
      this.#list.children[place].scrollIntoView({ block: 'nearest' });
    } else {
      this.#field.removeAttribute('aria-activedescendant');
    }
  }
}
