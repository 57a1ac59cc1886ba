// Who gets in without a captcha: a hand's drag does, programs do not. Everything moves through real input events of a
// real browser that hides that it is driven, unless a test is about what happens without.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { byHand, isRecorded } from "./drags.mjs";
import { ADDRESS } from "./edge.mjs";
import { FAMILIES, jittered, linear, minimumJerk, seeded } from "./generators.mjs";
import { launch, visit } from "./page.mjs";

/** One seed for all: what fails can be run again. */
const SEED = 0x5eed;

/** What stealth add-ons run in every page of a driven browser. */
const HIDE_DRIVER = "Object.defineProperty(Navigator.prototype, 'webdriver', { get: () => false })";

let hidden;
let driven;
/** Drags by hand, each to be used once: a second time it is a replay. */
const drags = byHand();

before(async () => {
  [hidden, driven] = await Promise.all([launch({ automated: false }), launch({ automated: true })]);
});

after(() => Promise.all([hidden?.close(), driven?.close()]));

/** A drag by hand that nobody has used yet; the last one again where there are no more. */
function nextDrag() {
  return (drags.length > 1 ? drags.shift() : drags[0]).samples;
}

/** Where a visitor ends who drags once. */
async function outcome(browser, drag, options) {
  const visitor = await visit(browser, options);
  try {
    await drag(visitor);
    return await visitor.state("passed", "challenge", "blocked", "error");
  } finally {
    await visitor.context.close();
  }
}

function assertCaught(state, who) {
  assert.ok(["challenge", "blocked"].includes(state), `${who}: ${state}`);
}

// The project has one drag of its own. A second time it is a replay, and would be caught as one whatever the browser is.
const without = !isRecorded() && "PARALLAX_TRACES names no recordings";

// First, before anything else gives this address a bad name.
test("hands pass, each recorded drag replayed for the first time", { skip: without }, async () => {
  for (let index = 0; index < 3; index += 1) {
    const samples = nextDrag();
    assert.equal(await outcome(hidden, (visitor) => visitor.drag(samples)), "passed", `drag ${index}`);
  }
});

for (const [name, family] of Object.entries(FAMILIES)) {
  test(`${name}, well hidden, is caught`, async () => {
    const samples = family(seeded(SEED));
    assertCaught(await outcome(hidden, (visitor) => visitor.drag(samples)), name);
  });
}

test("a replay is caught from its third use on", async () => {
  const samples = nextDrag();
  const states = [];
  for (let use = 1; use <= 4; use += 1) states.push(await outcome(hidden, (visitor) => visitor.drag(samples)));
  for (const state of states.slice(2)) assertCaught(state, states.join());
});

test("a jittered replay is caught from its third use on", { skip: without }, async () => {
  const replay = jittered(nextDrag());
  const random = seeded(SEED);
  const states = [];
  for (let use = 1; use <= 4; use += 1) states.push(await outcome(hidden, (visitor) => visitor.drag(replay(random))));
  for (const state of states.slice(2)) assertCaught(state, states.join());
});

test("a driven browser is caught, however it drags", { skip: without }, async () => {
  const samples = nextDrag();
  assertCaught(await outcome(driven, (visitor) => visitor.drag(samples), { automated: true }), "as it comes");
  assertCaught(
    await outcome(driven, (visitor) => visitor.dragByDriver(linear()(seeded(SEED))), { automated: true }),
    "as it comes, in a line",
  );
});

test("a driven browser whose flag a script overwrites is caught", { skip: without }, async () => {
  const samples = nextDrag();
  assertCaught(await outcome(driven, (visitor) => visitor.drag(samples), { script: HIDE_DRIVER }), "by script");
});

test("the debugging protocol is caught where it presses without pressure", { skip: without }, async () => {
  const samples = nextDrag();
  assertCaught(await outcome(hidden, (visitor) => visitor.drag(samples, 0)), "no pressure");
});

test("a driver's mouse is caught in a browser that hides the driver", async () => {
  const samples = minimumJerk()(seeded(SEED));
  assertCaught(await outcome(hidden, (visitor) => visitor.dragByDriver(samples)), "driver's mouse");
});

test("events from a script in the page are caught", { skip: without }, async () => {
  const samples = nextDrag();
  assertCaught(await outcome(hidden, (visitor) => visitor.dragByScript(samples)), "script");
});

test("clients without a browser are caught or refused", async () => {
  const { sitekey } = await (await fetch(`${ADDRESS}/demo/config`)).json();
  const post = async (path, body) => {
    const reply = await fetch(ADDRESS + path, {
      method: "POST",
      headers: { "content-type": "application/json", origin: ADDRESS },
      body: JSON.stringify(body),
    });
    return { status: reply.status, ...(await reply.json()) };
  };
  const browser = {
    version: 1,
    languages: true,
    language_count: 2,
    user_agent: "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0",
    platform: "Win32",
    screen: [1920, 1080],
    webgl: { vendor: "Google Inc. (Intel)", renderer: "ANGLE (Intel, Intel(R) HD Graphics Direct3D11 vs_5_0 ps_5_0), or similar" },
  };
  const trace = (samples, more) => ({ version: 1, input: "mouse", samples, track: 280, ...more });
  const jump = [
    [0, 0, 0],
    [280, 0, 700],
  ];
  // What is no slide is refused before it is judged; what is one, however absurd, is judged.
  const refused = { "no trace": { environment: browser } };
  const judged = {
    "no samples": { environment: browser, trace: trace([]) },
    "a jump": { environment: browser, trace: trace(jump) },
    "a jump by keyboard": { environment: browser, trace: trace(jump, { input: "keyboard" }) },
    "time backwards": { environment: browser, trace: trace([...jump].reverse()) },
    "huge numbers": { environment: browser, trace: trace([[0, 0, 0], [1e39, 0, 500]]) },
    "ten thousand points": { environment: browser, trace: trace(Array(10_000).fill([0, 0, 0])) },
    "another version": { environment: browser, trace: trace(jump, { version: 9 }) },
    "no browser": { environment: {}, trace: trace(linear()(seeded(SEED)).map(([x, y, t]) => [x * 280, y * 280, t])) },
  };
  const slide = async (name, said) => {
    const { status, session } = await post("/v1/session", { sitekey });
    assert.equal(status, 200, name);
    assert.equal(typeof session, "string", name);
    return post("/v1/slide", { session, ...said });
  };
  for (const [name, said] of Object.entries(refused)) {
    const { status, error } = await slide(name, said);
    assert.deepEqual([status, error?.code], [400, "bad-request"], name);
  }
  for (const [name, said] of Object.entries(judged)) {
    const { status, outcome } = await slide(name, said);
    assert.equal(status, 200, name);
    assert.ok(["challenge", "block"].includes(outcome), `${name}: ${outcome}`);
  }
});
