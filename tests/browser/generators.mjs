// How programs drag, as the literature and their trade know it. Every generator is a pure function of its parameters and
// of a seeded source of randomness: `(random) => samples [x, y, t]`, with x and y as shares of the way to go, t in
// milliseconds. Parameters are given by name, so that a family can be swept or left out.

/** Uniform numbers in [0, 1) from a seed (mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = state;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A normal number of mean 0 and deviation 1 (Box and Muller 1958). */
function normal(random) {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** Times from 0 to `duration`, `interval` apart give or take `jitter`, all milliseconds; each as [progress, time]. */
function* ticks(random, { duration, interval = 16, jitter = 0 }) {
  for (let time = 0; time < duration; time += Math.max(2, interval + jitter * normal(random))) {
    yield [time / duration, time];
  }
  yield [1, duration];
}

/** Position at `u`, both in [0, 1], of the smoothest movement from rest to rest (Flash and Hogan 1985). */
const smoothest = (u) => u ** 3 * (10 - 15 * u + 6 * u ** 2);

/** A straight line at constant speed. */
export function linear({ duration = 600, ...timing } = {}) {
  return (random) => Array.from(ticks(random, { duration, ...timing }), ([u, t]) => [u, 0, t]);
}

/** A straight line, slow at both ends. `power`: 2 is quadratic easing, 3 cubic. */
export function eased({ duration = 700, power = 3, ...timing } = {}) {
  const ease = (u) => (u < 0.5 ? (2 * u) ** power / 2 : 1 - (2 - 2 * u) ** power / 2);
  return (random) => Array.from(ticks(random, { duration, ...timing }), ([u, t]) => [ease(u), 0, t]);
}

/** Along a cubic Bezier curve with random control points, up to `spread` off the line, eased. */
export function bezier({ duration = 800, spread = 0.08, jitter = 3, ...timing } = {}) {
  return (random) => {
    const off = () => (2 * random() - 1) * spread;
    const [first, second] = [
      [0.2 + 0.2 * random(), off()],
      [0.6 + 0.2 * random(), off()],
    ];
    const point = (u, axis, end) =>
      3 * u * (1 - u) ** 2 * first[axis] + 3 * u ** 2 * (1 - u) * second[axis] + u ** 3 * end;
    return Array.from(ticks(random, { duration, jitter, ...timing }), ([u, t]) => {
      const along = smoothest(u);
      return [point(along, 0, 1), point(along, 1, 0), t];
    });
  };
}

/** The smoothest movement, with a bow across and noise of deviation `noise` on every sample but the ends. */
export function minimumJerk({ duration = 800, noise = 0.004, bow = 0.02, jitter = 3, ...timing } = {}) {
  return (random) =>
    Array.from(ticks(random, { duration, jitter, ...timing }), ([u, t]) => {
      const shaken = u > 0 && u < 1 ? noise : 0;
      const along = smoothest(u);
      return [along + shaken * normal(random), bow * Math.sin(Math.PI * along) + shaken * normal(random), t];
    });
}

/** The smoothest movement beyond the end by `amount`, a pause, and a smooth way back. */
export function overshoot({ duration = 1000, amount = 0.06, noise = 0.003, jitter = 3, ...timing } = {}) {
  return (random) =>
    Array.from(ticks(random, { duration, jitter, ...timing }), ([u, t]) => {
      const shaken = u > 0 && u < 1 ? noise : 0;
      const there = smoothest(Math.min(u / 0.65, 1)) * (1 + amount);
      const back = smoothest(Math.max((u - 0.75) / 0.25, 0)) * amount;
      return [there - back + shaken * normal(random), 0.02 * Math.sin(3 * u) + shaken * normal(random), t];
    });
}

/** Strokes with lognormal speed, each a share of the way: a kinematic model of the hand (Plamondon 1995). */
export function lognormalStrokes({ strokes = [0.8, 0.15, 0.05], spread = 0.35, noise = 0.002, jitter = 3 } = {}) {
  return (random) => {
    const moves = strokes.map((share, index) => ({
      share,
      start: index * 260 + 20 * normal(random),
      median: Math.exp(5.3 + 0.1 * normal(random)),
      lift: 0.03 * normal(random),
    }));
    const duration = moves.at(-1).start + moves.at(-1).median * Math.exp(3 * spread);
    const done = ({ start, median }, t) => (t <= start ? 0 : gaussian(Math.log((t - start) / median) / spread));
    return Array.from(ticks(random, { duration, jitter }), ([u, t]) => {
      const shaken = u > 0 && u < 1 ? noise : 0;
      const sum = (weight) => moves.reduce((total, move) => total + weight(move) * done(move, t), 0);
      return [
        (u < 1 ? sum((move) => move.share) : 1) + shaken * normal(random),
        sum((move) => move.lift) + shaken * normal(random),
        t,
      ];
    });
  };
}

/** Share of a normal distribution below `z` (Abramowitz and Stegun 1964, 26.2.17). */
function gaussian(z) {
  const t = 1 / (1 + 0.2316419 * Math.abs(z));
  const series = [1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153];
  const tail = (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * series.reduce((sum, factor) => (sum + factor) * t, 0);
  return z < 0 ? tail : 1 - tail;
}

/** Somebody's drag again, every sample off by deviations `space` (shares) and `time` (milliseconds), all of it stretched
 * in time by up to `stretch`. */
export function jittered(samples, { space = 0.004, time = 2, stretch = 0.03 } = {}) {
  return (random) => {
    const pace = 1 + stretch * (2 * random() - 1);
    let last = 0;
    return samples.map(([x, y, t], index) => {
      const inner = index > 0 && index + 1 < samples.length ? 1 : 0;
      last = Math.max(last, t * pace + inner * time * normal(random));
      return [x + inner * space * normal(random), y + inner * space * normal(random), last];
    });
  };
}

/** The families that need no recording, with their names. */
export const FAMILIES = {
  linear: linear(),
  "linear, uneven in time": linear({ jitter: 4 }),
  eased: eased(),
  "eased, uneven in time": eased({ jitter: 4 }),
  bezier: bezier(),
  "minimum jerk": minimumJerk(),
  overshoot: overshoot(),
  "lognormal strokes": lognormalStrokes(),
};
