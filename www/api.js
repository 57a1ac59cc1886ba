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

  function draw(one) {
    const { container, settings } = one;
    try {
      if (widget) one.command = widget.render(base, container, settings);
      else if (window.WebAssembly) throw "load-failed";
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
      Object.assign(settings, options);
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
