// @ts-check
import { messageOf, showCamera } from './api.js';
import { askToRemove, watchLive } from './dialogs.js';
import { copyOf, part } from './elements.js';
import { ageText, coreText, decodingText, durationText, limitText, Rates, rateText, streamText } from './figures.js';
import { keepFresh, stopRefreshing } from './pictures.js';
import { RecordingRow } from './recording-row.js';
import { RtmpRows } from './rtmp-rows.js';
/**
 * @import { StreamProcess } from './rest-types.js'
 * @import { Target } from './pictures.js'
 */

/** The card of one camera. What the proxy answers is inserted as text, never as HTML. */
export class CameraCard {
  #rates = new Rates();
  #log;
  #shownLog = '';
  #picture;
  #recording;
  #rtmp;

  /**
   * @param {string} name
   * @param {() => void} removed
   */
  constructor(name, removed) {
    const element = copyOf('camera-card');
    const frame = part(element, 'watch');
    this.name = name;
    this.element = element;
    this.#log = /** @type {HTMLDetailsElement} */ (part(element, 'log'));
    this.#recording = new RecordingRow(element, name);
    this.#rtmp = new RtmpRows(element, name);
    /** @type {Target} */
    this.#picture = { frame, name, live: false, show: this.#show.bind(this) };
    this.#text('name', name);
    frame.setAttribute('aria-label', `Watch ${name} live`);
    frame.addEventListener('click', () => {
      watchLive(name);
    });
    part(element, 'remove').setAttribute('aria-label', `Remove ${name}`);
    part(element, 'remove').addEventListener('click', () => {
      askToRemove(name, removed);
    });
    this.#log.addEventListener('toggle', () => void this.#refreshLog());
    keepFresh(this.#picture);
  }

  /**
   * @param {StreamProcess} camera
   * @param {number} nowMs The time of the proxy's clock.
   */
  update(camera, nowMs) {
    const { phase, message, next_attempt: nextMs, since, stats } = camera.chrysproxy;
    this.#rates.add(stats, nowMs);
    this.#picture.live = phase === 'running';
    this.#picture.frame.dataset['phase'] = phase;
    const state = part(this.element, 'state');
    state.textContent = phase;
    state.dataset['phase'] = phase;
    state.title = `since ${new Date(since).toLocaleString()}`;
    const again = nextMs === null ? '' : ` Next attempt in ${durationText(Math.max(0, nextMs - nowMs) / 1000)}.`;
    const why = part(this.element, 'message');
    why.textContent = message === '' ? '' : `${asSentence(message)}${again}`;
    why.hidden = message === '';
    this.#text('stream', streamText(camera));
    this.#text('rate', rateText(camera, this.#rates));
    this.#text('decoding', decodingText(camera));
    this.#text('core', coreText(this.#rates));
    this.#text('callers', String(stats.callers));
    this.#text('age', ageText(stats.last_packet, nowMs));
    this.#text('stall-limit', limitText(stats.stall_limit_ms));
    this.#recording.update(camera.chrysproxy.recording, nowMs);
    this.#rtmp.update(camera);
    this.#text('source', sourceText(camera));
    part(this.element, 'source').title = camera.rtsp_endpoint;
    void this.#refreshLog();
  }

  discard() {
    stopRefreshing(this.#picture);
    this.element.remove();
  }

  /** @param {HTMLImageElement} picture */
  #show(picture) {
    picture.alt = `Newest picture of ${this.name}`;
    picture.dataset['part'] = 'image';
    part(this.element, 'image').replaceWith(picture);
    part(this.element, 'no-picture').hidden = true;
  }

  async #refreshLog() {
    if (!this.#log.open) return;
    const items = await showCamera(this.name).then(logItems, (error) => [item(messageOf(error), 'error')]);
    const text = items.map((each) => each.textContent).join('\n');
    // Replacing the lines would remove the user's selection.
    if (text === this.#shownLog) return;
    this.#shownLog = text;
    const list = part(this.element, 'lines');
    // A user who has scrolled back is reading, so only a list at its end scrolls on.
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 20;
    list.replaceChildren(...items);
    if (atEnd) list.scrollTop = list.scrollHeight;
  }

  /**
   * @param {string} name
   * @param {string} text
   */
  #text(name, text) {
    part(this.element, name).textContent = text;
  }
}

/** @param {string} message */
function asSentence(message) {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}${/[.!?]$/.test(message) ? '' : '.'}`;
}

/** @param {StreamProcess} camera */
function logItems({ logs }) {
  const lines = [logs.stdout, logs.stderr]
    .flatMap((encoded) => new TextDecoder().decode(bytesOf(encoded)).split('\n'))
    .filter((line) => line !== '')
    .sort();
  if (lines.length === 0) return [item('The log is empty.', '')];
  return lines.map((line) => {
    // A line is like "2026-01-02T03:04:05.678Z warn text".
    const [time = '', level = '', ...words] = line.split(' ');
    return item(`${new Date(time).toLocaleTimeString()} ${words.join(' ')}`, level);
  });
}

/** @param {string} base64 */
function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/**
 * @param {string} text
 * @param {string} level
 */
function item(text, level) {
  const line = document.createElement('li');
  line.textContent = text;
  line.dataset['level'] = level;
  return line;
}

/** @param {StreamProcess} camera */
function sourceText({ rtsp_endpoint: url, chrysproxy: { replay } }) {
  if (replay === null) return url;
  const speed = replay.speed === 1 ? '' : `, ${replay.speed}x`;
  return `replay of ${replay.camera}${speed}${replay.loop ? ', loop' : ''}`;
}
