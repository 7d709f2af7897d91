// @ts-check
import { addCamera, sentenceOf } from './api.js';
import { dialog, element, form } from './elements.js';

const FIELDS = ['name', 'rtsp_endpoint', 'transport', 'rtmp_endpoint'];

/**
 * The form for a new camera; `added` is called with its name. What the proxy refuses is said at the field that it names.
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
    } catch (refusal) {
      showErrors(byField(refusal));
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
    ...(values['name'] === undefined ? { name: 'Give it a name.' } : {}),
    ...(values['rtsp_endpoint'] === undefined ? { rtsp_endpoint: 'Type the address that its manual names.' } : {}),
  };
}

/**
 * The proxy begins a sentence about a field with the field's name.
 *
 * @param {unknown} refusal
 * @returns {Record<string, string>}
 */
function byField(refusal) {
  const sentence = sentenceOf(refusal);
  const status = refusal instanceof Error && 'status' in refusal ? refusal.status : undefined;
  if (status === 409) return { name: sentence };
  const field = FIELDS.find((name) => sentence.startsWith(`${name}: `));
  return field === undefined ? { '': sentence } : { [field]: sentence.slice(field.length + 2) };
}

/**
 * By field; '' = about none of them.
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
