// @ts-check
import { liveUrl, removeCamera, sentenceOf } from './api.js';
import { dialog, element } from './elements.js';

const LIVE_WIDTH_STEP = 320;
const MAX_LIVE_WIDTH = 1920;

/** Sets up the two dialogs that belong to one camera at a time. */
export function prepareDialogs() {
  const live = dialog('live');
  element('live-close').addEventListener('click', () => {
    live.close();
  });
  live.addEventListener('close', stopLive);
  element('remove-cancel').addEventListener('click', () => {
    dialog('remove').close();
  });
}

/** @param {string} name */
export function watchLive(name) {
  const pixels = Math.min(window.innerWidth, MAX_LIVE_WIDTH) * window.devicePixelRatio;
  const width = Math.min(MAX_LIVE_WIDTH, Math.ceil(pixels / LIVE_WIDTH_STEP) * LIVE_WIDTH_STEP);
  const picture = new Image();
  picture.alt = `Live picture of ${name}`;
  picture.addEventListener('load', () => {
    element('live-hint').textContent = 'Every frame is decoded while this is open.';
  });
  picture.addEventListener('error', () => {
    element('live-hint').textContent = 'The stream has ended. Close this and open it again when the camera is back.';
  });
  picture.src = liveUrl(name, width);
  element('live-title').textContent = name;
  element('live-hint').textContent = 'Waiting for the first picture …';
  element('live-picture').replaceChildren(picture);
  dialog('live').showModal();
}

function stopLive() {
  for (const picture of element('live-picture').querySelectorAll('img')) {
    // Taken out of the page alone, it would go on receiving.
    picture.removeAttribute('src');
  }
  element('live-picture').replaceChildren();
}

/**
 * Asks, removes, and calls `removed` when that was done.
 *
 * @param {string} name
 * @param {() => void} removed
 */
export function askToRemove(name, removed) {
  const box = dialog('remove');
  const confirm = element('remove-confirm');
  const error = element('remove-error');
  element('remove-title').textContent = `Remove ${name}?`;
  error.textContent = '';
  confirm.onclick = async () => {
    confirm.toggleAttribute('disabled', true);
    try {
      await removeCamera(name);
      box.close();
      removed();
    } catch (refusal) {
      error.textContent = sentenceOf(refusal);
    } finally {
      confirm.toggleAttribute('disabled', false);
    }
  };
  box.showModal();
}
