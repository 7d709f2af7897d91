/** The documentation of the REST interface at `/api/docs`, in a browser. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTE_TABLE } from '../../src/rest/route-table/index.js';
import { openPage, startBrowser, type WatchedPage } from '../support/browser.js';
import { Proxy } from '../support/proxy.js';

const BOUND_MS = 20_000;
const ROUTES = ROUTE_TABLE.flatMap(({ routes }) => Object.values(routes));

describe('the documentation of the REST interface', () => {
  let proxy: Proxy;
  let browser: Browser;
  let docs: WatchedPage;

  beforeAll(async () => {
    proxy = await Proxy.start();
    browser = await startBrowser();
    docs = await openPage(browser, `${proxy.restUrl}/api/docs`);
    docs.page.setDefaultTimeout(BOUND_MS);
  });

  afterAll(async () => {
    await browser.close();
    await proxy.dispose();
  });

  it('shows every route', async () => {
    const shown = docs.page.locator('.opblock');
    await expect.poll(() => shown.count(), { timeout: BOUND_MS }).toBe(ROUTES.length);
    const text = await docs.page.locator('#docs').innerText();
    for (const { summary } of ROUTES) expect(text).toContain(summary);
  });

  it('shows the fields of an answer', async () => {
    await docs.page.getByText('Show the version, the port of gRPC and the clock').click();
    await docs.page.locator('.opblock.is-open').getByText('grpc_port').first().waitFor();
  });

  it('sends requests to the proxy only, and has no error in its console', () => {
    expect([...docs.origins].filter((origin) => origin !== 'null')).toEqual([proxy.restUrl]);
    expect(docs.consoleErrors).toEqual([]);
    expect(docs.faults).toEqual([]);
  });
});
