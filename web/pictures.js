// @ts-check
import { snapshotUrl } from './api.js';

// Each picture costs the proxy a decoded keyframe and a JPEG. So only visible pictures are loaded, at most two at a time.

const REFRESH_MS = 4000;
const RETRY_MS = 8000;
const MAX_LOADING = 2;
/** Pixels. All pages use the same width, so that the proxy makes only one JPEG of a keyframe. */
const WIDTH = 640;

/** @typedef {{ readonly frame: HTMLElement, readonly name: string, live: boolean, show(picture: HTMLImageElement): void }} Target */

/** @type {Map<Element, { target: Target, visible: boolean, dueMs: number, loading: boolean }>} */
const entries = new Map();
let loading = 0;

const observer = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) {
    const entry = entries.get(target);
    if (entry !== undefined) entry.visible = isIntersecting;
  }
  loadDue();
});

/**
 * Refreshes the picture of a camera while it is visible.
 *
 * @param {Target} target
 */
export function keepFresh(target) {
  entries.set(target.frame, { target, visible: false, dueMs: 0, loading: false });
  observer.observe(target.frame);
}

/** @param {Target} target */
export function stopRefreshing(target) {
  observer.unobserve(target.frame);
  entries.delete(target.frame);
}

/** Starts to load the pictures that are due. Must be called regularly. */
export function loadDue() {
  if (document.hidden) return;
  const nowMs = Date.now();
  const due = [...entries.values()]
    .filter((entry) => entry.visible && entry.target.live && !entry.loading && entry.dueMs <= nowMs)
    .sort((a, b) => a.dueMs - b.dueMs);
  for (const entry of due.slice(0, Math.max(0, MAX_LOADING - loading))) load(entry);
}

/** @param {{ target: Target, dueMs: number, loading: boolean }} entry */
function load(entry) {
  const { target } = entry;
  const picture = new Image();
  /** @param {number} delayMs Until the picture is loaded again. */
  const done = (delayMs) => {
    loading -= 1;
    entry.loading = false;
    entry.dueMs = Date.now() + delayMs;
    loadDue();
  };
  entry.loading = true;
  loading += 1;
  // The new picture replaces the old one only after it has loaded, so that nothing flickers.
  picture.addEventListener('load', () => {
    target.show(picture);
    done(REFRESH_MS);
  });
  picture.addEventListener('error', () => {
    done(RETRY_MS);
  });
  picture.src = snapshotUrl(target.name, WIDTH);
}
