// The demo page as visitors and their bots live through it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { byHand, STRAIGHT } from "./drags.mjs";
import { ADDRESS, answers } from "./edge.mjs";
import { launch, visit } from "./page.mjs";

let honest;
let driven;
let labels;
/** Drags by hand, each for one test where there are enough: one drag again and again is no hand's. */
const drags = byHand();
const drag = (number) => (drags[number] ?? drags[0]).samples;

before(async () => {
  [honest, driven, labels] = await Promise.all([
    launch({ automated: false }),
    launch({ automated: true }),
    answers(),
  ]);
});

after(() => Promise.all([honest?.close(), driven?.close()]));

/** The right answer to the picture shown. */
async function rightAnswer(visitor) {
  const label = labels.get(await visitor.picture());
  assert.ok(label, "the picture is of the exported set");
  return label;
}

/** Fills in the form and sends it; whether the page says that the server took it. */
async function signUp(visitor) {
  await visitor.page.locator("#email").fill("ada@example.org");
  await visitor.page.locator("#send").click();
  const verdict = visitor.page.locator("#verdict[data-ok]");
  await verdict.waitFor();
  return (await verdict.getAttribute("data-ok")) === "true";
}

test("a hand's drag passes without a captcha, and the form is taken once", async () => {
  const visitor = await visit(honest);
  await visitor.screenshot("1-slider");
  await visitor.drag(drag(0));
  assert.equal(await visitor.state("passed", "challenge"), "passed");
  await visitor.screenshot("3-passed");
  const token = await visitor.token();
  assert.ok(await signUp(visitor), "the form is taken");
  await visitor.screenshot("4-signed-up");

  const replayed = await fetch(`${ADDRESS}/demo/signup`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "application/json" },
    body: JSON.stringify({ email: "eve@example.org", "parallax-response": token }),
  });
  assert.equal(replayed.status, 400);
  assert.deepEqual(await replayed.json(), { ok: false, "error-codes": ["timeout-or-duplicate"] });
  await visitor.context.close();
});

test("a straight drag of 50 ms gets a captcha; wrong, then right; the token is good once", async () => {
  const visitor = await visit(honest);
  await visitor.drag(STRAIGHT);
  assert.equal(await visitor.state("passed", "challenge"), "challenge");
  assert.equal(await visitor.token(), "");
  const first = await visitor.picture();
  await visitor.screenshot("2-captcha");

  const shown = await visitor.part("image").getAttribute("src");
  await visitor.answer("WRONG");
  await visitor.page.waitForFunction(
    (before) => document.querySelector("[data-state]").shadowRoot.querySelector("[part~=image]").src !== before,
    new URL(shown, ADDRESS).href,
  );
  assert.equal(await visitor.state("passed", "challenge"), "challenge");
  assert.equal(await visitor.part("answer").inputValue(), "", "the wrong answer is gone");
  assert.ok(first);

  await visitor.answer((await rightAnswer(visitor)).toLowerCase());
  assert.equal(await visitor.state("passed", "error", "blocked"), "passed");
  assert.ok(await signUp(visitor), "the form is taken");
  await visitor.context.close();
});

test("a browser that says it is driven gets a captcha however it is dragged", async () => {
  const visitor = await visit(driven, { automated: true });
  await visitor.drag(drag(1));
  assert.equal(await visitor.state("passed", "challenge"), "challenge");
  await visitor.context.close();
});

test("another picture can be asked for", async () => {
  const visitor = await visit(honest);
  await visitor.drag(STRAIGHT);
  await visitor.state("challenge");
  const before = await visitor.part("image").evaluate((image) => image.src);
  await visitor.part("refresh").click();
  await visitor.page.waitForFunction(
    (old) => document.querySelector("[data-state]").shadowRoot.querySelector("[part~=image]").src !== old,
    before,
  );
  await visitor.answer(await rightAnswer(visitor));
  assert.equal(await visitor.state("passed", "error", "blocked"), "passed");
  await visitor.context.close();
});

test("the keyboard alone is enough", async () => {
  const visitor = await visit(honest);
  const { keyboard } = visitor.page;
  const isOnHandle = () =>
    visitor.widget.evaluate((host) => host.shadowRoot?.activeElement?.getAttribute("part")?.includes("handle") ?? false);
  for (let presses = 0; presses < 20 && !(await isOnHandle()); presses += 1) await keyboard.press("Tab");
  assert.ok(await isOnHandle(), "Tab reaches the handle");

  await keyboard.press("End");
  await keyboard.press("Enter");
  if ((await visitor.state("passed", "challenge")) === "challenge") {
    // The dialog took the focus: typing goes into the answer.
    await keyboard.type(await rightAnswer(visitor));
    await keyboard.press("Enter");
  }
  assert.equal(await visitor.state("passed", "error", "blocked"), "passed");
  await visitor.context.close();
});

test("a finger is enough", async () => {
  const visitor = await visit(honest, { hasTouch: true });
  await visitor.swipe(drag(2));
  assert.equal(await visitor.state("passed", "challenge"), "passed");
  await visitor.context.close();
});

test("no cookie, no storage, no third party, no complaint in the console", async () => {
  const visitor = await visit(honest);
  await visitor.drag(STRAIGHT);
  await visitor.state("challenge");
  await visitor.answer(await rightAnswer(visitor));
  await visitor.state("passed");
  assert.deepEqual(await visitor.context.cookies(), []);
  const stored = await visitor.page.evaluate(() => localStorage.length + sessionStorage.length);
  assert.equal(stored, 0);
  const elsewhere = visitor.requests.filter((url) => !url.startsWith(`${ADDRESS}/`) && !url.startsWith("blob:"));
  assert.deepEqual(elsewhere, []);
  assert.deepEqual(visitor.complaints, []);
  await visitor.context.close();
});
