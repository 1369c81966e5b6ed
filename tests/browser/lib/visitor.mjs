/** Somebody with a device in front of a page. Whatever a test is about, no page may ask another host for anything, break its
 *  Content-Security-Policy or let an error get away: checkManners() fails with a list of all that did. */
import assert from 'node:assert/strict';
import { DEVICES, LANGUAGES } from './chromium.mjs';

/** Runs in the page before its own scripts. */
function listenForViolations() {
    document.addEventListener('securitypolicyviolation', (event) =>
        console.error(`CSP: ${event.effectiveDirective} forbids ${event.blockedURI} ${event.sourceFile ?? ''}:${event.lineNumber}`));
}

/** Runs in the page before its own scripts: a device whose clock is wrong. Stop-watches (performance.now()) still run right. */
function shiftClock(ms) {
    const RightDate = Date;
    class WrongDate extends RightDate {
        constructor(...when) {
            if (when.length) {
                super(...when);
            } else {
                super(RightDate.now() + ms);
            }
        }
        static now() {
            return RightDate.now() + ms;
        }
    }
    globalThis.Date = WrongDate;
}

export class Visitor {
    /** @param browser  the Chromium
     *  @param url      the shop's address
     *  @param options  {language: 'ko' | 'en', device: a key of DEVICES, scheme: 'light' | 'dark', clockOffMs, more: of the context} */
    static async arrive(browser, url, { language = 'en', device = 'phone', scheme = 'light', clockOffMs = 0, more = {} } = {}) {
        const visitor = new Visitor();
        visitor.url = url;
        visitor.name = `${device}-${language}-${scheme}`;
        visitor.sins = [];
        visitor.context = await browser.newContext({
            ...DEVICES[device], locale: LANGUAGES[language], colorScheme: scheme, timezoneId: 'Asia/Seoul', baseURL: url, ...more,
        });
        visitor.context.setDefaultTimeout(15_000);
        await visitor.context.addInitScript(listenForViolations);
        if (clockOffMs) {
            await visitor.context.addInitScript(shiftClock, clockOffMs);
        }
        visitor.context.on('page', (page) => visitor.#watch(page));
        visitor.page = await visitor.context.newPage();
        return visitor;
    }

    #watch(page) {
        page.on('pageerror', (error) => this.sins.push(`uncaught: ${error.stack ?? error.message}`));
        page.on('console', (message) => {
            if (message.type() === 'error' && /CSP:|Content.Security.Policy|Refused to/i.test(message.text())) {
                this.sins.push(message.text());
            }
        });
        page.on('request', (request) => {
            if (!request.url().startsWith(`${this.url}/`) && !/^(data|blob|about):/.test(request.url())) {
                this.sins.push(`another host was asked: ${request.method()} ${request.url()}`);
            }
        });
    }

    async go(where) {
        await this.page.goto(where);
        return this.page;
    }

    /** Another window on the same device. */
    async openWindow(where) {
        const page = await this.context.newPage();
        await page.goto(where);
        return page;
    }

    /** The device is off the net: nothing that is asked for from now on arrives, and the browser tells its pages so. */
    async loseNet() {
        await this.#changeNet(true);
    }

    async findNet() {
        await this.#changeNet(false);
    }

    /* On a machine that has no net itself, but for loopback, Chromium takes every device for offline from the beginning: it has no
     * change to tell then, and we do so in its place. */
    async #changeNet(offline) {
        const pages = this.context.pages();
        const before = await Promise.all(pages.map((page) => page.evaluate(() => navigator.onLine)));
        await this.context.setOffline(offline);
        const after = await Promise.all(pages.map((page) => page.evaluate(() => navigator.onLine)));
        await Promise.all(pages.filter((_, i) => before[i] === after[i]).map((page) =>
            page.evaluate((event) => dispatchEvent(new Event(event)), offline ? 'offline' : 'online')));
    }

    checkManners() {
        assert.deepEqual(this.sins, []);
    }

    async leave() {
        await this.context.close();
    }
}
