// Runs `node ARGS...` in a process group of its own and ends that whole group when standard input closes, so that a
// server never outlives what started it, however that ended (a panic, Ctrl-C, SIGKILL). The folder in SUPERVISE_REMOVE,
// if any, is removed afterwards.
import { spawn } from "node:child_process";
import { rmSync } from "node:fs";

const GRACE_MS = 5000;

const child = spawn(process.execPath, process.argv.slice(2), {
  detached: true,
  stdio: ["ignore", "inherit", "inherit"],
});

function signalGroup(signal) {
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The group is gone already.
  }
}

let stopping = false;
function stop() {
  if (stopping) return;
  stopping = true;
  signalGroup("SIGTERM");
  setTimeout(() => signalGroup("SIGKILL"), GRACE_MS).unref();
}

process.stdin.on("end", stop).on("error", stop).resume();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, stop);

child.on("error", (error) => {
  console.error(`cannot start node: ${error.message}`);
  process.exit(1);
});
child.on("exit", (code) => {
  signalGroup("SIGKILL"); // grandchildren that outlived it
  const folder = process.env.SUPERVISE_REMOVE;
  if (folder) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  process.exit(stopping ? 0 : (code ?? 1));
});
