// Entry of the visitor path: instantiates the wasm module and stands between it and the platform, so that even a panic
// is an answer. Bundled by `cargo xtask build` with wasm-bindgen's glue.

import * as bindgen from "./visitor_bindgen.js";
import module from "./visitor.wasm";

bindgen.initSync({ module });

// A panic aborts the instance: whoever waits for it would wait for ever. The panic hook sets `criticalError` before it
// traps; every call in flight is then rejected, and the next one gets a fresh instance.
const inFlight = new Set();
let generation = 0;
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
    generation += 1;
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

/** What is told when no Rust is left to tell it: an id, which the log has too. */
function internalError(error) {
  const id = crypto.randomUUID();
  console.error(id, String(error));
  const body = { error: { code: "internal-error", message: `Internal error ${id}.` }, success: false, "error-codes": ["internal-error"] };
  return Response.json(body, { status: 500, headers: { "cache-control": "no-store", "x-content-type-options": "nosniff" } });
}

export default {
  fetch: (request, env, context) => guarded(() => bindgen.fetch(request, env, context)).catch(internalError),
  scheduled: (event, env, context) => guarded(() => bindgen.scheduled(event, env, context)),
};

/** A Durable Object in Rust, made anew when its instance was abandoned. */
class Durable {
  #make;
  #object;
  #generation = -1;

  constructor(make) {
    this.#make = make;
  }

  #call(method, ...args) {
    return guarded(() => {
      if (this.#generation !== generation) {
        this.#object = this.#make();
        this.#generation = generation;
      }
      return this.#object[method](...args);
    });
  }

  fetch(request) {
    return this.#call("fetch", request);
  }

  alarm() {
    return this.#call("alarm");
  }
}

/** What can be spent once. */
export class SingleUse extends Durable {
  constructor(state, env) {
    super(() => new bindgen.SingleUse(state, env));
  }
}

/** What many sessions of one site show together. */
export class Cluster extends Durable {
  constructor(state, env) {
    super(() => new bindgen.Cluster(state, env));
  }
}

/** Records of answered challenges. */
export class QueryLog extends Durable {
  constructor(state, env) {
    super(() => new bindgen.QueryLog(state, env));
  }
}
