// A browser on the demo page, and what a visitor does there.

import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { ADDRESS } from "./edge.mjs";

// The tools lie in the cache, not above this file, so a plain import would not find them.
const require = createRequire(join(process.env.PARALLAX_NODE_MODULES, "index.js"));
const { chromium } = require("playwright-core");

const QUIET = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Starts a browser; `automated: false` hides what gives a driven browser away, as attackers do. */
export function launch({ automated }) {
  return chromium.launch({
    executablePath: process.env.PARALLAX_CHROMIUM,
    args: automated ? QUIET : [...QUIET, "--disable-blink-features=AutomationControlled"],
    ignoreDefaultArgs: automated ? [] : ["--enable-automation"],
  });
}

/** A fresh profile on the demo page, with the widget ready. `script`: what runs in the page before anything else;
 * `prepare`: what is done to the profile before that. */
export async function visit(browser, { automated = false, script, prepare, ...options } = {}) {
  const probe = await browser.newPage();
  const agent = await probe.evaluate(() => navigator.userAgent);
  await probe.close();
  const context = await browser.newContext({
    viewport: { width: 1120, height: 760 },
    userAgent: automated ? agent : agent.replace("Headless", ""),
    ...options,
  });
  await prepare?.(context);
  if (script) await context.addInitScript(script);
  const page = await context.newPage();
  const visitor = new Visitor(context, page);
  await page.goto(`${ADDRESS}/`);
  await visitor.state("idle");
  return visitor;
}

/** A visitor on the demo page. */
export class Visitor {
  /** What the page's console and the browser complained about. */
  complaints = [];
  /** Addresses requested. */
  requests = [];

  constructor(context, page) {
    this.context = context;
    this.page = page;
    this.widget = page.locator("[data-state]");
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("request", (request) => this.requests.push(request.url()));
  }

  /** An element of the widget. */
  part(name) {
    return this.page.locator(`[part~="${name}"]`);
  }

  /** Waits until the widget is in one of `states`; which one. */
  async state(...states) {
    const any = states.map((state) => `[data-state="${state}"]`).join(",");
    await this.page.locator(any).waitFor({ timeout: 20_000 });
    return this.widget.getAttribute("data-state");
  }

  /** The token in the page's form; empty without one. */
  token() {
    return this.page.locator('input[name="parallax-response"]').inputValue();
  }

  /** Pixels from the handle's place to the end of the track. */
  async way() {
    const [handle, track] = await Promise.all([this.part("handle").boundingBox(), this.part("track").boundingBox()]);
    const from = { x: handle.x + handle.width / 2, y: handle.y + handle.height / 2 };
    return { from, length: track.x + track.width - (handle.x + handle.width) };
  }

  /** Drags the handle at the drag's own pace, with events as a mouse makes them: whole pixels, and a pressure of 0.5 while
   * the button is down. */
  async drag(samples, force = 0.5) {
    const { from, length } = await this.way();
    const session = await this.context.newCDPSession(this.page);
    const begun = Date.now();
    // Events say when they happened, as a mouse's do: how busy the machine is does not show in the movement.
    const at = ([x, y, t]) => ({
      x: Math.round(from.x + x * length),
      y: Math.round(from.y + y * length),
      timestamp: (begun + t) / 1000,
    });
    const send = (type, sample, pressed) =>
      session.send("Input.dispatchMouseEvent", { type, ...at(sample), clickCount: 1, ...pressed });
    const pressed = { button: "left", buttons: 1, force };
    await send("mouseMoved", samples[0], {});
    await send("mousePressed", samples[0], pressed);
    await streamed(samples, (sample) => send("mouseMoved", sample, pressed));
    await send("mouseReleased", samples.at(-1), { button: "left", buttons: 0 });
    await session.detach();
  }

  /** Drags the handle as scripts for browsers do: with the driver's own mouse. */
  async dragByDriver(samples) {
    const { from, length } = await this.way();
    const move = ([x, y]) => this.page.mouse.move(from.x + x * length, from.y + y * length);
    await move(samples[0]);
    await this.page.mouse.down();
    await paced(samples, move);
    await this.page.mouse.up();
  }

  /** Drags the handle from a script inside the page: no input, events only. */
  async dragByScript(samples) {
    const { from, length } = await this.way();
    const handle = this.part("handle");
    const send = (type, [x, y]) =>
      handle.dispatchEvent(type, {
        pointerType: "mouse",
        isPrimary: true,
        pointerId: 1,
        button: type === "pointermove" ? -1 : 0,
        buttons: type === "pointerup" ? 0 : 1,
        pressure: 0.5,
        clientX: from.x + x * length,
        clientY: from.y + y * length,
      });
    await send("pointerdown", samples[0]);
    await paced(samples, (sample) => send("pointermove", sample));
    await send("pointerup", samples.at(-1));
  }

  /** Drags the handle with a finger. */
  async swipe(samples) {
    const { from, length } = await this.way();
    const session = await this.context.newCDPSession(this.page);
    const send = (type, points) => session.send("Input.dispatchTouchEvent", { type, touchPoints: points });
    const at = ([x, y]) => [{ x: from.x + x * length, y: from.y + y * length }];
    await send("touchStart", at(samples[0]));
    await streamed(samples, (sample) => send("touchMove", at(sample)));
    await send("touchEnd", []);
    await session.detach();
  }

  /** Bytes of the picture shown, base64. */
  async picture() {
    const image = this.part("image");
    await image.evaluate((element) => element.decode());
    return image.evaluate(async (element) => {
      const bytes = new Uint8Array(await (await fetch(element.src)).arrayBuffer());
      return btoa(String.fromCharCode(...bytes));
    });
  }

  /** Types an answer and sends it. */
  async answer(text) {
    await this.part("answer").fill(text);
    await this.part("submit").click();
  }

  /** A picture for the README, where a folder for it is named. */
  async screenshot(name) {
    const folder = process.env.PARALLAX_SCREENSHOTS;
    if (!folder) return;
    mkdirSync(folder, { recursive: true });
    await sleep(600); // what fades in or slides back is there by then
    await this.page.screenshot({ path: join(folder, `${name}.png`) });
  }
}

/** Does `act` for every sample when its time comes, whether or not the browser has come to the one before: a hand does
 * not wait for frames, and what comes within one is coalesced, as a hand's events are. */
async function streamed(samples, act) {
  const underWay = [];
  await paced(samples, (sample) => void underWay.push(act(sample)));
  await Promise.all(underWay);
}

async function paced(samples, act) {
  const started = performance.now();
  for (const sample of samples) {
    const wait = sample[2] - (performance.now() - started);
    if (wait > 0) await sleep(wait);
    await act(sample);
  }
}
