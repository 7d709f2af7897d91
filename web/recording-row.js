// @ts-check
import { changeCamera, lastMinuteUrl } from './api.js';
import { part } from './elements.js';
import { sizeText } from './figures.js';
import { SwitchRow } from './switch-row.js';
/** @import { RecordingStatus } from './rest-types.js' */

const MINUTE_MS = 60_000;
const RATINGS = /** @type {const} */ ({ off: '', waiting: '', recording: 'good', failing: 'bad' });

/** The row of a card that shows the recording of the camera and switches it on and off. */
export class RecordingRow {
  #name;
  #row;
  #link;

  /**
   * @param {HTMLElement} card
   * @param {string} name
   */
  constructor(card, name) {
    this.#name = name;
    this.#row = new SwitchRow(card, 'record', `Record ${name}`, (record) => changeCamera(name, { record }));
    this.#link = /** @type {HTMLAnchorElement} */ (part(card, 'last-minute'));
  }

  /**
   * @param {RecordingStatus} recording
   * @param {number} nowMs The time of the proxy's clock.
   */
  update(recording, nowMs) {
    const { wanted, state, last_segment: lastMs } = recording;
    this.#row.update({ wanted, text: stateText(recording), rating: RATINGS[state] });
    this.#link.href = lastMinuteUrl(this.#name, nowMs - MINUTE_MS, nowMs);
    this.#link.hidden = lastMs === null || nowMs - lastMs > MINUTE_MS;
  }
}

/** @param {RecordingStatus} recording */
function stateText({ state, message, segments, bytes }) {
  if (message !== '') return message;
  if (state === 'off') return '';
  return segments === 0 ? state : `${state}, ${sizeText(bytes)}`;
}
