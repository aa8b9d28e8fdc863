// The whole way of a crop: scan, queue, sync, a person's label in the browser, publish, sync, and the next scan knows the SKU. And beside
// it the way through a data set: export, `index add`.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { browser, crop, open, picture, signIn } from './browser.mjs';
import { API, BUILT, Office, ROOT } from './office.mjs';

const SHELFSCAN = join(BUILT, 'shelfscan');
const PHOTO = join(ROOT, 'models/sample/shelf.jpg');
const SHIPPED = join(ROOT, 'models/bundles/drinks');
const TRUTH = JSON.parse(readFileSync(join(ROOT, 'models/sample/truth.json'), 'utf8'));

const shelfscan = (...arguments_) => execFileSync(SHELFSCAN, arguments_, { encoding: 'utf8', env: { ...process.env }, stdio: ['ignore', 'pipe', 'inherit'] });
const scan = (bundle, ...more) => JSON.parse(shelfscan('scan', PHOTO, '--bundle', bundle, '--json', '-', ...more));

function overlap([left, top, right, bottom], [otherLeft, otherTop, otherRight, otherBottom]) {
  const width = Math.min(right, otherRight) - Math.max(left, otherLeft);
  const height = Math.min(bottom, otherBottom) - Math.max(top, otherTop);
  if (width <= 0 || height <= 0) return 0;
  const both = width * height;
  return both / ((right - left) * (bottom - top) + (otherRight - otherLeft) * (otherBottom - otherTop) - both);
}

/** What stands in that box, as the sample's truth has it. */
function product(box) {
  const best = TRUTH.facings.map((facing) => [overlap(box, facing.box), facing.sku]).sort(([a], [b]) => b - a)[0];
  return best[0] > 0.5 ? TRUTH.skus.find((sku) => sku.id === best[1]) : null;
}

/** How many facings of a report are called `sku`, and how many of them rightly. */
function called(report, sku, name) {
  const facings = report.photos[0].facings.filter((facing) => facing.sku === sku);
  return [facings.length, facings.filter((facing) => product(facing.box)?.name === name).length];
}

test('a SKU that a person names in the office is known on the phone after the next sync', async () => {
  const office = await Office.open({ SHELFSCAN_SECOND_OPINIONS_PERCENT: '0', AI_V2_DETECTOR_MODEL: join(SHIPPED, 'detector.tflite') });
  const phone = mkdtempSync(join(tmpdir(), 'shelfscan-phone-'));
  const chromium = await browser();
  try {
    const [admin, device, reviewer] = ['admin', 'device', 'reviewer'].map((role) => office.token(role, role));
    const token = join(phone, 'token');
    writeFileSync(token, device);
    const [bundle, queue] = [join(phone, 'bundle'), join(phone, 'queue.redb')];
    cpSync(SHIPPED, bundle, { recursive: true });

    // The shipped bundle knows none of the sample's products.
    const before = scan(bundle, '--queue', queue, '--tag', 'store=17');
    assert.ok(before.photos[0].unknown > 50, `${before.photos[0].unknown} unknown`);
    const sync = ['queue', 'sync', queue, '--server', office.url, '--token-file', token, '--bundle', bundle, '--key', office.key()];
    console.log(shelfscan(...sync));
    const sent = (await office.ask(admin, 'GET', '/active-learning-queue?limit=200')).items;
    assert.ok(sent.length >= 8, `${sent.length} crops came`);
    assert.ok(sent.every((item) => item.tags.store === '17' && item.photo.width === TRUTH.width));

    // The person names what they see; here the truth sees for them.
    const truths = new Map(sent.map((item) => [item.id, product(item.photo.box)]));
    const known = new Set();
    const page = await open(chromium, office);
    await signIn(page, reviewer);
    let id = '';
    for (let named = 0; named < sent.length; named += 1) {
      id = await crop(page, id);
      const truth = truths.get(id);
      if (!truth) {
        await page.keyboard.press('x');
      } else if (known.has(truth.name)) {
        await page.keyboard.press('/');
        await page.keyboard.type(truth.name);
        await page.getByRole('option', { name: truth.name }).first().waitFor();
        await page.getByRole('option').filter({ has: page.getByText(truth.name, { exact: true }) }).click();
      } else {
        await page.keyboard.press('n');
        await page.getByLabel('Name', { exact: true }).fill(truth.name);
        await page.keyboard.press('Enter');
        known.add(truth.name);
      }
      if (named === 5) await picture(page, 'loop');
    }
    await page.getByText('Nothing waits for you').waitFor();
    page.quiet();

    const labelled = (await office.ask(admin, 'GET', '/active-learning-queue?state=labelled&limit=200')).items;
    assert.equal(labelled.length, sent.length);
    for (const { id, label } of labelled) assert.equal(label.is === 'sku' ? label.name : null, truths.get(id)?.name ?? null);

    // The SKU with most crops, and what it is called in the office.
    const names = labelled.filter(({ label }) => label.is === 'sku').map(({ label }) => label);
    const count = (sku) => names.filter((label) => label.sku === sku).length;
    const best = [...names].sort((a, b) => count(b.sku) - count(a.sku))[0];
    assert.deepEqual(called(before, best.sku, best.name), [0, 0]);

    console.log(JSON.stringify(await office.ask(admin, 'POST', '/bundle/publish', {})));
    console.log(shelfscan(...sync));
    const after = scan(bundle);
    const [facings, right] = called(after, best.sku, best.name);
    console.log(`${best.name}: labelled ${count(best.sku)} crops, then ${facings} facings called so, ${right} rightly`);
    assert.ok(right > 0 && right >= 0.8 * facings, `${facings} called ${best.name}, ${right} rightly`);
    assert.equal(shelfscan('bundle', 'check', bundle).includes('sound'), true);
    console.log(shelfscan(...sync), 'a second sync changes nothing');

    // The same labels as a data set.
    const zip = join(phone, 'export.zip');
    const answer = await fetch(`${office.url}${API}/active-learning/export?format=imagefolder`, { headers: { Authorization: `Bearer ${admin}` } });
    writeFileSync(zip, Buffer.from(await answer.arrayBuffer()));
    const set = join(phone, 'set');
    mkdirSync(set);
    execFileSync('python3', ['-m', 'zipfile', '-e', zip, set]);
    const folder = readdirSync(set, { recursive: true }).map(String).find((name) => name.endsWith(best.sku));
    const pictures = readdirSync(join(set, folder)).map((name) => join(set, folder, name));
    assert.equal(pictures.length, count(best.sku));
    shelfscan('dataset', 'split', set, '--stratify', '--output', join(phone, 'split.json'));
    const other = join(phone, 'other');
    cpSync(SHIPPED, other, { recursive: true });
    shelfscan('index', 'add', '--bundle', other, '--sku', best.sku, '--name', best.name, ...pictures);
    const [added, addedRight] = called(scan(other), best.sku, best.name);
    console.log(`by index add: ${added} facings called so, ${addedRight} rightly`);
    assert.ok(addedRight > 0, 'the exported crops enrol the SKU');
  } finally {
    await chromium.close();
    await office.close();
    rmSync(phone, { recursive: true, force: true });
  }
});
