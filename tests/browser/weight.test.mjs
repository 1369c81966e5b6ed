/** How light the pages are, and what they may do: bytes over the wire, first paint on a slow phone, headers. */
import assert from 'node:assert/strict';
import { openShop } from './lib/scenario.mjs';
import { MANUAL } from './lib/shop.mjs';

const { scenario } = openShop(MANUAL);

const MOST_BYTES = 60 * 1024;
const SLOW_CPU = 4;
/* Slow 4G: the line itself, as Lighthouse has it, and as Chromium's developer tools make each request feel. */
const MBIT = 1_000_000 / 8;
const SLOW_4G = { 'slow 4G (150 ms)': { latency: 150, download: 1.6 * MBIT, upload: 0.75 * MBIT },
    'slow 4G of the developer tools (562 ms a request)': { latency: 562.5, download: 1.44 * MBIT, upload: 0.675 * MBIT } };

const PAGES = {
    '/': { device: 'phone', useful: '[data-testid=menu-item]' },
    '/kitchen': { device: 'tablet', useful: '[data-testid=ticket]' },
    '/stock': { device: 'tablet', useful: '[data-testid=item]' },
    '/ops': { device: 'desktop', useful: '[data-testid=service]' },
};

/** Runs in the page before its own scripts: notes when something that matches was first painted. */
function watchFor(selector) {
    globalThis.usefulAt = new Promise((resolve) => {
        const look = () => {
            if (document.querySelector(selector)) {
                requestAnimationFrame(() => setTimeout(() => resolve(performance.now())));
            } else {
                requestAnimationFrame(look);
            }
        };
        look();
    });
}

for (const [where, { device, useful }] of Object.entries(PAGES)) {
    scenario(`${where} weighs at most 60 KB with everything`, async ({ shop, visit, tell }) => {
        await shop.ticketOf((await shop.order()).id);
        const visitor = await visit({ device });
        const session = await visitor.context.newCDPSession(visitor.page);
        await session.send('Network.enable');
        const bytes = new Map();
        const names = new Map();
        session.on('Network.requestWillBeSent', ({ requestId, request }) => names.set(requestId, new URL(request.url).pathname));
        session.on('Network.responseReceived', ({ requestId, response }) => bytes.set(requestId, response.encodedDataLength));
        session.on('Network.dataReceived', ({ requestId, encodedDataLength }) => bytes.set(requestId, (bytes.get(requestId) ?? 0) + encodedDataLength));
        session.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => bytes.set(requestId, encodedDataLength));
        await visitor.go(where);
        await visitor.page.locator(useful).first().waitFor();
        await visitor.page.waitForLoadState('load');
        const parts = [...bytes].map(([id, size]) => [names.get(id), size]).sort((a, b) => b[1] - a[1]);
        const total = parts.reduce((sum, [, size]) => sum + size, 0);
        tell(`${where}: ${total} bytes in ${parts.length} answers, heads included: ${parts.slice(0, 4).map(([name, size]) => `${name} ${size}`).join(', ')}`);
        assert.ok(total <= MOST_BYTES, `${total} bytes`);
        assert.ok(total > 3_000, 'it was measured');
    });

    for (const [line, throttle] of Object.entries(SLOW_4G)) {
        scenario(`${where} on a slow phone by ${line}`, async ({ shop, visit, tell }) => {
            await shop.ticketOf((await shop.order()).id);
            const visitor = await visit({ device });
            await visitor.context.addInitScript(watchFor, useful);
            const session = await visitor.context.newCDPSession(visitor.page);
            await session.send('Network.enable');
            await session.send('Network.emulateNetworkConditions',
                { offline: false, latency: throttle.latency, downloadThroughput: throttle.download, uploadThroughput: throttle.upload });
            await session.send('Emulation.setCPUThrottlingRate', { rate: SLOW_CPU });
            await visitor.go(where);
            const [first, content] = await visitor.page.evaluate(async () => {
                const usefulAt = await globalThis.usefulAt;
                const [paint] = performance.getEntriesByName('first-contentful-paint');
                return [paint?.startTime, usefulAt];
            });
            tell(`${where}, CPU ${SLOW_CPU} times slower, ${line}: first contentful paint ${Math.round(first)} ms, with the shop's content ${Math.round(content)} ms`);
            assert.ok(first > 0 && content > 0);
        });
    }

    scenario(`${where} comes with a strict policy and is never old`, async ({ shop }) => {
        const { headers } = await shop.ask('GET', where, undefined, { Accept: 'text/html' });
        const policy = Object.fromEntries(headers.get('Content-Security-Policy').split(';').map((part) => {
            const [name, ...sources] = part.trim().split(/\s+/);
            return [name, sources];
        }));
        assert.deepEqual(policy['default-src'], ["'none'"]);
        assert.deepEqual(policy['script-src'], ["'self'"]);
        for (const [name, sources] of Object.entries(policy)) {
            assert.ok(!sources.some((source) => /unsafe|\*|^https?:|^data:/.test(source)), `${name} ${sources}`);
        }
        for (const closed of ['base-uri', 'form-action', 'frame-ancestors']) {
            assert.deepEqual(policy[closed], ["'none'"]);
        }
        assert.equal(headers.get('X-Content-Type-Options'), 'nosniff');
        assert.match(headers.get('Referrer-Policy') ?? '', /no-referrer|same-origin|strict-origin/);
        assert.match(headers.get('Cache-Control'), /no-cache|no-store/);
    });
}

scenario('it can be installed: manifest and icons are there and say what they are', async ({ shop, visit }) => {
    const visitor = await visit();
    await visitor.go('/');
    const address = await visitor.page.locator('link[rel=manifest]').getAttribute('href');
    const manifest = await shop.ask('GET', address);
    assert.match(manifest.headers.get('Content-Type'), /manifest\+json/);
    assert.ok(manifest.body.name && manifest.body.start_url && manifest.body.display);
    assert.ok(manifest.body.icons.length >= 1);
    for (const icon of manifest.body.icons) {
        const answer = await shop.ask('GET', icon.src);
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get('Content-Type'), /^image\//);
    }
    const session = await visitor.context.newCDPSession(visitor.page);
    const { errors } = await session.send('Page.getAppManifest');
    assert.deepEqual(errors, []);
});

scenario('a page that was seen before asks only for what may have changed', async ({ visit }) => {
    const visitor = await visit();
    const session = await visitor.context.newCDPSession(visitor.page);
    await session.send('Network.enable');
    const cached = new Set();
    let fetched = []; // what came over the network, as far as it has come: the icon is asked for when the browser finds the time
    session.on('Network.requestServedFromCache', ({ requestId }) => cached.add(requestId));
    session.on('Network.responseReceived', ({ requestId, response }) => {
        const where = new URL(response.url).pathname;
        if (where.startsWith('/assets/') && !response.fromDiskCache && !cached.has(requestId))
            fetched.push(where);
    });
    await visitor.go('/');
    await visitor.page.getByTestId('menu-item').first().waitFor();
    const before = fetched;
    assert.ok(before.length > 0);
    fetched = [];
    await visitor.go('/no/such/place');
    await visitor.go('/');
    await visitor.page.getByTestId('menu-item').first().waitFor();
    assert.deepEqual(fetched.filter((where) => before.includes(where)), []);
});
