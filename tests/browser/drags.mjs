// How a handle is dragged, as samples [x, y, t]: x and y as shares of the way to go, t in milliseconds.

import { readFileSync } from "node:fs";

/** Straight to the end in 50 ms, or as soon as a busy machine manages: few events, so that few can be late. */
export const STRAIGHT = [
  [0, 0, 0],
  [0.5, 0, 25],
  [1, 0, 50],
];

/** Whether people's drags are at hand. */
export function isRecorded() {
  return Boolean(process.env.PARALLAX_TRACES);
}

/** Drags by hand: recordings where PARALLAX_TRACES names any, else the project's own drags. */
export function byHand() {
  const recorded = process.env.PARALLAX_TRACES;
  const lines = readFileSync(recorded || new URL("drag.txt", import.meta.url), "utf8").split("\n");
  return lines.filter((line) => line.trim() && !line.startsWith("#")).map(parse).filter(isUsable);
}

// `id x,y,t;x,y,t;... target label`, label 1 for a human.
function parse(line) {
  const [, samples, , label] = line.trim().split(" ");
  const points = samples
    .split(";")
    .filter(Boolean)
    .map((sample) => sample.split(",").map(Number));
  const [x0, y0, t0] = points[0];
  // People let go where they arrived; what came after the furthest point was a correction on another slider.
  const way = Math.max(...points.map(([x]) => x - x0));
  return {
    label,
    way,
    samples: points.map(([x, y, t]) => [(x - x0) / way, (y - y0) / way, t - t0]),
  };
}

/** A drag that arrives, and one a test has the time for. */
function isUsable({ label, way, samples }) {
  const [end, , duration] = samples.at(-1);
  // A little further than the slider demands: whole pixels come on top.
  return label === "1" && way > 0 && samples.length >= 20 && end > 0.99 && duration > 400 && duration < 3000;
}
