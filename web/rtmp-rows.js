// @ts-check
import { changeCamera } from './api.js';
import { part } from './elements.js';
import { sizeText } from './figures.js';
import { SwitchRow } from './switch-row.js';
/** @import { PassthroughStatus, StorageStatus, StreamProcess } from './rest-types.js' */

/** The rows of a card that need an RTMP server. They are hidden while the camera has none. */
export class RtmpRows {
  #card;
  #passthrough;
  #storage;

  /**
   * @param {HTMLElement} card
   * @param {string} name
   */
  constructor(card, name) {
    this.#card = card;
    this.#passthrough = new SwitchRow(card, 'passthrough', `Push ${name} to RTMP`, (passthrough) =>
      changeCamera(name, { passthrough }),
    );
    this.#storage = new SwitchRow(card, 'storage', `Store ${name} in the cloud`, (storage) =>
      changeCamera(name, { storage }),
    );
  }

  /** @param {StreamProcess} camera */
  update({ rtmp_endpoint: url, rtmp_stream_status: actual, chrysproxy: { passthrough, storage } }) {
    for (const row of ['passthrough-row', 'storage-row']) part(this.#card, row).hidden = url === undefined;
    this.#passthrough.update({
      wanted: passthrough.wanted,
      text: passthroughText(passthrough),
      rating: actual.streaming ? 'good' : passthrough.wanted && passthrough.message !== '' ? 'bad' : '',
    });
    this.#storage.update({
      wanted: storage.wanted ?? false,
      text: storageText(storage),
      rating: storage.message !== '' ? 'bad' : actual.storing ? 'good' : '',
    });
  }
}

/** @param {PassthroughStatus} passthrough */
function passthroughText({ wanted, state, message, bytes }) {
  if (!wanted) return '';
  if (message !== '') return message;
  return bytes === 0 ? state : `${state}, ${sizeText(bytes)}`;
}

/** @param {StorageStatus} storage */
function storageText({ wanted, storing, message }) {
  if (message !== '') return message;
  if (storing === (wanted ?? false)) return storing ? 'stored' : '';
  return 'the cloud has not answered yet';
}
