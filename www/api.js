// Loads the widget and gives the page `window.parallax`. Everything a page calls before the widget is there waits in a
// queue; whatever goes wrong on the way ends in the page's error-callback.
(() => {
  "use strict";
  if (window.parallax) return;
  const script = document.currentScript ?? document.querySelector('script[src*="api.js"]');
  const source = new URL(script.src);
  const base = new URL(".", source).href;
  const explicit = source.searchParams.get("render") === "explicit";
  const onload = source.searchParams.get("onload");

  /** The widget's module; `null` while it loads, `undefined` if it cannot run here. */
  let widget = null;
  /** What waits for it. */
  const queue = [];
  const later = (task) => void (widget === null ? queue.push(task) : task());
  /** What was rendered, by number: `{ container, settings, command }`; nothing in place of what was removed. */
  const rendered = [];

  const element = (target) => (typeof target === "string" ? document.querySelector(target) : target);

  /** The number of the widget that a page means: by id, element or selector; without any of these, the first. */
  function find(target) {
    const [, number] = /^parallax-(\d+)$/.exec(target) ?? [];
    if (number) return +number;
    const container = target == null ? null : element(target);
    return rendered.findIndex((one) => one && (target == null || one.container === container));
  }

  function notify(settings, name, argument) {
    const given = settings[name];
    const callback = typeof given === "function" ? given : window[given];
    if (typeof callback !== "function") return false;
    setTimeout(callback, 0, argument);
    return true;
  }

  function fail(settings, error) {
    const code = typeof error === "string" ? error : "internal-error";
    if (!notify(settings, "error-callback", code)) console.warn("Parallax:", code, error);
  }

  /** What a probe finds; nothing where the browser throws at it. */
  const attempt = (probe) => {
    try {
      return probe();
    } catch {}
  };
  /** The beginning of a text, quoted; without characters that JSON would have to escape. */
  const brief = (text, most) => `"${String(text ?? "").replace(/[^ !#-[\]-~]/g, "").slice(0, most)}"`;
  const canvas = (context) => document.createElement("canvas").getContext(context);
  /** Whether a property of the browser's is its own code still. */
  const isNative = ([{ prototype }, name]) => {
    const { get, value } = Object.getOwnPropertyDescriptor(prototype, name);
    const code = Function.prototype.toString.call(get ?? value);
    return RegExp(`^function (get )?${name}\\(\\)\\s*{\\s*\\[native code]\\s*}$`).test(code);
  };
  /** What automation frameworks leave among the properties of a page. */
  const TRACES =
    /(^|,)(\$?cdc_\w{22}_|\$chrome_async|__(\$?webdriver|playwright|pwInit|puppeteer|selenium|fxdriver|nightmare)|_selenium|_phantom|callPhantom|callSelenium|domAutomation)/;

  /** The wire's `Signs` that do not depend on an event: those that hold are its bits, the lowest first. */
  const signs = [
    () => [window, document].some((object) => TRACES.test(Object.getOwnPropertyNames(object))),
    () =>
      !("webdriver" in Navigator.prototype) ||
      navigator.hasOwnProperty("webdriver") ||
      !isNative([Navigator, "webdriver"]),
    () =>
      Object.getOwnPropertyNames(navigator)[0] ||
      ![
        [Navigator, "userAgent"],
        [Navigator, "platform"],
        [Navigator, "languages"],
        [HTMLCanvasElement, "getContext"],
        [WebGLRenderingContext, "getParameter"],
      ].every(isNative),
    () => innerHeight * Math.min(devicePixelRatio, 1) >= outerHeight || outerWidth > screen.width + 32,
    () => !outerWidth || !outerHeight,
    () =>
      !matchMedia(`(min-device-width:${screen.width - 1}px) and (max-device-width:${screen.width + 1}px)`).matches,
    () => {
      const context = canvas("2d");
      context.fillStyle = "#a1b2c3";
      context.fillRect(0, 0, 8, 8);
      return context.getImageData(0, 0, 8, 8).data.some((value, at) => value !== [161, 178, 195, 255][at % 4]);
    },
    () => navigator.languages[0] !== navigator.language,
    () => {
      const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
      const offset = new Date().getTimezoneOffset();
      return !timeZone || offset % 15 || (timeZone === "UTC" && offset);
    },
  ];

  /** Vendor and renderer. Not every browser masks them; those that do not warn of the extension that unmasks. */
  function graphics() {
    const gl = canvas("webgl");
    const names = (...keys) => keys.map((key) => brief(gl.getParameter(key), 128));
    let found = names(0x1f00, 0x1f01);
    if (found[1].includes("WebKit") && gl.getExtension("WEBGL_debug_renderer_info")) found = names(0x9245, 0x9246);
    gl.getExtension("WEBGL_lose_context")?.loseContext();
    return `,"webgl":{"vendor":${found[0]},"renderer":${found[1]}}`;
  }

  /** What the browser says of itself: the wire's `Environment` in JSON without its end, and its signs so far. */
  function read() {
    const { webdriver, languages = [], userAgent, platform, maxTouchPoints, userAgentData: hints } = navigator;
    const brands = () => hints.brands.map(({ brand, version }) => brand + " " + version).join(", ");
    return [
      `{"version":1,"webdriver":${webdriver === true},"languages":${languages.length > 0},"language_count":${Math.min(languages.length, 255)}` +
        `,"user_agent":${brief(userAgent, 512)},"platform":${brief(platform, 64)}` +
        `,"screen":[${screen.width >>> 0},${screen.height >>> 0}],"touch_points":${maxTouchPoints >>> 0}` +
        (hints
          ? `,"hints":{"brands":${brief(attempt(brands), 128)},"mobile":${hints.mobile === true},"platform":${brief(hints.platform, 64)}}`
          : "") +
        (attempt(graphics) ?? ""),
      signs.reduce((bits, sign, place) => (attempt(sign) ? bits | (1 << place) : bits), 0),
    ];
  }

  let known;
  /** Reads once, and while nobody looks: it takes some milliseconds, and a canvas that is read in reply to a press makes
   * some privacy browsers ask. */
  const surroundings = () => (known ??= attempt(read) ?? [`{"version":1`, 0]);

  /** What the widget asks its settings for; see docs/privacy.md. `this.event` began the slide. */
  function environment() {
    const [text, bits] = surroundings();
    const { isTrusted, pointerType, pressure } = this.event;
    const injected = pointerType === "mouse" && !pressure;
    return `${text},"signs":${bits | (isTrusted ? 0 : 512) | (injected ? 1024 : 0)}}`;
  }

  function draw(one) {
    const { container, settings } = one;
    try {
      if (widget) {
        one.command = widget.render(base, container, settings);
        (window.requestIdleCallback ?? setTimeout)(surroundings);
      } else if (window.WebAssembly) throw "load-failed";
      else {
        container.textContent = "This check needs a browser with WebAssembly. Please update yours.";
        notify(settings, "unsupported-callback");
      }
    } catch (error) {
      fail(settings, error);
    }
  }

  /** Gives a command to a widget, or asks it something. */
  const tell = (target, text) => rendered[find(target)]?.command?.(text);

  function remove(target) {
    const number = find(target);
    const one = rendered[number];
    delete rendered[number];
    later(() => one?.command?.("remove"));
  }

  const parallax = {
    render(target, options) {
      const container = element(target);
      if (!(container instanceof Element)) throw new TypeError("Parallax: there is no such element: " + target);
      const settings = {};
      for (const { name, value } of container.attributes) {
        if (name.startsWith("data-")) settings[name.slice(5)] = value;
      }
      Object.assign(settings, options, { environment });
      remove(container);
      const one = { container, settings };
      later(() => draw(one));
      return "parallax-" + (rendered.push(one) - 1);
    },
    execute: (target) => later(() => tell(target, "execute")),
    reset: (target) => later(() => tell(target, "reset")),
    remove,
    getResponse: (target) => tell(target, "getResponse"),
    isExpired: (target) => tell(target, "isExpired") ?? false,
    ready: later,
  };
  window.parallax = parallax;

  // The widget does not throw on purpose: should it break down, the pages that wait for it hear of it.
  addEventListener("error", ({ error }) => {
    if (widget && error instanceof WebAssembly.RuntimeError && error.stack?.includes(base)) {
      for (const one of rendered) if (one) fail(one.settings, error);
    }
  });

  async function load() {
    if (!window.WebAssembly) return;
    // `import()` hands this script's nonce on.
    const [module, wasm] = await Promise.all([
      import(base + "widget/widget.js"),
      fetch(base + "widget/widget.wasm"),
    ]);
    await module.default({ module_or_path: wasm });
    return module;
  }

  const parsed = new Promise((resolve) => {
    if (document.readyState === "loading") addEventListener("DOMContentLoaded", resolve);
    else resolve();
  });

  load()
    .catch((error) => console.error("Parallax:", error))
    .then(async (module) => {
      widget = module;
      for (const task of queue) task();
      if (!explicit) {
        await parsed;
        for (const container of document.querySelectorAll(".parallax-captcha")) {
          if (find(container) < 0) parallax.render(container);
        }
      }
      window[onload]?.();
    });
})();
