// The demo page: a sign-up form as any site would write it. The site key rotates, so it is asked for.
"use strict";

const form = document.getElementById("signup");
const send = document.getElementById("send");
const verdict = document.getElementById("verdict");
const choices = ["theme", "language"].map((id) => document.getElementById(id));

/** Shows what became of the sign-up; `ok` is undefined for anything that is no verdict. */
function show(text, ok) {
  verdict.hidden = !text;
  verdict.textContent = text;
  if (ok === undefined) delete verdict.dataset.ok;
  else verdict.dataset.ok = String(ok);
}

async function render() {
  const { sitekey } = await (await fetch("demo/config")).json();
  const [theme, language] = choices.map((choice) => choice.value);
  window.parallax.render("#captcha", {
    sitekey,
    theme,
    language,
    size: "flexible",
    action: "signup",
    "error-callback"(code) {
      // The key was rotated while the page lay open.
      if (code === "invalid-sitekey" && !render.retried) {
        render.retried = true;
        start();
      }
    },
  });
}

const start = () => render().catch(() => show("The demo could not be started. Please reload the page."));

/** The loader is asynchronous: it may come after this script. */
function whenLoaded(task) {
  if (window.parallax) window.parallax.ready(task);
  else document.querySelector('script[src^="api.js"]').addEventListener("load", () => window.parallax.ready(task));
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (!window.parallax?.getResponse("#captcha")) {
    show("Please slide first.");
    return;
  }
  send.disabled = true;
  try {
    const response = await fetch(form.action, {
      method: "POST",
      headers: { accept: "application/json" },
      body: new URLSearchParams(new FormData(form)),
    });
    const reply = await response.json();
    const codes = (reply["error-codes"] ?? []).join(", ");
    if (reply.ok) show("Welcome! The server redeemed your token: success.", true);
    else show("The server refused: " + (codes || "no reason given") + ".", false);
  } catch {
    show("The server could not be reached. Please try again.", false);
  }
  send.disabled = false;
  // A token is good for one redemption, whatever came of it.
  window.parallax.reset("#captcha");
});

for (const choice of choices) {
  choice.addEventListener("change", () => {
    document.documentElement.dataset.theme = choices[0].value;
    start();
  });
}
whenLoaded(start);
