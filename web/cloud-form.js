// @ts-check
import { checkCloud, messageOf, saveSettings, settings } from './api.js';
import { dialog, element, form } from './elements.js';
/** @import { EndpointCheck } from './rest-types.js' */

/** The proxy answers this in place of a secret. A secret that is saved as this stays as it is. */
const MASK = '***';

/** Sets up the form for the edge key and the edge secret, which is never shown. `changed` is called after saving. */
export function prepareCloudForm(/** @type {() => void} */ changed) {
  const box = dialog('cloud');
  const fields = form('cloud-form');
  element('cloud-button').addEventListener('click', () => void open());
  element('cloud-cancel').addEventListener('click', () => {
    box.close();
  });
  element('cloud-check').addEventListener('click', () => void check());
  fields.addEventListener('submit', async (event) => {
    event.preventDefault();
    const values = new FormData(fields);
    const secret = String(values.get('edge_secret'));
    try {
      await saveSettings({
        edge_key: String(values.get('edge_key')).trim(),
        edge_secret: secret === '' ? MASK : secret,
      });
      changed();
      await open();
      showNote('Saved.');
    } catch (error) {
      element('cloud-error').textContent = messageOf(error);
    }
  });
}

async function open() {
  const box = dialog('cloud');
  form('cloud-form').reset();
  element('cloud-error').textContent = '';
  element('cloud-checks').replaceChildren();
  if (!box.open) box.showModal();
  try {
    const { edge_key: key, edge_secret: secret } = await settings();
    const field = /** @type {HTMLInputElement} */ (element('edge_key'));
    field.value = key;
    element('edge_secret-hint').textContent =
      secret === '' ? 'No secret is set.' : 'A secret is set. Leave this field empty to keep it.';
  } catch (error) {
    element('cloud-error').textContent = messageOf(error);
  }
}

async function check() {
  const button = element('cloud-check');
  button.toggleAttribute('disabled', true);
  element('cloud-error').textContent = '';
  showNote('Checking …');
  try {
    element('cloud-checks').replaceChildren(...(await checkCloud()).map(checkItem));
  } catch (error) {
    element('cloud-checks').replaceChildren();
    element('cloud-error').textContent = messageOf(error);
  } finally {
    button.toggleAttribute('disabled', false);
  }
}

/** @param {string} text */
function showNote(text) {
  const line = document.createElement('li');
  line.textContent = text;
  element('cloud-checks').replaceChildren(line);
}

/** @param {EndpointCheck} check */
function checkItem({ ok, message }) {
  const line = document.createElement('li');
  line.textContent = message;
  line.dataset['state'] = ok ? 'good' : 'bad';
  return line;
}
