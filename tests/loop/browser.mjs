// A real browser on the review page. What the page says on its console, or asks of another host, fails the test that opened it.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ROOT } from './office.mjs';

// `cargo xtask test review` installs it there.
const MODULES = process.env.SHELFSCAN_MODULES ?? join(ROOT, 'target/tools/loop/');
const { chromium } = createRequire(MODULES)('playwright-core');

const NAMES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const PICTURES = process.env.SHELFSCAN_PICTURES ?? join(ROOT, 'target/loop');

export async function browser() {
  const executablePath = process.env.CHROMIUM ?? NAMES.find(existsSync);
  if (!executablePath) throw new Error('there is no Chromium; install it or set CHROMIUM to it');
  return chromium.launch({
    executablePath,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

/** Opens the page in a context of its own, as on another machine. `expected` are answers that the test provokes. */
export async function open(browser, office, { expected = [], ...context } = {}) {
  const own = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...context });
  const page = await own.newPage();
  const heard = [];
  page.on('pageerror', (error) => heard.push(`${error}`));
  page.on('console', (message) => {
    const text = message.text();
    if (['error', 'warning'].includes(message.type()) && !expected.some((part) => text.includes(part))) heard.push(text);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(office.url) && !/^(data|blob):/.test(request.url())) heard.push(`asks ${request.url()}`);
  });
  page.quiet = () => assert.deepEqual(heard, []);
  await page.goto(`${office.url}/review`);
  return page;
}

export async function signIn(page, token) {
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

/** The id of the crop on the screen, its picture drawn; not `other`. */
export async function crop(page, other = '') {
  const drawn = await page.waitForFunction((before) => {
    const image = document.getElementById('crop');
    return image.offsetParent && image.dataset.item !== before && image.complete && image.naturalWidth > 0 && image.dataset.item;
  }, other);
  return drawn.jsonValue();
}

export async function picture(page, name) {
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`) });
}
