/** Headless Chromium of Debian, and the errors in its pages. */
import { type Browser, type BrowserContextOptions, chromium, type Locator, type Page } from 'playwright-core';

const EXECUTABLE = '/usr/bin/chromium';
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
];

export async function startBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: EXECUTABLE, headless: true, args: ARGUMENTS });
}

export interface WatchedPage {
  readonly page: Page;
  /** Uncaught errors, and violations of the content security policy. */
  readonly faults: readonly string[];
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const page = await (await browser.newContext(options)).newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error' && /content security policy/i.test(message.text())) faults.push(message.text());
  });
  await page.goto(url);
  return { page, faults };
}

/** Width of the picture that an <img> shows, pixels; 0 while there is none. */
export async function widthOf(image: Locator): Promise<number> {
  // The test types have no DOM.
  return await image.evaluate((element: unknown) => (element as { readonly naturalWidth: number }).naturalWidth);
}
