// @ts-check
import { lastMinuteUrl, sentenceOf, setRecord } from './api.js';
import { part } from './elements.js';
import { sizeText } from './figures.js';
/** @import { Recording } from './api.js' */

const MINUTE_MS = 60_000;

/** The row of a card that tells about its recording and switches it. */
export class RecordingRow {
  #name;
  #switch;
  #state;
  #link;
  #refused = '';
  /** While the proxy has not answered, the switch stays as it was put. */
  #changing = false;

  /**
   * @param {HTMLElement} card
   * @param {string} name
   */
  constructor(card, name) {
    this.#name = name;
    this.#switch = /** @type {HTMLInputElement} */ (part(card, 'record'));
    this.#state = part(card, 'recording');
    this.#link = /** @type {HTMLAnchorElement} */ (part(card, 'last-minute'));
    this.#switch.setAttribute('aria-label', `Record ${name}`);
    this.#switch.addEventListener('change', () => void this.#change());
  }

  /**
   * @param {Recording} recording
   * @param {number} nowMs By the proxy's clock.
   */
  update(recording, nowMs) {
    const { wanted, state, last_segment: lastMs } = recording;
    if (!this.#changing) this.#switch.checked = wanted;
    this.#state.dataset['state'] = this.#refused === '' ? state : 'failing';
    this.#state.textContent = this.#refused === '' ? stateText(recording) : this.#refused;
    this.#link.href = lastMinuteUrl(this.#name, nowMs - MINUTE_MS, nowMs);
    this.#link.hidden = lastMs === null || nowMs - lastMs > MINUTE_MS;
  }

  async #change() {
    const wanted = this.#switch.checked;
    this.#changing = true;
    this.#refused = '';
    try {
      await setRecord(this.#name, wanted);
    } catch (refusal) {
      this.#switch.checked = !wanted;
      this.#refused = sentenceOf(refusal);
    } finally {
      this.#changing = false;
    }
  }
}

/** @param {Recording} recording */
function stateText({ state, message, segments, bytes }) {
  if (message !== '') return message;
  if (state === 'off') return '';
  return segments === 0 ? state : `${state}, ${sizeText(bytes)}`;
}
