// @ts-check
import { annotationsStatus, handleSetAside, listSetAside, sentenceOf } from './api.js';
import { dialog, element } from './elements.js';
import { durationText } from './figures.js';

/** Sets up the list of what was refused; `changed` is called when something was done with it. */
export function prepareAnnotations(/** @type {() => void} */ changed) {
  const box = dialog('refused');
  element('refused-button').addEventListener('click', () => void showRefused());
  element('refused-close').addEventListener('click', () => {
    box.close();
  });
  for (const how of /** @type {const} */ (['requeue', 'discard'])) {
    element(`refused-${how}`).addEventListener('click', async () => {
      try {
        await handleSetAside(how);
        box.close();
        changed();
      } catch (refusal) {
        element('refused-error').textContent = sentenceOf(refusal);
      }
    });
  }
}

/** Shows how their delivery fares. */
export async function refreshAnnotations() {
  const status = await annotationsStatus();
  const { mode, queued, delivered, set_aside: setAside, kept, oldest_age_ms: ageMs, paused } = status;
  const waits = mode === 'cloud' && queued > 0 && paused !== null;
  const state = element('annotations-state');
  state.dataset['phase'] = waits ? 'waiting' : 'delivering';
  state.textContent = mode === 'local' ? `kept here, ${kept}` : waits ? 'waiting' : 'delivered as they come';
  element('annotations-message').textContent = waits ? paused : '';
  element('annotations-message').hidden = !waits;
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
  } catch (refusal) {
    element('refused-error').textContent = sentenceOf(refusal);
  }
}
