// CPU time that a Worker itself uses, from V8's sampling profiler: `node worker_cpu.mjs INSPECTOR_PORT WORKER`.
//
// Prints a line when it samples, stops at the end of its input, and prints one line of JSON: milliseconds spent in the
// Worker's own JavaScript, wasm and garbage collection, and in all samples.
const [, , port, worker] = process.argv;

const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
const target = targets.find(({ id, title }) => `${id} ${title}`.includes(worker)) ?? targets[0];
if (!target) throw new Error(`no Worker to profile at port ${port}`);
const socket = new WebSocket(target.webSocketDebuggerUrl);
await new Promise((resolve, reject) => {
  socket.onopen = resolve;
  socket.onerror = () => reject(new Error(`cannot connect to ${target.webSocketDebuggerUrl}`));
});

const waiting = new Map();
socket.onmessage = ({ data }) => {
  const { id, result, error } = JSON.parse(data);
  const settle = waiting.get(id);
  if (!settle) return;
  waiting.delete(id);
  if (error) settle.reject(new Error(error.message));
  else settle.resolve(result);
};
let last = 0;
const call = (method, params = {}) =>
  new Promise((resolve, reject) => {
    last += 1;
    waiting.set(last, { resolve, reject });
    socket.send(JSON.stringify({ id: last, method, params }));
  });

await call('Profiler.enable');
await call('Profiler.setSamplingInterval', { interval: 100 });
await call('Profiler.start');
console.log('sampling');
for await (const _ of process.stdin);
const { profile } = await call('Profiler.stop');

const names = new Map(profile.nodes.map((node) => [node.id, node.callFrame.functionName]));
const outside = new Set(['(idle)', '(program)', '(root)']);
let [own, all] = [0, 0];
profile.samples.forEach((id, i) => {
  const milliseconds = profile.timeDeltas[i] / 1e3;
  all += milliseconds;
  if (!outside.has(names.get(id))) own += milliseconds;
});
if (process.env.TOP) {
  const by = {};
  profile.samples.forEach((id, i) => { const n = names.get(id); by[n] = (by[n] ?? 0) + profile.timeDeltas[i] / 1e3; });
  console.error(Object.entries(by).sort((a, b) => b[1] - a[1]).slice(0, 30));
}
console.log(JSON.stringify({ target: target.title, own, all }));
process.exit(0);
