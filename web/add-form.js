// @ts-check
import { addCamera, messageOf } from './api.js';
import { dialog, element, form } from './elements.js';

const FIELDS = ['name', 'rtsp_endpoint', 'transport', 'rtmp_endpoint'];

/**
 * Sets up the form for a new camera. `added` is called with the name of the new camera. An error is shown at the field
 * that it is about.
 *
 * @param {(name: string) => void} added
 */
export function prepareAddForm(added) {
  const box = dialog('add');
  const fields = form('add-form');
  element('add-button').addEventListener('click', () => {
    fields.reset();
    showErrors({});
    box.showModal();
    element('name').focus();
  });
  element('add-cancel').addEventListener('click', () => {
    box.close();
  });
  fields.addEventListener('submit', async (event) => {
    event.preventDefault();
    const entries = [...new FormData(fields)].map(([field, value]) => [field, String(value).trim()]);
    /** @type {Record<string, string>} */
    const values = Object.fromEntries(entries.filter(([, value]) => value !== ''));
    const missing = missingFields(values);
    showErrors(missing);
    if (Object.keys(missing).length > 0) return;
    const button = event.submitter;
    button?.toggleAttribute('disabled', true);
    try {
      await addCamera(values);
      box.close();
      added(values['name'] ?? '');
    } catch (error) {
      showErrors(byField(error));
    } finally {
      button?.toggleAttribute('disabled', false);
    }
  });
}

/**
 * @param {Readonly<Record<string, string>>} values
 * @returns {Record<string, string>}
 */
function missingFields(values) {
  return {
    ...(values['name'] === undefined ? { name: 'Enter a name.' } : {}),
    ...(values['rtsp_endpoint'] === undefined
      ? { rtsp_endpoint: 'Enter the URL of the stream. The manual of the camera has it.' }
      : {}),
  };
}

/**
 * Assigns an error to its field. The proxy begins a message about a field with the name of the field.
 *
 * @param {unknown} error
 * @returns {Record<string, string>}
 */
function byField(error) {
  const message = messageOf(error);
  const status = error instanceof Error && 'status' in error ? error.status : undefined;
  if (status === 409) return { name: message };
  const field = FIELDS.find((name) => message.startsWith(`${name}: `));
  return field === undefined ? { '': message } : { [field]: message.slice(field.length + 2) };
}

/**
 * Shows errors at their fields. The key '' holds an error that is not about a field.
 *
 * @param {Readonly<Record<string, string>>} errors
 */
function showErrors(errors) {
  element('add-error').textContent = errors[''] ?? '';
  for (const field of FIELDS) {
    element(`${field}-error`).textContent = errors[field] ?? '';
    element(field).setAttribute('aria-invalid', String(errors[field] !== undefined));
  }
  const first = FIELDS.find((field) => errors[field] !== undefined);
  if (first !== undefined) element(first).focus();
}
