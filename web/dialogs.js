// @ts-check
import { liveUrl, messageOf, removeCamera } from './api.js';
import { dialog, element } from './elements.js';

const LIVE_WIDTH_STEP = 320;
const MAX_LIVE_WIDTH = 1920;

/** Sets up the dialogs that show a camera live and that remove a camera. */
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
    element('live-hint').textContent = 'The proxy decodes every frame while this dialog is open.';
  });
  picture.addEventListener('error', () => {
    element('live-hint').textContent =
      'The stream has ended. Close this dialog, and open it again when the camera is running.';
  });
  picture.src = liveUrl(name, width);
  element('live-title').textContent = name;
  element('live-hint').textContent = 'Waiting for the first picture …';
  element('live-picture').replaceChildren(picture);
  dialog('live').showModal();
}

function stopLive() {
  for (const picture of element('live-picture').querySelectorAll('img')) {
    // An image that is only removed from the page goes on receiving.
    picture.removeAttribute('src');
  }
  element('live-picture').replaceChildren();
}

/**
 * Asks the user, removes the camera, and then calls `removed`.
 *
 * @param {string} name
 * @param {() => void} removed
 */
export function askToRemove(name, removed) {
  const box = dialog('remove');
  const confirm = element('remove-confirm');
  const errorLine = element('remove-error');
  element('remove-title').textContent = `Remove ${name}?`;
  errorLine.textContent = '';
  confirm.onclick = async () => {
    confirm.toggleAttribute('disabled', true);
    try {
      await removeCamera(name);
      box.close();
      removed();
    } catch (error) {
      errorLine.textContent = messageOf(error);
    } finally {
      confirm.toggleAttribute('disabled', false);
    }
  };
  box.showModal();
}
