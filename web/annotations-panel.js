// @ts-check
import { annotationsStatus, handleSetAside, listSetAside, messageOf } from './api.js';
import { dialog, element } from './elements.js';
import { durationText } from './figures.js';

/** Sets up the list of refused annotations. `changed` is called after they were sent again or deleted. */
export function prepareAnnotations(/** @type {() => void} */ changed) {
  const box = dialog('refused');
  element('refused-button').addEventListener('click', () => void showRefused());
  element('refused-close').addEventListener('click', () => {
    box.close();
  });
  for (const action of /** @type {const} */ (['requeue', 'discard'])) {
    element(`refused-${action}`).addEventListener('click', async () => {
      try {
        await handleSetAside(action);
        box.close();
        changed();
      } catch (error) {
        element('refused-error').textContent = messageOf(error);
      }
    });
  }
}

/** Shows how the delivery of annotations is doing. */
export async function refreshAnnotations() {
  const status = await annotationsStatus();
  const { mode, queued, delivered, set_aside: setAside, kept, oldest_age_ms: ageMs, paused } = status;
  const isWaiting = mode === 'cloud' && queued > 0 && paused !== null;
  const state = element('annotations-state');
  state.dataset['phase'] = isWaiting ? 'waiting' : 'delivering';
  state.textContent = mode === 'local' ? `kept locally: ${kept}` : isWaiting ? 'waiting' : 'delivering';
  element('annotations-message').textContent = isWaiting ? paused : '';
  element('annotations-message').hidden = !isWaiting;
  element('annotations-queued').textContent = String(queued);
  element('annotations-oldest').textContent = ageMs === null ? '–' : durationText(ageMs / 1000);
  element('annotations-delivered').textContent = String(delivered);
  element('annotations-set-aside').textContent = String(setAside);
  element('refused-button').hidden = setAside === 0;
  element('annotations').hidden = false;
}

async function showRefused() {
  element('refused-error').textContent = '';
  element('refused-list').replaceChildren();
  dialog('refused').showModal();
  try {
    const items = (await listSetAside()).map(({ camera, type, reason = '' }) => {
      const line = document.createElement('li');
      line.textContent = `${camera}, ${type}: ${reason}`;
      return line;
    });
    element('refused-list').replaceChildren(...items);
  } catch (error) {
    element('refused-error').textContent = messageOf(error);
  }
}
