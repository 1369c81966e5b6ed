/** What a test file is made of: one shop, one Chromium, and scenarios with visitors. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { launchChromium } from './chromium.mjs';
import { ROOT } from './program.mjs';
import { Shop } from './shop.mjs';
import { Visitor } from './visitor.mjs';

const FAILED = path.join(ROOT, 'build', 'browser-failed');
const LIMIT_MS = 120_000;

let browser = null; /* one for all tests of a file */

before(async () => {
    browser = await launchChromium();
});

after(async () => {
    await browser?.close();
});

/** A shop with these settings, open for the tests of a file. Gives {shop, scenario}; `shop` is there once a test runs. */
export function openShop(settings = {}, menu = null) {
    const street = { shop: null };

    before(async () => {
        street.shop = await Shop.open(settings, menu);
    });

    after(() => street.shop?.close());

    /** A test with visitors. `body` gets {shop, browser, visit, tell}; visit(options) gives a Visitor, tell(text) prints a figure.
     *  In the end every visitor's manners are checked; when it failed there are a picture of each page and the shop's log in build/browser-failed. */
    street.scenario = (title, body) => test(title, { timeout: LIMIT_MS }, async (t) => {
        const visitors = [];
        const visit = async (options) => {
            const visitor = await Visitor.arrive(browser, street.shop.url, options);
            visitors.push(visitor);
            return visitor;
        };
        try {
            await body({ shop: street.shop, browser, visit, tell: (text) => t.diagnostic(text) });
            visitors.forEach((visitor) => visitor.checkManners());
        } catch (error) {
            await Promise.all(visitors.map((visitor, n) => picture(visitor, `${title} ${n} ${visitor.name}`)));
            writeFileSync(fileFor(title, 'log'), street.shop?.output() ?? '');
            throw error;
        } finally {
            await Promise.all(visitors.map((visitor) => visitor.leave()));
        }
    });
    return street;
}

function fileFor(title, kind) {
    mkdirSync(FAILED, { recursive: true });
    return path.join(FAILED, `${title.replace(/[^\w-]+/g, '_').slice(0, 120)}.${kind}`);
}

async function picture(visitor, title) {
    const file = fileFor(title, 'png');
    await visitor.page.screenshot({ path: file, timeout: 5_000 }).catch((error) => console.error(`no picture of ${title}: ${error.message}`));
}
