// What the widget sends for a slide: within its limits, and what it says of browsers that were tampered with. The edge
// serves the pages only; sessions and verdicts come from here, so that nobody counts these slides.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { byHand, STRAIGHT } from "./drags.mjs";
import { launch, visit } from "./page.mjs";

/** The wire's `Signs`. */
const SIGNS = {
  automation: 1,
  hiddenDriver: 1 << 1,
  replaced: 1 << 2,
  frameless: 1 << 3,
  screen: 1 << 5,
  canvas: 1 << 6,
  language: 1 << 7,
  scripted: 1 << 9,
  injected: 1 << 10,
};
/** Headless windows have no frame here. */
const ALWAYS = SIGNS.frameless;
/** What the wire allows for one slide, bytes. */
const MAX_SLIDE = 5000;

let browser;

before(async () => {
  browser = await launch({ automated: false });
});

after(() => browser?.close());

/** Drags once; the body that was sent, as text and as what it says. */
async function slide(drag, options) {
  const visitor = await visit(browser, {
    ...options,
    prepare: async (context) => {
      const session = { session: "s".repeat(420), slider: { target: 1, tolerance: 0.02 }, expires_in: 600 };
      await context.route("**/v1/session", (route) => route.fulfill({ json: session }));
      await context.route("**/v1/slide", (route) =>
        route.fulfill({ json: { outcome: "pass", token: "token", expires_in: 300 } }),
      );
    },
  });
  try {
    const [sent] = await Promise.all([visitor.page.waitForRequest("**/v1/slide"), drag(visitor)]);
    const text = sent.postData();
    return { bytes: Buffer.byteLength(text), ...JSON.parse(text) };
  } finally {
    await visitor.context.close();
  }
}

test("an ordinary drag costs at most 5,000 bytes, and says nothing that is not documented", async (t) => {
  const { bytes, trace, environment } = await slide((visitor) => visitor.drag(byHand()[0].samples));
  t.diagnostic(`${bytes} bytes for ${trace.samples.length} samples, environment ${JSON.stringify(environment).length}`);
  assert.ok(bytes <= MAX_SLIDE, `${bytes} bytes`);
  assert.deepEqual(Object.keys(trace).sort(), ["input", "samples", "track", "version"]);
  const documented = ["hints", "language_count", "languages", "platform", "screen", "signs", "touch_points"];
  assert.deepEqual(
    Object.keys(environment).sort(),
    [...documented, "user_agent", "version", "webdriver", "webgl"].sort(),
  );
  assert.deepEqual(Object.keys(environment.hints).sort(), ["brands", "mobile", "platform"]);
  assert.deepEqual(Object.keys(environment.webgl).sort(), ["renderer", "vendor"]);
  assert.equal(environment.signs, ALWAYS);
});

test("samples rise in time, in tenths, and none comes twice", async () => {
  const { trace } = await slide((visitor) => visitor.drag(byHand()[0].samples));
  const texts = trace.samples.map((sample) => JSON.stringify(sample));
  assert.equal(new Set(texts).size, texts.length);
  for (const [index, [x, y, t]] of trace.samples.entries()) {
    for (const number of [x, y, t]) assert.ok(Math.abs(number * 10 - Math.round(number * 10)) < 1e-6, `${number}`);
    assert.ok(index === 0 || t >= trace.samples[index - 1][2], `sample ${index}`);
  }
});

test("a slide of five thousand events stays within the limit", async () => {
  const { bytes, trace, environment } = await slide((visitor) =>
    visitor.part("handle").evaluate((handle) => {
      handle.setPointerCapture = () => {};
      const { left, top } = handle.getBoundingClientRect();
      const send = (type, x) =>
        handle.dispatchEvent(
          new PointerEvent(type, {
            pointerType: "mouse",
            isPrimary: true,
            bubbles: true,
            composed: true,
            clientX: left + x,
            clientY: top + Math.sin(x),
            pressure: 0.5,
          }),
        );
      send("pointerdown", 0);
      for (let step = 0; step < 5000; step += 1) send("pointermove", step / 10);
      send("pointerup", 500);
    }),
  );
  assert.ok(bytes <= MAX_SLIDE && bytes > MAX_SLIDE / 2, `${bytes} bytes`);
  assert.ok(trace.samples.length > 100, `${trace.samples.length} samples`);
  assert.equal(environment.signs, ALWAYS | SIGNS.scripted);
});

test("a press without pressure is noted", async () => {
  const { environment } = await slide((visitor) => visitor.drag(STRAIGHT, 0));
  assert.equal(environment.signs, ALWAYS | SIGNS.injected);
});

const onNavigator = (name, value) => `Object.defineProperty(Navigator.prototype, "${name}", { get: () => ${value} })`;
const wrapped = (owner, name, body) =>
  `{ const own = ${owner}.prototype.${name}; ${owner}.prototype.${name} = function (...given) { ${body} }; }`;

/** What scripts do to a browser, and what is noticed. */
const TAMPERED = {
  nothing: ["", 0],
  "driver flag overwritten": [onNavigator("webdriver", "false"), SIGNS.hiddenDriver],
  "driver flag deleted": ["delete Navigator.prototype.webdriver", SIGNS.hiddenDriver],
  "driver flag covered": [
    "Object.defineProperty(navigator, 'webdriver', { get: () => undefined })",
    SIGNS.hiddenDriver | SIGNS.replaced,
  ],
  "driver flag behind a proxy": [
    `{ const found = Object.getOwnPropertyDescriptor(Navigator.prototype, "webdriver");
       found.get = new Proxy(found.get, { apply: () => false });
       Object.defineProperty(Navigator.prototype, "webdriver", found); }`,
    SIGNS.hiddenDriver,
  ],
  "chromedriver's names": ["window.cdc_adoQpoasnfa76pfcZLmcfl_Array = Array", SIGNS.automation],
  "Selenium's names": ["document.__selenium_unwrapped = 1", SIGNS.automation],
  "names of honest pages": ["window.phantom = window.__pwa = window.cdc_region = window.driver = {}", 0],
  languages: [onNavigator("languages", "['de-DE']"), SIGNS.replaced | SIGNS.language],
  screen: ["Object.defineProperty(Screen.prototype, 'width', { get: () => 2560 })", SIGNS.screen],
  "a noisy canvas": [
    wrapped(
      "CanvasRenderingContext2D",
      "getImageData",
      "const read = own.apply(this, given); read.data[5] ^= 1; return read;",
    ),
    SIGNS.canvas,
  ],
  "no WebGL": [
    wrapped("HTMLCanvasElement", "getContext", "return given[0] === 'webgl' ? null : own.apply(this, given);"),
    SIGNS.replaced,
  ],
  "a renderer that breaks JSON": [
    wrapped("WebGLRenderingContext", "getParameter", "return String.fromCharCode(34, 92, 10, 0xd83d) + 'x'.repeat(999);"),
    SIGNS.replaced,
  ],
  "old Prototype.js": ["Array.prototype.toJSON = String.prototype.toJSON = () => 'x'", 0],
};

for (const [name, [script, signs]] of Object.entries(TAMPERED)) {
  test(`tampered with: ${name}`, async () => {
    const { environment } = await slide((visitor) => visitor.drag(STRAIGHT), { script });
    assert.equal(environment.signs, ALWAYS | signs);
    assert.ok((environment.webgl?.renderer ?? "").length <= 128);
  });
}

test("a browser that throws at every question slides all the same", async () => {
  const script = ["userAgent", "platform", "maxTouchPoints"]
    .map((name) => `Object.defineProperty(Navigator.prototype, "${name}", { get() { throw new Error("no"); } });`)
    .join("");
  const { environment } = await slide((visitor) => visitor.drag(STRAIGHT), { script });
  assert.deepEqual(environment, { version: 1, signs: 0 });
});
