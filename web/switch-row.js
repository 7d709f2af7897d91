// @ts-check
import { messageOf } from './api.js';
import { part } from './elements.js';

/**
 * @typedef {object} Shown
 * @property {boolean} wanted
 * @property {string} text The state, in words.
 * @property {'good' | 'bad' | ''} rating
 */

/** A switch on a card, and the text beside it. */
export class SwitchRow {
  #switch;
  #state;
  #set;
  #error = '';
  #requested = false;
  /** True until the proxy has answered. Meanwhile the switch stays where the user has put it. */
  #changing = false;

  /**
   * @param {HTMLElement} card
   * @param {string} name The `data-part` of the switch. The text has the same with `-state` at its end.
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
  update({ wanted, text, rating }) {
    if (!this.#changing) this.#switch.checked = wanted;
    // The proxy keeps some changes although it answers with an error. Its status then says more than that error.
    if (wanted === this.#requested) this.#error = '';
    this.#state.dataset['state'] = this.#error === '' ? rating : 'bad';
    this.#state.textContent = this.#error === '' ? text : this.#error;
  }

  async #change() {
    const wanted = this.#switch.checked;
    this.#changing = true;
    this.#requested = wanted;
    this.#error = '';
    try {
      await this.#set(wanted);
    } catch (error) {
      this.#switch.checked = !wanted;
      this.#error = messageOf(error);
    } finally {
      this.#changing = false;
    }
  }
}
