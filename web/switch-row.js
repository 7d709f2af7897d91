// @ts-check
import { sentenceOf } from './api.js';
import { part } from './elements.js';

/**
 * @typedef {object} Shown
 * @property {boolean} wanted
 * @property {string} text How it fares.
 * @property {'good' | 'bad' | ''} mood
 */

/** A switch on a card, and beside it what became of it. */
export class SwitchRow {
  #switch;
  #state;
  #set;
  #refused = '';
  #asked = false;
  /** While the proxy has not answered, the switch stays as it was put. */
  #changing = false;

  /**
   * @param {HTMLElement} card
   * @param {string} name Of its parts.
   * @param {string} label
   * @param {(on: boolean) => Promise<void>} set
   */
  constructor(card, name, label, set) {
    this.#switch = /** @type {HTMLInputElement} */ (part(card, name));
    this.#state = part(card, `${name}-state`);
    this.#set = set;
    this.#switch.setAttribute('aria-label', label);
    this.#switch.addEventListener('change', () => void this.#change());
  }

  /** @param {Shown} shown */
  update({ wanted, text, mood }) {
    if (!this.#changing) this.#switch.checked = wanted;
    // Some wishes are kept although they could not be fulfilled at once; then its own words say more.
    if (wanted === this.#asked) this.#refused = '';
    this.#state.dataset['state'] = this.#refused === '' ? mood : 'bad';
    this.#state.textContent = this.#refused === '' ? text : this.#refused;
  }

  async #change() {
    const wanted = this.#switch.checked;
    this.#changing = true;
    this.#asked = wanted;
    this.#refused = '';
    try {
      await this.#set(wanted);
    } catch (refusal) {
      this.#switch.checked = !wanted;
      this.#refused = sentenceOf(refusal);
    } finally {
      this.#changing = false;
    }
  }
}
