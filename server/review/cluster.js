// Look-alikes of a crop, to be labelled with it.
//
// Owns the dialog in which a person takes out those that are something else. Refuses to label: that is done by the next decision.

const $ = (id) => document.getElementById(id);

export class Cluster {
  #batch;
  #taken;
  #asked = 0;

  /** `taken(ids)` is told which look-alikes go with the crop; none where there are none. */
  constructor(batch, taken) {
    this.#batch = batch;
    this.#taken = taken;
    const dialog = $('cluster-dialog');
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    $('choose-all').addEventListener('click', () => this.#chooseAll(true), { signal });
    $('choose-none').addEventListener('click', () => this.#chooseAll(false), { signal });
    $('similarity').addEventListener('input', () => ($('similarity-value').value = Number($('similarity').value).toFixed(2)), { signal });
    $('similarity').addEventListener('change', () => this.#find(), { signal });
    $('cluster').addEventListener('change', () => this.#count(), { signal });
    $('take-cluster').addEventListener('click', () => dialog.close('take'), { signal });
    dialog.addEventListener('close', () => this.#closed(dialog.returnValue === 'take'), { signal });
  }

  open() {
    const dialog = $('cluster-dialog');
    dialog.returnValue = '';
    dialog.showModal();
    this.#find();
  }

  async #find() {
    const asked = ++this.#asked;
    $('cluster').replaceChildren();
    $('cluster-said').textContent = 'Looking…';
    try {
      const alike = await this.#batch.lookAlikes(Number($('similarity').value));
      if (asked !== this.#asked) return;
      $('cluster').replaceChildren(...alike.map(({ similarity, item }) => this.#entry(similarity, item)));
      this.#count();
    } catch (error) {
      if (asked === this.#asked) $('cluster-said').textContent = error.message;
    }
  }

  #entry(similarity, item) {
    const entry = document.createElement('li');
    const label = document.createElement('label');
    const image = document.createElement('img');
    image.alt = '';
    this.#batch.picture(item).then((address) => (image.src = address), () => {});
    const box = document.createElement('input');
    box.type = 'checkbox';
    box.checked = true;
    box.value = item.id;
    const text = document.createElement('span');
    text.textContent = `${similarity.toFixed(2)} ${item.candidates[0]?.name ?? ''}`;
    label.append(image, box, text);
    entry.append(label);
    return entry;
  }

  #boxes() {
    return [...$('cluster').querySelectorAll('input')];
  }

  #chooseAll(checked) {
    this.#boxes().forEach((box) => (box.checked = checked));
    this.#count();
  }

  #count() {
    const boxes = this.#boxes();
    const chosen = boxes.filter((box) => box.checked).length;
    $('cluster-said').textContent = boxes.length > 0 ? `${chosen} of ${boxes.length} chosen` : 'No crop that waits looks like this one.';
    $('take-cluster').disabled = chosen === 0;
  }

  #closed(take) {
    this.#asked += 1;
    const ids = take ? this.#boxes().filter((box) => box.checked).map((box) => box.value) : [];
    this.#batch.letGo(ids).catch(() => {});
    this.#taken(ids);
  }
}
