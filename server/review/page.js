// The review page: a crop, what it may be, and the keys that say so.
//
// Owns what is on the screen and which key does what. What is before the reviewer and how decisions are sent is `batch.js`'s.

import { Api } from './api.js';
import { Batch } from './batch.js';
import { Cluster } from './cluster.js';
import { kind, show } from './crop.js';
import { Search } from './search.js';

const LOOK_MS = 15000;
const CANDIDATES = 3;

const $ = (id) => document.getElementById(id);
const api = new Api();
/** One sitting: from signing in to signing out. */
let batch = null;
let cluster = null;
/** Ids of the look-alikes that the next decision names too. */
let together = [];
let shown = null;

const search = new Search($('query'), $('found'), (text, signal) => api.search(text, signal), (sku) => decide({ is: 'sku', sku: sku.id }, sku.name));

function decide(label, name) {
  const others = label.is === 'skip' ? [] : together;
  if (label.is === 'skip') batch.letGo().catch(() => {});
  together = [];
  batch.say(label, name, others);
}

/** What each key does where no field is being typed in. */
const KEYS = {
  1: () => $('candidates').querySelector('[data-key="1"]')?.click(),
  2: () => $('candidates').querySelector('[data-key="2"]')?.click(),
  3: () => $('candidates').querySelector('[data-key="3"]')?.click(),
  c: () => $('candidates').querySelector('[data-key="C"]')?.click(),
  '/': () => $('query').focus(),
  n: () => $('new-sku').click(),
  x: () => $('not-a-product').click(),
  s: () => $('skip').click(),
  u: () => $('undo').click(),
  l: () => $('look-alikes').click(),
  '?': () => $('keys-dialog').showModal(),
};

/** Draws what there is, and says what happened. */
function changed({ said, trouble, expired } = {}) {
  if (expired) return leave(trouble);
  if (said) {
    $('said').textContent = said;
    $('trouble').textContent = '';
  }
  if (trouble) $('trouble').textContent = trouble;
  const item = batch.current;
  $('sign-in').hidden = true;
  $('account').hidden = false;
  $('work').hidden = !item;
  $('nothing').hidden = Boolean(item) || !batch.progress;
  if (batch.progress) drawProgress(batch.progress);
  if (item !== shown) {
    shown = item;
    if (item) drawItem(item);
  }
  drawTogether();
}

function drawProgress({ waiting, second, disputed, labelled, mine_last_hour: mine, agreement }) {
  $('progress').hidden = false;
  const more = [second && `${second} second opinions`, disputed && `${disputed} disputed`].filter(Boolean).join(', ');
  $('waiting').textContent = more ? `${waiting} (+ ${more})` : waiting;
  $('labelled').textContent = labelled;
  $('mine').textContent = mine;
  $('agreement').textContent =
    agreement.pairs > 0 ? `${Math.round((100 * agreement.agreed) / agreement.pairs)} % of ${agreement.pairs}` : 'none asked yet';
}

function drawItem(item) {
  together = [];
  search.clear();
  show(item, batch.picture(item)).catch((error) => ($('trouble').textContent = `The picture can’t be had: ${error.message}`));
  const choices = item.candidates
    .slice(0, CANDIDATES)
    .map((candidate, place) => choice(String(place + 1), candidate.name, candidate.similarity, { is: 'sku', sku: candidate.sku }));
  if (item.correction) choices.unshift(corrected(item.correction));
  $('candidates').replaceChildren(...choices);
  // A screen reader is told what is new; nobody's focus in a field is taken.
  if (!typing(document.activeElement)) $('question').focus({ preventScroll: true });
}

function corrected(correction) {
  if (correction.is === 'sku') return choice('C', `${correction.name} (field staff)`, null, { is: 'sku', sku: correction.sku });
  if (correction.is === 'not_a_product') return choice('C', 'Not a product (field staff)', null, { is: 'not_a_product' });
  const { name, container, barcode } = correction;
  return choice('C', `New: ${name} (field staff)`, null, { is: 'new_sku', name, container, barcode });
}

function choice(key, name, similarity, label) {
  const entry = document.createElement('li');
  const button = document.createElement('button');
  button.type = 'button';
  button.dataset.key = key;
  button.setAttribute('aria-keyshortcuts', key);
  const mark = document.createElement('kbd');
  mark.textContent = key;
  const text = document.createElement('span');
  text.textContent = name;
  button.append(mark, text);
  if (similarity !== null) {
    const alike = document.createElement('small');
    alike.textContent = similarity.toFixed(2);
    alike.title = 'Likeness, at most 1';
    button.append(alike);
  }
  button.addEventListener('click', () => decide(label, name));
  entry.append(button);
  return entry;
}

function drawTogether() {
  const container = batch.current ? kind(batch.current.container) : '';
  $('question').textContent = together.length > 0 ? `What are these ${together.length + 1} crops?` : `What is this ${container}?`;
}

function typing(element) {
  return element instanceof HTMLElement && (element.matches('input:not([type=checkbox]):not([type=range]), select, textarea') || element.isContentEditable);
}

document.addEventListener('keydown', (event) => {
  const free = batch && !event.ctrlKey && !event.metaKey && !event.altKey && !typing(event.target) && !document.querySelector('dialog[open]');
  const undo = (event.ctrlKey || event.metaKey) && event.key === 'z' && batch && !typing(event.target);
  const action = undo ? KEYS.u : free && !event.repeat && KEYS[event.key.toLowerCase()];
  if (!action || (!batch.current && action !== KEYS.u && action !== KEYS['?'])) return;
  event.preventDefault();
  action();
});

$('not-a-product').addEventListener('click', () => decide({ is: 'not_a_product' }, 'Not a product'));
$('skip').addEventListener('click', () => decide({ is: 'skip' }, 'Skipped'));
$('undo').addEventListener('click', () => batch.undo());
$('look-alikes').addEventListener('click', () => cluster.open());
$('look-now').addEventListener('click', () => batch.refill(true));
$('keys-help').addEventListener('click', () => $('keys-dialog').showModal());
for (const button of document.querySelectorAll('dialog .close')) button.addEventListener('click', () => button.closest('dialog').close(''));

$('new-sku').addEventListener('click', () => {
  $('new-sku-form').reset();
  $('alike-names').textContent = '';
  $('new-name').value = $('query').value.trim();
  search.clear();
  const container = batch.current.container;
  if ([...$('new-container').options].some((option) => option.value === container)) $('new-container').value = container;
  $('new-sku-dialog').returnValue = '';
  $('new-sku-dialog').showModal();
});
$('new-name').addEventListener('input', async () => {
  const text = $('new-name').value.trim();
  const alike = text.length > 2 ? await api.search(text).catch(() => []) : [];
  if ($('new-name').value.trim() !== text) return;
  $('alike-names').textContent = alike.length > 0 ? `There already: ${alike.slice(0, 3).map((sku) => sku.name).join(', ')}` : '';
});
$('new-sku-dialog').addEventListener('close', () => {
  const name = $('new-name').value.trim();
  if ($('new-sku-dialog').returnValue !== 'add' || !name) return;
  const [container, barcode] = [$('new-container').value, $('new-barcode').value].map((value) => value || null);
  decide({ is: 'new_sku', name, container, barcode }, name);
});

$('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  $('sign-in-error').textContent = '';
  try {
    begin(await api.signIn($('token').value.trim()));
    $('token').value = '';
  } catch (error) {
    $('sign-in-error').textContent = error.message;
  }
});

$('sign-out').addEventListener('click', async () => {
  await batch.settled();
  await api.release().catch(() => {});
  leave('');
});

function begin(me) {
  if (me.role === 'device') {
    api.signOut();
    throw new Error('This is a device’s token: it sends crops and can’t review them. Ask for a reviewer’s.');
  }
  $('who').textContent = me.name;
  $('said').textContent = '';
  batch = new Batch(api, changed);
  cluster = new Cluster(batch, (ids) => {
    together = ids;
    changed();
  });
  batch.refill(true);
}

/** Back to signing in. */
function leave(why) {
  api.signOut();
  cluster?.listeners.abort();
  batch?.close();
  for (const dialog of document.querySelectorAll('dialog[open]')) dialog.close('');
  [batch, cluster, shown, together] = [null, null, null, []];
  for (const id of ['work', 'nothing', 'account', 'progress']) $(id).hidden = true;
  $('trouble').textContent = '';
  $('sign-in').hidden = false;
  $('sign-in-error').textContent = why;
  $('token').focus();
}

setInterval(() => batch && !batch.current && !document.hidden && batch.refill(true), LOOK_MS);
document.addEventListener('visibilitychange', () => !document.hidden && batch?.current && batch.refill(true));
addEventListener('pagehide', () => batch && api.release().catch(() => {}));
addEventListener('beforeunload', (event) => batch?.unsent && event.preventDefault());

if (api.signedIn) {
  api.me().then(begin).catch((error) => leave(error.status === 401 ? '' : error.message));
} else {
  leave('');
}
