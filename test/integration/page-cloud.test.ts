/** RTMP, storage and annotations on the page, in a browser, with an RTMP server and a receiver of annotations. */
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AnnotationReceiver, KEY, SECRET } from '../support/annotation-receiver.js';
import { annotate } from '../support/annotations.js';
import { openPage, startBrowser } from '../support/browser.js';
import { RtmpServer } from '../support/rtmp-server.js';
import { FarmScene } from '../support/scene.js';
import { waitFor } from '../support/wait.js';

const BOUND_MS = 20_000;

describe('the page', () => {
  let scene: FarmScene;
  let rtmp: RtmpServer;
  let receiver: AnnotationReceiver;
  let browser: Browser;
  let page: Page;
  let faults: readonly string[];

  beforeAll(async () => {
    rtmp = await RtmpServer.start();
    receiver = await AnnotationReceiver.start();
    const annotation = { endpoint: receiver.url, poll_duration_ms: 50, timeout_ms: 1000 };
    const config = { annotation, api: { endpoint: receiver.base } };
    scene = await FarmScene.start({ open: 'h264-640x480-25-g50' }, { later: ['open'], config });
    browser = await startBrowser();
    ({ page, faults } = await openPage(browser, scene.proxy.restUrl));
    page.setDefaultTimeout(BOUND_MS);
  });

  afterAll(async () => {
    await browser.close();
    await scene.dispose();
    await receiver.stop();
    await rtmp.stop();
  });

  const card = (name: string): Locator =>
    page.locator('.card').filter({ has: page.getByRole('heading', { name, exact: true }) });

  async function annotateTimes(count: number, meta: string): Promise<void> {
    for (let sent = 0; sent < count; sent += 1) {
      await annotate(scene.client, 'door', { custom_meta_1: meta });
    }
  }

  it('pushes a camera to its RTMP server, and shows no switch for a camera without one', async () => {
    await scene.proxy.addCamera('plain', scene.farm.url('open'));
    await page.getByRole('button', { name: 'Add a camera' }).click();
    await page.getByLabel('Name').fill('door');
    await page.getByLabel('Stream URL').fill(scene.farm.url('open'));
    await page.getByLabel('RTMP server').fill('http://wrong/');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await expect.poll(() => page.locator('#rtmp_endpoint-error').textContent()).toContain('rtmp://');
    await page.getByLabel('RTMP server').fill(rtmp.url('door'));
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    const push = card('door').getByRole('switch', { name: 'Push door to RTMP' });
    await push.click();
    await card('door')
      .getByText(/^streaming, /)
      .waitFor();
    await waitFor(
      'the camera to stream',
      BOUND_MS,
      async () => (await scene.proxy.camera('door')).rtmp_stream_status.streaming,
    );
    await push.click();
    await card('door')
      .getByText(/^streaming, /)
      .waitFor({ state: 'detached' });
    await waitFor(
      'the camera to stop streaming',
      BOUND_MS,
      async () => !(await scene.proxy.camera('door')).rtmp_stream_status.streaming,
    );
    expect(await card('plain').getByRole('switch', { name: 'Push plain to RTMP' }).count()).toBe(0);
  });

  it('saves the edge key and secret, checks them, and never shows the secret', async () => {
    await page.getByRole('button', { name: 'Cloud settings' }).click();
    await page.getByText('No secret is set.').waitFor();
    await page.getByLabel('Edge key').fill(KEY);
    await page.getByLabel('Edge secret').fill('wrong');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('A secret is set. Leave this field empty to keep it.').waitFor();
    await page.getByRole('button', { name: 'Check' }).click();
    await page
      .getByText(/does not accept the edge key and secret/)
      .first()
      .waitFor();
    await page.getByLabel('Edge secret').fill(SECRET);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText(/it accepts annotations/).waitFor();
    expect(await page.content()).not.toContain(SECRET);
    // Saving without a secret keeps the secret.
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved.').waitFor();
    await page.getByRole('button', { name: 'Check' }).click();
    await page.getByText(/it accepts annotations/).waitFor();
    await page.getByRole('button', { name: 'Close' }).click();
  });

  it('counts annotations that wait, were delivered or were refused, and sends refused ones again', async () => {
    const panel = page.getByRole('region', { name: 'Annotations' });
    await annotateTimes(2, 'good');
    await panel.locator('#annotations-delivered').getByText('2', { exact: true }).waitFor();
    await receiver.stop();
    await annotateTimes(3, 'good');
    await panel.getByText('waiting', { exact: true }).waitFor();
    await panel.getByText(/nothing listens on its port/).waitFor();
    await receiver.listen();
    await panel.locator('#annotations-delivered').getByText('5', { exact: true }).waitFor();
    receiver.fault = { kind: 'poison' };
    await annotateTimes(1, 'poison');
    await panel.getByRole('button', { name: 'Show refused annotations' }).click();
    await page
      .locator('#refused-list')
      .getByText(/^door, moving: .*400/)
      .waitFor();
    receiver.fault = undefined;
    await page.getByRole('button', { name: 'Send all again' }).click();
    await panel.locator('#annotations-delivered').getByText('6', { exact: true }).waitFor();
    await panel.getByRole('button', { name: 'Show refused annotations' }).waitFor({ state: 'hidden' });
  });

  it('shows why the cloud does not store a camera', async () => {
    const store = card('door').getByRole('switch', { name: 'Store door in the cloud' });
    await store.click();
    await card('door').getByText(/404/).first().waitFor();
    expect((await scene.proxy.camera('door')).rtmp_stream_status.storing).toBe(false);
  });

  it('has no uncaught error and violates no content security policy', () => {
    expect(faults).toEqual([]);
  });
});
