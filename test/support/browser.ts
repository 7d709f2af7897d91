/** Headless Chromium of Debian, and the errors and requests of its pages. */
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
  /** All errors in the console, such as files that could not be loaded. */
  readonly consoleErrors: readonly string[];
  /** The origins of all requests. */
  readonly origins: ReadonlySet<string>;
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const page = await (await browser.newContext(options)).newPage();
  const faults: string[] = [];
  const consoleErrors: string[] = [];
  const origins = new Set<string>();
  page.on('pageerror', (error) => faults.push(String(error)));
  page.on('console', (message) => {
    if (message.type() !== 'error') return;
    consoleErrors.push(message.text());
    if (/content security policy/i.test(message.text())) faults.push(message.text());
  });
  page.on('request', (request) => origins.add(new URL(request.url()).origin));
  await page.goto(url);
  return { page, faults, consoleErrors, origins };
}

/** Width of the picture that an <img> shows, pixels; 0 while there is none. */
export async function widthOf(image: Locator): Promise<number> {
  // The test types have no DOM.
  return await image.evaluate((element: unknown) => (element as { readonly naturalWidth: number }).naturalWidth);
}
