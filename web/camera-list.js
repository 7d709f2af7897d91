// @ts-check
import { refreshAnnotations } from './annotations-panel.js';
import { info, listCameras, messageOf } from './api.js';
import { CameraCard } from './camera-card.js';
import { element } from './elements.js';
import { loadDue } from './pictures.js';
/** @import { StreamProcess } from './rest-types.js' */

const REFRESH_MS = 2000;
/** The proxy's clock may be set, and a restart may change its version. */
const INFO_REFRESH_MS = 60_000;

/** @type {Map<string, CameraCard>} */
const cards = new Map();
let refreshing = false;
/** How far the proxy's clock is ahead of the browser's clock. */
let aheadMs = 0;
let infoAtMs = -Infinity;

/** Shows the cameras, and refreshes them while the page is visible. */
export function startList() {
  setInterval(() => void refresh(), REFRESH_MS);
  document.addEventListener('visibilitychange', () => void refresh());
  void refresh();
}

/** Refreshes the cameras now, unless the page is hidden or a refresh is in progress. */
export async function refresh() {
  if (document.hidden || refreshing) return;
  refreshing = true;
  try {
    if (Date.now() - infoAtMs > INFO_REFRESH_MS) await refreshInfo();
    show(await listCameras());
    await refreshAnnotations();
    element('trouble').hidden = true;
  } catch (error) {
    infoAtMs = -Infinity;
    element('trouble').textContent = messageOf(error);
    element('trouble').hidden = false;
  } finally {
    refreshing = false;
  }
  loadDue();
}

async function refreshInfo() {
  const { version, grpc_port: port, time } = await info();
  aheadMs = time - Date.now();
  infoAtMs = Date.now();
  element('version').textContent = `chrysproxy ${version}`;
  element('grpc').textContent = port === null ? '' : `gRPC on port ${port}`;
}

/** @param {StreamProcess[]} cameras */
function show(cameras) {
  const names = new Set(cameras.map(({ name }) => name));
  for (const [name, card] of cards) {
    if (names.has(name)) continue;
    card.discard();
    cards.delete(name);
  }
  const nowMs = Date.now() + aheadMs;
  for (const camera of cameras) {
    let card = cards.get(camera.name);
    if (card === undefined) {
      card = new CameraCard(camera.name, () => void refresh());
      cards.set(camera.name, card);
      element('cameras').append(card.element);
    }
    card.update(camera, nowMs);
  }
  const running = cameras.filter(({ chrysproxy }) => chrysproxy.phase === 'running').length;
  const countText = cameras.length === 1 ? '1 camera' : `${cameras.length} cameras`;
  element('empty').hidden = cameras.length > 0;
  setText(element('summary'), cameras.length === 0 ? '' : `${countText}, ${running} running`);
}

/**
 * Writes only a text that has changed, since a screen reader reads out every write.
 *
 * @param {HTMLElement} target
 * @param {string} text
 */
function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}
