// Entry of the precompute path: instantiates the wasm module and stands between it and the platform, so that a panic
// fails one job and not the isolate. Bundled by `cargo xtask build` with wasm-bindgen's glue.

import * as bindgen from "./precompute_bindgen.js";
import module from "./precompute.wasm";

bindgen.initSync({ module });

// A panic aborts the instance: whoever waits for it would wait for ever. The panic hook sets `criticalError` before it
// traps; every call in flight is then rejected, and the next one gets a fresh instance.
const inFlight = new Set();
let broken = false;

function abandon() {
  broken = true;
  for (const reject of inFlight) reject(new Error("the instance was abandoned"));
  inFlight.clear();
}

Object.defineProperty(globalThis.__worker_init_state, "criticalError", {
  get: () => broken,
  set: (critical) => {
    if (critical) abandon();
  },
});

/** Runs `call` on a healthy instance; rejects when that instance does not survive it. */
function guarded(call) {
  if (broken) {
    bindgen.__wbg_reset_state();
    broken = false;
  }
  return new Promise((resolve, reject) => {
    inFlight.add(reject);
    const settle = (done) => (value) => {
      inFlight.delete(reject);
      done(value);
    };
    Promise.resolve().then(call).then(settle(resolve), (error) => {
      if (error instanceof WebAssembly.RuntimeError) abandon();
      settle(reject)(error);
    });
  });
}

export default {
  fetch: (request, env, context) =>
    guarded(() => bindgen.fetch(request, env, context)).catch((error) => {
      console.error(String(error));
      return new Response("internal-error", { status: 500 });
    }),
  // A rejection makes the platform deliver the job again.
  queue: (batch, env, context) => guarded(() => bindgen.queue(batch, env, context)),
};
