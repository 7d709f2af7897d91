/** The page at `/` in a browser, against the whole proxy and RTSP cameras of the test farm. */
import { readFile } from 'node:fs/promises';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openPage, startBrowser, widthOf } from '../support/browser.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 20_000;
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };
/** Not allowed as the name of a camera, but possible in a log. */
const MARKUP = '<img src=x onerror=alert(1)>';

describe('the page', () => {
  let scene: FarmScene;
  let browser: Browser;
  let page: Page;
  let faults: readonly string[];

  beforeAll(async () => {
    const open = { clip: 'h264-640x480-25-g50', user: 'viewer', password: 'pa55' };
    scene = await FarmScene.start({ open }, { later: ['open'] });
    browser = await startBrowser();
    ({ page, faults } = await openPage(browser, scene.proxy.restUrl));
    page.setDefaultTimeout(BOUND_MS);
  });

  afterAll(async () => {
    await browser.close();
    await scene.dispose();
  });

  const card = (name: string): Locator =>
    page.locator('.card').filter({ has: page.getByRole('heading', { name, exact: true }) });

  async function fillIn(name: string, url: string): Promise<void> {
    await page.getByLabel('Name').fill(name);
    await page.getByLabel('Stream URL').fill(url);
    await page.getByRole('button', { name: 'Add', exact: true }).click();
  }

  it('explains how to add a camera when there is none', async () => {
    await page.getByText('There is no camera yet').waitFor();
  });

  it('shows an error at its field', async () => {
    await page.getByRole('button', { name: 'Add a camera' }).click();
    await fillIn('door', 'http://127.0.0.1/x');
    await expect.poll(() => page.locator('#rtsp_endpoint-error').textContent()).toContain('rtsp://');
    expect(await page.getByLabel('Stream URL').getAttribute('aria-invalid')).toBe('true');
    await fillIn(MARKUP, scene.farm.url('open'));
    await expect.poll(() => page.locator('#name-error').textContent()).toContain(MARKUP.slice(0, 10));
    expect(await page.locator('#rtsp_endpoint-error').textContent()).toBe('');
    await fillIn('', '');
    await expect.poll(() => page.locator('#name-error').textContent()).toBe('Enter a name.');
  });

  it('adds a camera and shows it running, with its picture and without its password', async () => {
    await fillIn('door', scene.farm.url('open'));
    await card('door').getByText('running', { exact: true }).waitFor();
    const picture = card('door').locator('img');
    await expect.poll(() => widthOf(picture), { timeout: BOUND_MS }).toBeGreaterThan(0);
    await card('door').getByText('h264 640 × 480').waitFor();
    await card('door').getByText('25 fps').waitFor();
    expect(await page.content()).not.toContain('pa55');
  });

  it('loads newer pictures', async () => {
    const address = (): Promise<string | null> => card('door').locator('img').getAttribute('src');
    const first = await address();
    await waitFor('another picture', BOUND_MS, async () => (await address()) !== first);
  });

  it('shows the log of a camera as text', async () => {
    await scene.proxy.addCamera('gate', `rtsp://127.0.0.1:1/${MARKUP.replaceAll(' ', '%20')}`);
    await card('gate').getByText('reconnecting').waitFor();
    await card('gate').getByText('Log', { exact: true }).click();
    await card('gate')
      .locator('.log')
      .getByText(/onerror=alert/)
      .first()
      .waitFor();
    expect(await page.locator('[onerror]').count()).toBe(0);
    await scene.proxy.removeCamera('gate');
    await card('gate').waitFor({ state: 'detached' });
  });

  it('shows a camera live, and decodes only keyframes again when that is closed', async () => {
    await card('door').getByRole('button', { name: 'Watch door live' }).click();
    const live = page.getByRole('dialog').locator('img');
    await expect.poll(() => widthOf(live), { timeout: BOUND_MS }).toBe(640);
    await waitFor('every frame to be decoded', BOUND_MS, async () => (await decoding()) === 'all');
    await page.keyboard.press('Escape');
    await waitFor('only keyframes to be decoded', BOUND_MS, async () => (await decoding()) === 'keyframes');
  });

  it('switches recording on and off, and downloads the last minute', async () => {
    const record = card('door').getByRole('switch', { name: 'Record door' });
    expect(await record.isChecked()).toBe(false);
    await record.click();
    await card('door')
      .getByText(/^recording, /)
      .waitFor();
    const download = page.waitForEvent('download');
    await card('door').getByRole('link', { name: 'Last minute' }).click();
    expect((await download).suggestedFilename()).toMatch(/^door-\d{8}T\d{6}Z\.mp4$/);
    expect((await readFile(await (await download).path())).subarray(4, 8).toString()).toBe('ftyp');
    await record.click();
    await waitFor(
      'recording to be off',
      BOUND_MS,
      async () => !(await scene.proxy.camera('door')).chrysproxy.recording.wanted,
    );
    expect(await record.isChecked()).toBe(false);
  });

  it('reports that the proxy does not answer, and continues when it does', async () => {
    await scene.proxy.end();
    await page.getByText('The proxy does not answer').waitFor();
    await scene.proxy.resume();
    await page.getByText('The proxy does not answer').waitFor({ state: 'hidden' });
    await card('door').getByText('running', { exact: true }).waitFor();
  });

  it('fits a phone', async () => {
    const phone = await openPage(browser, scene.proxy.restUrl, PHONE);
    await phone.page.getByText('running', { exact: true }).waitFor();
    expect(await phone.page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(PHONE.viewport.width);
    await phone.page.getByRole('button', { name: 'Add a camera' }).tap();
    const box = await phone.page.getByRole('dialog').boundingBox();
    expect(box!.x).toBeGreaterThanOrEqual(0);
    expect(box!.x + box!.width).toBeLessThanOrEqual(PHONE.viewport.width);
    expect(phone.faults).toEqual([]);
    await phone.page.context().close();
  });

  it('removes a camera after a confirmation', async () => {
    await card('door').getByRole('button', { name: 'Remove door' }).click();
    await page.getByRole('button', { name: 'Keep it' }).click();
    expect((await scene.proxy.rest('GET', '/api/v1/process/door')).status).toBe(200);
    await card('door').getByRole('button', { name: 'Remove door' }).click();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await card('door').waitFor({ state: 'detached' });
    expect((await scene.proxy.rest('GET', '/api/v1/process/door')).status).toBe(404);
    await page.getByText('There is no camera yet').waitFor();
  });

  it('has no uncaught error and violates no content security policy', () => {
    expect(faults).toEqual([]);
  });

  async function decoding(): Promise<string> {
    return (await scene.proxy.camera('door')).chrysproxy.stats.decoding;
  }
});
