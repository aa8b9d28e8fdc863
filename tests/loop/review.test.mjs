// The review page as people use it: keys and clicks, two people at once, bad networks, taken-back tokens.

import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { browser, crop, open, picture, signIn } from './browser.mjs';
import { Office } from './office.mjs';

let chromium, office, admin, device;
const state = async (id) => {
  for (let cursor = ''; cursor !== null; ) {
    const page = await office.ask(admin, 'GET', `/active-learning-queue?limit=200${cursor && `&cursor=${cursor}`}`);
    const found = page.items.find((item) => item.id === id);
    if (found) return found;
    cursor = page.next;
  }
  return null;
};
/** Waits until what was said of an item has arrived. */
const arrived = async (id, wanted) => {
  for (let tries = 0; tries < 50; tries += 1) {
    const item = await state(id);
    if (wanted(item)) return item;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return assert.fail(`it did not arrive: ${JSON.stringify(await state(id))}`);
};
const named = (id, sku) => arrived(id, (item) => item.label?.is === 'sku' && item.label.sku === sku);

before(async () => (chromium = await browser()));
after(() => chromium?.close());
beforeEach(async () => {
  office = await Office.open({ SHELFSCAN_SECOND_OPINIONS_PERCENT: '0' });
  admin = office.token('admin', 'Office');
  device = office.token('device', 'Phone');
});
afterEach(() => office.close());

/** A SKU that the server knows, for each product. */
async function know(products) {
  for (const product of new Set(products)) {
    const [item] = await office.fill(device, 1, { correction: { is: 'new_sku', name: product } });
    await office.ask(admin, 'POST', '/review/label', { item_id: item.id, label: { is: 'new_sku', name: product } });
  }
}

test('keys name a crop, skip, undo and say that it is no product', async () => {
  const sent = await office.fill(device, 6);
  const page = await open(chromium, office);
  await picture(page, 'sign-in');
  await signIn(page, office.token('reviewer', 'Kim'));
  const first = await crop(page);
  assert.equal(first, sent[0].id);
  await picture(page, 'crop');

  await page.keyboard.press('x');
  const second = await crop(page, first);
  await arrived(first, (item) => item.label?.is === 'not_a_product');
  await page.keyboard.press('u');
  assert.equal(await crop(page, second), first, 'the crop comes back');
  await arrived(first, (item) => item.label === null);

  await page.keyboard.press('n');
  const name = page.getByLabel('Name', { exact: true });
  await name.fill('Quarry Stout 0.5 l');
  await page.keyboard.press('Enter');
  assert.equal(await crop(page, first), second);
  const { label } = await arrived(first, (item) => item.label?.is === 'sku');
  assert.equal(label.name, 'Quarry Stout 0.5 l');

  await page.keyboard.press('s');
  const third = await crop(page, second);
  await page.keyboard.press('/');
  await page.keyboard.type('stout qua');
  await page.getByRole('option', { name: /Quarry Stout/ }).waitFor();
  await picture(page, 'search');
  await page.keyboard.press('Enter');
  await crop(page, third);
  await named(third, label.sku);
  assert.equal((await state(second)).label, null, 'a skipped crop is nobody’s');
  page.quiet();
});

test('a candidate is chosen by its key and by a click, and a correction by its own', async () => {
  const [{ id, product }] = await office.fill(device, 1);
  await know([product]);
  const fresh = (await office.ask(admin, 'GET', `/review/skus?q=${product}`)).skus[0];
  const corrected = await office.fill(device, 1, { correction: { is: 'sku', sku: fresh.id } });
  assert.equal(fresh.id, product, 'the name gives the id by which the phone knows it');
  const page = await open(chromium, office);
  await signIn(page, office.token('reviewer', 'Kim'));
  const first = await crop(page);
  assert.equal(first, id);
  await page.keyboard.press('1');
  await crop(page, first);
  await named(first, product);
  assert.equal(await crop(page, first), corrected[0].id);
  await page.getByRole('button', { name: /field staff/ }).click();
  await named(corrected[0].id, fresh.id);
  await page.getByText('Nothing waits for you').waitFor();
  await picture(page, 'nothing');
  page.quiet();
});

test('look-alikes are named by one decision, but those taken out', async () => {
  const sent = await office.fill(device, 12, { alike: 6 });
  const page = await open(chromium, office);
  await signIn(page, office.token('reviewer', 'Kim'));
  await crop(page);
  await page.keyboard.press('l');
  await page.getByText('5 of 5 chosen').waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll('#cluster img')].every((image) => image.naturalWidth > 0));
  await picture(page, 'look-alikes');
  const taken = await page.locator('#cluster input').nth(4).inputValue();
  await page.locator('#cluster input').nth(4).uncheck();
  await page.getByRole('button', { name: 'Label these together' }).click();
  await page.getByRole('heading', { name: 'What are these 5 crops?' }).waitFor();
  await page.keyboard.press('n');
  await page.getByLabel('Name', { exact: true }).fill('Alike');
  await page.keyboard.press('Enter');
  for (const { id } of sent.slice(0, 6).filter(({ id }) => id !== taken)) await named(id, 'alike');
  assert.equal((await state(taken)).label, null);
  for (const { id } of sent.slice(6)) assert.equal((await state(id)).label, null);
  page.quiet();
});

test('two people at once never have the same crop, and all are done once', async () => {
  const sent = await office.fill(device, 40);
  const pages = [];
  for (const name of ['Kim', 'Sam']) {
    const page = await open(chromium, office);
    await signIn(page, office.token('reviewer', name));
    pages.push(page);
  }
  const seen = [];
  const work = async (page) => {
    let last = '';
    for (;;) {
      await page.waitForFunction(
        (before) => (document.getElementById('crop').offsetParent && document.getElementById('crop').dataset.item !== before) || document.getElementById('nothing').offsetParent,
        last,
      );
      if (await page.locator('#nothing').isVisible()) return;
      last = await page.locator('#crop').getAttribute('data-item');
      seen.push(last);
      await page.keyboard.press('x');
    }
  };
  await Promise.all(pages.map(work));
  assert.equal(seen.length, 40);
  assert.deepEqual([...new Set(seen)].sort(), sent.map(({ id }) => id).sort());
  for (const { id } of sent) await arrived(id, (item) => item.label?.is === 'not_a_product');
  pages.forEach((page) => page.quiet());
});

test('a server that is gone for a while loses nothing, and the person goes on', async () => {
  const sent = await office.fill(device, 4);
  const page = await open(chromium, office, { expected: ['ERR_CONNECTION_REFUSED'] });
  await signIn(page, office.token('reviewer', 'Kim'));
  let last = await crop(page);
  await page.waitForLoadState('networkidle');
  await office.stop('SIGKILL');
  for (let said = 0; said < 2; said += 1) {
    await page.keyboard.press('x');
    last = await crop(page, last);
  }
  await page.getByText('can’t be reached').waitFor();
  await picture(page, 'offline');
  await office.start();
  for (const { id } of sent.slice(0, 2)) await arrived(id, (item) => item.label?.is === 'not_a_product');
  page.quiet();
});

test('tokens that are wrong or a device’s are refused with what to do', async () => {
  const page = await open(chromium, office, { expected: ['401', '403'] });
  await signIn(page, 'sst_wrong');
  await page.getByRole('alert').filter({ hasText: 'unknown' }).waitFor();
  await signIn(page, device);
  await page.getByRole('alert').filter({ hasText: /device|reviewer/ }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  page.quiet();
});

test('the page fits a tablet held upright, says what its controls are, and is used by keyboard alone', async () => {
  await office.fill(device, 3);
  const page = await open(chromium, office, { viewport: { width: 768, height: 1024 }, colorScheme: 'dark', hasTouch: true });
  await signIn(page, office.token('reviewer', 'Kim'));
  const first = await crop(page);
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(excess <= 0, `${excess} px too wide`);
  const nameless = await page.evaluate(() => [...document.querySelectorAll('button, input, select')]
    .filter((control) => control.offsetParent && !control.textContent.trim() && !control.labels?.length && !control.ariaLabel).map((control) => control.outerHTML));
  assert.deepEqual(nameless, []);
  const small = await page.evaluate(() => [...document.querySelectorAll('button')]
    .filter((button) => button.offsetParent && button.getBoundingClientRect().height < 40).map((button) => button.textContent));
  assert.deepEqual(small, [], 'too small for a finger');
  await picture(page, 'tablet');
  await page.getByRole('button', { name: /Not a product/ }).tap();
  await crop(page, first);
  await page.keyboard.press('?');
  await page.getByRole('heading', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  for (let tabs = 0; tabs < 30; tabs += 1) {
    await page.keyboard.press('Tab');
    if (await page.evaluate(() => document.activeElement.id === 'skip')) break;
  }
  assert.equal(await page.evaluate(() => document.activeElement.id), 'skip');
  const second = await crop(page);
  await page.keyboard.press('Enter');
  await crop(page, second);
  page.quiet();
});
