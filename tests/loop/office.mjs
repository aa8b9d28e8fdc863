// A server of its own for a test: started on a free port with an empty folder, filled with crops whose truth is known, ended with the test.

import { spawn, execFileSync } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT = new URL('../..', import.meta.url).pathname;
export const BUILT = process.env.SHELFSCAN_BUILT ?? join(ROOT, 'target/release');
const SERVER = join(BUILT, 'shelfscan-server');
const GALLERY = join(ROOT, 'models/sample/gallery');
export const API = '/api/v1/ai/v2';

export class Office {
  static async open(variables = {}) {
    const office = new Office();
    office.folder = mkdtempSync(join(tmpdir(), 'shelfscan-office-'));
    office.port = await freePort();
    office.url = `http://127.0.0.1:${office.port}`;
    office.variables = { PATH: process.env.PATH, SHELFSCAN_DATA: join(office.folder, 'data'), SHELFSCAN_LISTEN: `127.0.0.1:${office.port}`, ...variables };
    await office.start();
    return office;
  }

  async start() {
    this.log = '';
    this.process = spawn(SERVER, [], { cwd: this.folder, env: this.variables, stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on('data', (text) => (this.log += text));
    this.ended = new Promise((resolve) => this.process.once('exit', resolve));
    for (let tries = 0; tries < 200; tries += 1) {
      if (await fetch(`${this.url}/readyz`).then((answer) => answer.ok, () => false)) return;
      if (this.process.exitCode !== null) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`the server did not start: ${this.log}`);
  }

  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    await this.ended;
  }

  async close() {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A new token of a role. */
  token(role, name) {
    const said = execFileSync(SERVER, ['token', 'create', '--role', role, '--name', name], { cwd: this.folder, env: this.variables, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
    const token = said.match(/sst_\S+/)?.[0];
    if (!token) throw new Error(`no token in: ${said}`);
    return token;
  }

  /** The public key that this server signs with. */
  key() {
    return execFileSync(SERVER, ['key'], { cwd: this.folder, env: this.variables, encoding: 'utf8' }).trim();
  }

  /** Asks the API; the answer's JSON. */
  async ask(token, method, path, body) {
    const headers = { Authorization: `Bearer ${token}` };
    const json = body !== undefined && !Buffer.isBuffer(body);
    if (json) headers['Content-Type'] = 'application/json';
    if (Buffer.isBuffer(body)) headers['Content-Type'] = 'application/vnd.shelfscan.item';
    const answer = await fetch(this.url + API + path, { method, headers, body: json ? JSON.stringify(body) : body });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** Sends `count` crops of the sample's products, the same product for every `alike` in turn; what each is. */
  async fill(device, count, { alike = 1, ...more } = {}) {
    const products = readdirSync(GALLERY, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort();
    const sent = [];
    for (let index = 0; index < count; index += 1) {
      const product = products[Math.floor(index / alike) % products.length];
      const pictures = readdirSync(join(GALLERY, product)).sort();
      const picture = readFileSync(join(GALLERY, product, pictures[index % pictures.length]));
      const item = document({ picture, product, others: products.filter((other) => other !== product), index, ...more });
      const id = createHash('sha256').update(item).digest('hex');
      await this.ask(device, 'PUT', `/active-learning/items/${id}`, item);
      sent.push({ id, product });
    }
    return sent;
  }
}

/** An item's document (PROTOCOL.md). Products have embeddings of their own, with a little noise. */
function document({ picture, product, others, index, reason = 'low_margin', correction }) {
  const jpeg = plain(picture);
  const { width, height } = size(jpeg);
  const codes = createHash('sha512').update(product).digest().map((byte) => Math.max(1, byte & 0x7f));
  codes[index % codes.length] ^= 1;
  const meta = {
    schema: 1,
    reason: correction ? 'corrected' : reason,
    captured_at: Date.UTC(2026, 9, 1, 8) + 60000 * index + randomInt(1000),
    bundle: { name: 'drinks', version: '1', index: sha('index') },
    photo: { sha256: sha(`photo ${index}`), width: 4000, height: 3000 },
    facing: { box: [1000 + index, 800, 1200 + index, 1400], box_in_crop: [width * 0.1, height * 0.1, width * 0.9, height * 0.9], container: 'bottle', score: 0.8 },
    sku: product,
    candidates: [product, ...others.slice(0, 2)].map((sku, place) => ({ sku, similarity: 0.7 - place / 50 })),
    margin: 0.02,
    ...(correction && { correction }),
    tags: { store: '117' },
    embedding: { embedder: sha('embedder'), codes: Buffer.from(codes).toString('base64') },
  };
  const text = Buffer.from(JSON.stringify(meta));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return Buffer.concat([Buffer.from('SSI1'), length, text, jpeg]);
}

const sha = (text) => createHash('sha256').update(text).digest('hex');

/** A JPEG without the segments that an item may not have. */
function plain(jpeg) {
  const kept = [jpeg.subarray(0, 2)];
  let at = 2;
  while (jpeg[at + 1] !== 0xda) {
    const [marker, end] = [jpeg[at + 1], at + 2 + jpeg.readUInt16BE(at + 2)];
    const named = (marker >= 0xe0 && marker <= 0xef) || marker === 0xfe;
    if (!named || marker === 0xe0 || marker === 0xee) kept.push(jpeg.subarray(at, end));
    at = end;
  }
  return Buffer.concat([...kept, jpeg.subarray(at)]);
}

function size(jpeg) {
  for (let at = 2; ; at += 2 + jpeg.readUInt16BE(at + 2)) {
    const marker = jpeg[at + 1];
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      return { height: jpeg.readUInt16BE(at + 5), width: jpeg.readUInt16BE(at + 7) };
    }
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
