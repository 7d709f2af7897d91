// @ts-check
import { snapshotUrl } from './api.js';

/** Each picture costs the proxy a decoded keyframe and a JPEG, so they come seldom, few at a time, and only if seen. */
const REFRESH_MS = 4000;
const RETRY_MS = 8000;
const AT_A_TIME = 2;
/** One width for all pages: the proxy makes the JPEGs of one keyframe only once, and of few widths at a time. */
const WIDTH = 640;

/** @typedef {{ readonly frame: HTMLElement, readonly name: string, live: boolean, show(picture: HTMLImageElement): void }} Target */

/** @type {Map<Element, { target: Target, seen: boolean, dueMs: number, loading: boolean }>} */
const entries = new Map();
let loading = 0;

const observer = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) {
    const entry = entries.get(target);
    if (entry !== undefined) entry.seen = isIntersecting;
  }
  loadDue();
});

/**
 * Keeps the picture of a camera fresh while it can be seen.
 *
 * @param {Target} target
 */
export function keepFresh(target) {
  entries.set(target.frame, { target, seen: false, dueMs: 0, loading: false });
  observer.observe(target.frame);
}

/** @param {Target} target */
export function leave(target) {
  observer.unobserve(target.frame);
  entries.delete(target.frame);
}

/** Loads what is due; to be called now and then. */
export function loadDue() {
  if (document.hidden) return;
  const nowMs = Date.now();
  const due = [...entries.values()]
    .filter((entry) => entry.seen && entry.target.live && !entry.loading && entry.dueMs <= nowMs)
    .sort((a, b) => a.dueMs - b.dueMs);
  for (const entry of due.slice(0, Math.max(0, AT_A_TIME - loading))) load(entry);
}

/** @param {{ target: Target, dueMs: number, loading: boolean }} entry */
function load(entry) {
  const { target } = entry;
  const picture = new Image();
  /** @param {number} againMs */
  const done = (againMs) => {
    loading -= 1;
    entry.loading = false;
    entry.dueMs = Date.now() + againMs;
    loadDue();
  };
  entry.loading = true;
  loading += 1;
  // Only a picture that is there already takes the place of the last one, so that nothing flickers.
  picture.addEventListener('load', () => {
    target.show(picture);
    done(REFRESH_MS);
  });
  picture.addEventListener('error', () => {
    done(RETRY_MS);
  });
  picture.src = snapshotUrl(target.name, WIDTH);
}
